"""The operator lets partners in and out; a partner reads its own queue and can do nothing else on a real broker."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aio_pika
import aiohttp
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from click.testing import CliRunner, Result

from libs.common.endings import EXIT_CONFIGURATION, EXIT_REFUSED
from libs.common.run import cli
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.wiring import SERVICE
from tests.bus.management import Imported, Management, imported_definitions, take

Json = dict[str, Any]
PUBLISHED, CLOSED = "notices.notice.published.v1", "notices.procedure.closed.v1"
GONE = (AMQPError, ConnectionError, asyncio.CancelledError)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(management: Management) -> AsyncIterator[Imported]:
    """Give the committed definitions on a real broker."""
    async with imported_definitions(management) as imported:
        yield imported


@dataclass
class Operator:
    """Who runs the command on a shell."""

    h: Harness
    broker: Imported
    name: str
    """A partner of our own: users are of the whole broker."""

    async def run(self, *words: str, **changes: str | None) -> Result:
        environment: dict[str, str | None] = {
            "HALLES_ENVIRONMENT": "test",
            "HALLES_ALERTS_DATABASE_URL": self.h.runtime.settings.database_urls["alerts"],
            "HALLES_RABBITMQ_API": self.broker.broker.api_url,
            "HALLES_PARTNERS_AMQP_URL": self.broker.url("alerts", self.broker.partners),
        }
        arguments = ["partner", *words]
        return await asyncio.to_thread(CliRunner().invoke, cli(SERVICE), arguments, env=environment | changes)

    async def done(self, *words: str) -> Json:
        result = await self.run(*words)
        assert result.exit_code == 0, result.stderr
        told: Json = json.loads(result.stdout)
        return told

    def url(self, password: str, vhost: str = "") -> str:
        return self.broker.broker.url(f"partner.{self.name}", password, vhost or self.broker.partners)

    async def publish(self, *keys: str) -> None:
        """Publish as the feeder does."""
        address = self.broker.url("alerts", self.broker.partners)
        async with await aio_pika.connect(address) as connection, connection.channel() as channel:
            exchange = await channel.get_exchange("events", ensure=False)
            for key in keys:
                await exchange.publish(aio_pika.Message(key.encode()), key, mandatory=False)

    async def journal(self) -> list[tuple[str, str]]:
        async with self.h.runtime.read() as conn:
            rows = await conn.fetch("SELECT * FROM journal_pending ORDER BY 1")
        return [(row["action"], row["subject"]) for row in rows]


@pytest.fixture
async def operator(service_harness: HarnessFactory, broker: Imported) -> AsyncIterator[Operator]:
    found = Operator(await service_harness(SERVICE), broker, f"test-{uuid4().hex[:8]}")
    yield found
    await found.run("remove", found.name)


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        yield channel


@asynccontextmanager
async def losing_its_connection(url: str) -> AsyncIterator[None]:
    """Keep a connection open that what is done in the block must close."""
    connection, closed = await aio_pika.connect(url), asyncio.Event()
    connection.close_callbacks.add(lambda *_: closed.set())
    yield
    async with asyncio.timeout(20):
        await closed.wait()
    with suppress(*GONE):
        await connection.close()


async def refused(url: str) -> None:
    with pytest.raises(GONE):
        await aio_pika.connect(url)
    gc.collect()  # what is left of the connection ends here, rather than in a thread without a loop
    await asyncio.sleep(0)


async def test_a_partner_is_let_in_with_a_password_shown_once(operator: Operator) -> None:
    first = await operator.done("add", operator.name)
    queue = f"partner.{operator.name}"
    assert (first["partner"], first["user"], first["queue"], first["types"]) == (operator.name, queue, queue, [])
    assert first["vhost"] == operator.broker.partners
    assert len(first["password"]) >= 40
    again = await operator.done("add", operator.name)
    assert "password" not in again, "shown once"
    await operator.publish(PUBLISHED, CLOSED)
    found = await take(operator.url(first["password"]), queue, 2)
    assert [message.routing_key for message in found] == [PUBLISHED, CLOSED], "the second add changed nothing"
    assert await operator.journal() == [("alerts.partner.added", operator.name)] * 2


async def test_nothing_of_the_password_is_kept_by_us(operator: Operator) -> None:
    password = (await operator.done("add", operator.name))["password"]
    async with operator.h.runtime.read() as conn:
        tables = await conn.fetch("SELECT format('%I', relname) AS name FROM pg_class WHERE relkind IN ('r', 'p')")
        own = [
            row["name"] for row in tables if not row["name"].startswith("pg_") and not row["name"].startswith("sql_")
        ]
        for name in own:
            assert not await conn.fetchval(f"SELECT count(*) FROM {name} AS t WHERE t::text LIKE $1", f"%{password}%")  # noqa: S608
    assert own
    user = await operator.broker.broker.ask(f"users/partner.{operator.name}")
    assert password not in json.dumps(user)


async def test_a_partner_gets_the_types_it_asked_for_and_they_can_be_changed(operator: Operator) -> None:
    told = await operator.done("add", operator.name, "--types", f" {CLOSED},{PUBLISHED} ")
    assert told["types"] == [PUBLISHED, CLOSED]
    await operator.done("add", operator.name, "--types", CLOSED)
    await operator.publish(PUBLISHED, CLOSED)
    found = await take(operator.url(told["password"]), told["queue"], 1)
    assert [message.routing_key for message in found] == [CLOSED]
    assert (await operator.done("add", operator.name))["types"] == [], "all of them again"
    await operator.publish(PUBLISHED)
    assert [each.routing_key for each in await take(operator.url(told["password"]), told["queue"], 1)] == [PUBLISHED]


async def test_partners_are_listed(operator: Operator) -> None:
    await operator.done("add", operator.name, "--types", CLOSED)
    result = await operator.run("list")
    (mine,) = [one for one in map(json.loads, result.stdout.splitlines()) if one["partner"] == operator.name]
    assert mine["types"] == [CLOSED]
    assert mine["queue"] == f"partner.{operator.name}"
    assert "password" not in mine


async def test_the_queue_is_capped_by_the_policy(operator: Operator) -> None:
    await operator.done("add", operator.name)
    queue = (await operator.broker.queues(operator.broker.partners))[f"partner.{operator.name}"]
    assert queue["arguments"] == {"x-queue-type": "quorum"}
    cap = queue["effective_policy_definition"]
    assert (cap["overflow"], cap["max-length"], cap["max-length-bytes"]) == ("drop-head", 100_000, 128 * 2**20)
    assert cap["message-ttl"] == 30 * 86_400 * 1_000


async def test_a_partner_is_shut_out_at_once(operator: Operator) -> None:
    told = await operator.done("add", operator.name)
    async with losing_its_connection(operator.url(told["password"])):
        assert await operator.done("remove", operator.name) == {"partner": operator.name, "removed": True}
    await refused(operator.url(told["password"]))
    assert told["queue"] not in await operator.broker.queues(operator.broker.partners)
    assert (await operator.done("remove", operator.name))["removed"] is False
    assert (await operator.journal())[-1] == ("alerts.partner.removed", operator.name)


async def test_another_password_closes_what_the_old_one_opened(operator: Operator) -> None:
    told = await operator.done("add", operator.name, "--types", CLOSED)
    async with losing_its_connection(operator.url(told["password"])):
        new = await operator.done("rotate", operator.name)
        assert new["types"] == [CLOSED]
        assert new["password"] != told["password"]
    await refused(operator.url(told["password"]))
    await operator.publish(CLOSED)
    assert len(await take(operator.url(new["password"]), told["queue"], 1)) == 1
    assert (await operator.journal())[-1] == ("alerts.partner.password-changed", operator.name)


# what a partner cannot do

Attack = Callable[[AbstractChannel, str], Awaitable[object]]
ATTACKS: dict[str, Attack] = {
    "consume another's queue": lambda c, _: _consume(c, "partner.other"),
    "get from another's queue": lambda c, _: _get(c, "partner.other"),
    "purge another's queue": lambda c, _: _purge(c, "partner.other"),
    "consume a queue whose name begins as its own": lambda c, own: _consume(c, f"{own}-2"),
    "publish to partners": lambda c, _: _publish(c, "events", PUBLISHED),
    "publish to its own queue by the default exchange": lambda c, own: _publish(c, "", own),
    "publish to another's queue by the default exchange": lambda c, _: _publish(c, "", "partner.other"),
    "publish to amq.topic": lambda c, _: _publish(c, "amq.topic", PUBLISHED),
    "declare a queue": lambda c, _: c.declare_queue("partner.mine", durable=True),
    "declare a queue without a name": lambda c, _: c.declare_queue("", exclusive=True),
    "declare its own queue anew": lambda c, own: c.declare_queue(own, durable=True, arguments={"x-max-length": 10**9}),
    "declare an exchange": lambda c, _: c.declare_exchange("mine"),
    "delete its own queue": lambda c, own: c.queue_delete(own),
    "delete another's queue": lambda c, _: c.queue_delete("partner.other"),
    "delete the exchange": lambda c, _: c.exchange_delete("events"),
    "bind its own queue": lambda c, own: _bind(c, queue=own),
    "bind another's queue": lambda c, _: _bind(c, "partner.other"),
    "unbind another's queue": lambda c, _: _unbind(c, "partner.other"),
}


async def _try(title: str, connection: AbstractConnection, attack: Attack, own: str) -> None:
    async with connection.channel() as channel:
        await attack(channel, own)
        pytest.fail(f"a partner may {title}")


async def _consume(channel: AbstractChannel, queue: str) -> None:
    async def take(_: object) -> None:
        return

    await (await channel.get_queue(queue, ensure=False)).consume(take)


async def _get(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def _purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).purge()


async def _publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    place = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    await place.publish(aio_pika.Message(b"forged"), key)


async def _bind(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind("events", "#")


async def _unbind(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).unbind("events", "#")


async def test_a_partner_reads_its_own_queue_and_can_do_nothing_else(operator: Operator) -> None:
    told = await operator.done("add", operator.name)
    quorum = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    ask, own = operator.broker.broker.ask, told["queue"]
    others = ("partner.other", f"{own}-2")
    for other in others:
        await ask(f"queues/{operator.broker.partners}/{other}", "PUT", quorum)
        await ask(f"bindings/{operator.broker.partners}/e/events/q/{other}", "POST", {"routing_key": "#"})
    await operator.publish(PUBLISHED)
    async with await aio_pika.connect(operator.url(told["password"])) as connection:
        for title, attack in ATTACKS.items():
            with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
                await _try(title, connection, attack, own)
    left = [
        len(await take(operator.broker.broker.url("guest", "guest", operator.broker.partners), q, 1)) for q in others
    ]
    assert left == [1, 1], "nothing was taken from the others"
    assert len(await take(operator.url(told["password"]), own, 1)) == 1


async def test_a_partner_does_not_reach_the_platforms_virtual_host(operator: Operator) -> None:
    told = await operator.done("add", operator.name)
    for vhost in (operator.broker.vhost, "%2F"):
        await refused(operator.url(told["password"], vhost))


async def test_a_partner_does_not_reach_the_management_api(operator: Operator) -> None:
    login = f"partner.{operator.name}:{(await operator.done('add', operator.name))['password']}"
    for path in ("whoami", "queues", f"queues/{operator.broker.partners}/partner.{operator.name}"):
        with pytest.raises(aiohttp.ClientResponseError) as refusal:
            await operator.broker.broker.ask(path, login=login)
        assert refusal.value.status == 401


async def test_a_partner_opens_a_few_connections_and_channels_and_no_more(operator: Operator) -> None:
    url = operator.url((await operator.done("add", operator.name))["password"])
    connections = [await aio_pika.connect(url) for _ in range(4)]
    await refused(url)
    for connection in connections[1:]:
        await connection.close()

    async def open_many() -> None:
        for _ in range(17):
            await connections[0].channel().initialize()

    with pytest.raises((*GONE, RuntimeError)):
        await open_many()
    await connections[0].close()


async def test_the_feeder_reads_nothing_and_declares_nothing(operator: Operator) -> None:
    await operator.done("add", operator.name)
    async with channel_of(operator.broker.url("alerts", operator.broker.partners)) as channel:
        with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
            await _get(channel, f"partner.{operator.name}")
    async with channel_of(operator.broker.url("alerts", operator.broker.partners)) as channel:
        with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
            await channel.declare_queue("partner.mine", durable=True)


async def test_no_other_service_publishes_to_partners(operator: Operator) -> None:
    await refused(operator.broker.url("notices", operator.broker.partners))


# what the command refuses


@pytest.mark.parametrize(
    "name", ["", "ab", "Partner", "a.b", "a_b", "-ab", "ab-", "1ab", "a" * 41, "été", "a b", "ab\n"]
)
async def test_a_name_that_is_none_is_refused(operator: Operator, name: str) -> None:
    for words in (("add", name), ("remove", name), ("rotate", name)):
        result = await operator.run(*words[:1], "--", *words[1:])
        assert result.exit_code == EXIT_REFUSED
        assert "lower-case letters" in result.stderr
    assert await operator.journal() == [], "nothing was done"


@pytest.mark.parametrize("kind", ["bids.bid.deposited.v1", "bids.letter.sent.v1", "nothing.known", "#", "notices.#"])
async def test_a_type_that_is_not_public_is_refused_with_those_that_are(operator: Operator, kind: str) -> None:
    result = await operator.run("add", operator.name, "--types", f"{PUBLISHED},{kind}")
    assert result.exit_code == EXIT_REFUSED
    assert kind in result.stderr
    assert CLOSED in result.stderr, "the list"
    assert f"partner.{operator.name}" not in await operator.broker.queues(operator.broker.partners)


async def test_another_password_for_nobody_is_refused(operator: Operator) -> None:
    result = await operator.run("rotate", operator.name)
    assert (result.exit_code, result.stdout) == (EXIT_REFUSED, "")
    assert "No partner is named" in result.stderr


@pytest.mark.parametrize("missing", ["HALLES_RABBITMQ_API", "HALLES_PARTNERS_AMQP_URL"])
async def test_a_missing_setting_is_named(operator: Operator, missing: str) -> None:
    result = await operator.run("list", **{missing: None})
    assert result.exit_code == EXIT_CONFIGURATION
    assert missing in result.stderr


async def test_a_broker_that_is_away_or_refuses_us_is_said_without_the_password(operator: Operator) -> None:
    away = await operator.run("add", operator.name, HALLES_RABBITMQ_API="http://operator:hidden@127.0.0.1:1")
    assert away.exit_code == EXIT_REFUSED
    assert "does not answer" in away.stderr
    stranger = operator.broker.broker.api_url.replace("guest:guest", "operator:hidden")
    refused = await operator.run("list", HALLES_RABBITMQ_API=stranger)
    assert refused.exit_code == EXIT_REFUSED
    assert "401" in refused.stderr
    assert "hidden" not in away.stderr + refused.stderr


async def test_a_virtual_host_that_caps_nothing_gets_no_queue(operator: Operator) -> None:
    url = operator.broker.url("alerts", operator.broker.vhost)
    result = await operator.run("add", operator.name, HALLES_PARTNERS_AMQP_URL=url)
    assert result.exit_code == EXIT_REFUSED
    assert "definitions.json" in result.stderr


async def test_a_virtual_host_that_is_not_there_is_said(operator: Operator) -> None:
    url = operator.broker.url("alerts", "nowhere")
    for words in (("list",), ("add", operator.name)):
        result = await operator.run(*words, HALLES_PARTNERS_AMQP_URL=url)
        assert result.exit_code == EXIT_REFUSED
        assert "nowhere does not exist" in result.stderr


def test_every_command_has_an_example() -> None:
    group: Any = cli(SERVICE).commands["partner"]
    assert set(group.commands) == {"add", "list", "remove", "rotate"}
    for command in group.commands.values():
        assert command.epilog.startswith("Example: python -m services.alerts partner ")
