"""Every event type, one by one: who may know of it learns it, nobody else does, by feed, stream, webhook, AMQP and timeline."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import aio_pika
import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestServer

from libs.common.actor import OrganisationKind
from libs.common.bus import inbox, numberer
from libs.common.bus.archive import keeping
from libs.common.bus.rabbit import RabbitBus
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.alerts.errors import PartnersAway
from services.alerts.partners.exchange import RabbitExchange
from services.alerts.service import partners
from services.alerts.wiring import SERVICE as ALERTS
from services.notices.consumers import CONSUMERS
from services.notices.wiring import SERVICE as NOTICES
from tests.bus.management import Imported, Management, add_queue, imported_definitions, take
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, KEYS, PROCEDURE, eforms

TYPES = registry.all_types()
NAMES = sorted({name.split(".")[0] for name in TYPES})
GATES = {model.buyer_after for model in TYPES.values() if model.buyer_after}
BUYER = INTERCOMMUNALITY
COMPANY, RIVAL, OTHER_BUYER = "SIRET:55210055400013", "SIRET:44306184100047", "SIRET:21330063500017"
PARTNER, STATE = "SIRET:11000001500013", "SIRET:11001401700015"
MIGRATIONS = Path(__file__).parents[2] / "bus" / "migrations"


@dataclass(frozen=True)
class Reader:
    """Somebody who asks; `kind` None: without a token."""

    organisation: str
    kind: str | None

    def headers(self, h: Harness) -> dict[str, str]:
        return h.headers(self.organisation, self.kind) if self.kind else {}


READERS = (
    Reader("", None),
    Reader(PARTNER, "partner"),
    Reader(BUYER, "buyer"),
    Reader(OTHER_BUYER, "buyer"),
    Reader(COMPANY, "company"),
    Reader(RIVAL, "company"),
    Reader(STATE, "state"),
    Reader(PARTNER, "operator"),
)


def owner(model: type[Event]) -> str:
    """Give whose event it is: the buyer learns later of what is a company's."""
    return COMPANY if model.buyer_after else BUYER


def may_know(model: type[Event], reader: Reader, *, opened: bool) -> bool:
    """Say who may know, from what the type declares alone. `opened`: the event that opens it to the buyer happened."""
    if model.audience is not Audience.ORGANISATION:
        return model.audience is Audience.PUBLIC
    if reader.kind in {None, "partner"}:
        return False
    return reader.organisation == owner(model) or (
        model.buyer_after is not None and opened and reader.organisation == BUYER
    )


def event(model: type[Event], procedure: UUID = PROCEDURE) -> Event:
    """Give the one sample of a type, as an event of the buyer's procedure."""
    changes = {
        "aggregate_id": uuid4(),
        "organisation": owner(model),
        "buyer": BUYER if owner(model) == COMPANY else None,
        "procedure": procedure,
    }
    return registry.parse(sample_of(model)).model_copy(update=changes)


# what types declare


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_type_declares_whom_it_is_told_and_from_when(name: str) -> None:
    model = TYPES[name]
    assert "audience" in vars(model), "said by the type itself, never inherited"
    assert isinstance(model.audience, Audience)
    if model.buyer_after is not None:
        assert model.audience is Audience.ORGANISATION
        gate = registry.event_type(model.buyer_after)
        assert gate.type.split(".")[0] == name.split(".", 1)[0], "it opens in the same log"
        assert gate.audience is not Audience.INTERNAL
        assert gate.buyer_after is None, "the buyer knows of the event that opens, at once"


def test_the_readers_are_of_every_kind() -> None:
    assert {reader.kind for reader in READERS} == {None, *OrganisationKind}


# the feed, as pages and as a stream


def service_of(name: str) -> Service:
    """Give a service with nothing but its feed."""
    return Service(name, Settings, MIGRATIONS, Routes(name), Consumers(name))


async def commit(h: Harness, models: Sequence[type[Event]], procedure: UUID) -> None:
    async with h.runtime.uow() as uow:
        for model in models:
            uow.emit(event(model, procedure))
    await numberer.drain(h.runtime)


async def paged(h: Harness, reader: Reader) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        path = f"/{h.runtime.service.name}/v1/events?limit=3&after={after}"
        async with h.client.get(path, headers=reader.headers(h)) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        if not page["events"]:
            return sorted(found)
        assert all("sequence" not in told for told in page["events"])
        found += [told["type"] for told in page["events"]]
        after = page["next"]


async def streamed(h: Harness, reader: Reader, expected: int) -> list[str]:
    """Give what a stream tells: as many events as expected, and those that follow within a moment."""
    found: list[str] = []
    headers = reader.headers(h) | {"Accept": "text/event-stream"}
    async with h.client.get(f"/{h.runtime.service.name}/v1/events", headers=headers) as answer:
        assert answer.status == 200
        while True:
            try:
                async with asyncio.timeout(10 if len(found) < expected else 0.15):
                    line = (await answer.content.readline()).decode()
            except TimeoutError:
                return sorted(found)
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: "))["type"])


@pytest.mark.parametrize("name", NAMES)
async def test_the_feed_tells_every_type_to_its_audience(name: str, service_harness: HarnessFactory) -> None:
    h = await service_harness(service_of(name))
    models = [model for kind, model in TYPES.items() if kind.startswith(f"{name}.")]
    before = [model for model in models if model.type not in GATES]
    gates = [model for model in models if model.type in GATES]
    procedure = uuid4()
    await commit(h, before, procedure)
    for reader in READERS:
        expected = sorted(model.type for model in before if may_know(model, reader, opened=False))
        assert await paged(h, reader) == expected, reader
    await commit(h, gates, procedure)
    known = [sorted(model.type for model in models if may_know(model, reader, opened=True)) for reader in READERS]
    assert [await paged(h, reader) for reader in READERS] == known
    streams = (streamed(h, reader, len(expected)) for reader, expected in zip(READERS, known, strict=True))
    assert await asyncio.gather(*streams) == known


async def polled(h: Harness, reader: Reader, hidden: Sequence[type[Event]]) -> None:
    """Wait a second at the end of the feed: nothing that happens meanwhile may answer or shorten it."""
    path, headers = f"/{h.runtime.service.name}/v1/events", reader.headers(h)
    async with h.client.get(path, params={"limit": "500"}, headers=headers) as answer:
        end = (await answer.json())["next"]
    began = time.monotonic()
    async with h.client.get(path, params={"wait": "1", "after": end}, headers=headers) as answer:
        told = await answer.json()
    assert told["events"] == [], (reader, hidden)
    assert time.monotonic() - began > 0.95, reader


@pytest.mark.parametrize("name", NAMES)
async def test_no_wait_is_ended_by_an_event_of_others(name: str, service_harness: HarnessFactory) -> None:
    h = await service_harness(service_of(name))
    models = [model for kind, model in TYPES.items() if kind.startswith(f"{name}.")]
    for readers in ([one for one in READERS if one.organisation not in {BUYER, COMPANY}], [Reader(BUYER, "buyer")]):
        hidden = [model for model in models if not any(may_know(model, one, opened=False) for one in readers)]
        waits = [asyncio.create_task(polled(h, reader, hidden)) for reader in readers]
        await asyncio.sleep(0.4)
        await commit(h, hidden, uuid4())
        await asyncio.gather(*waits)


@pytest.mark.parametrize("name", NAMES)
async def test_the_files_for_all_hold_public_types_only(name: str, service_harness: HarnessFactory) -> None:
    h = await service_harness(service_of(name))
    models = [model for kind, model in TYPES.items() if kind.startswith(f"{name}.")]
    await commit(h, models, uuid4())
    async with h.runtime.read() as conn:
        await conn.execute("UPDATE event SET numbered_at = numbered_at - make_interval(days => 91)")
        await conn.execute("SELECT event_cut()")
        await conn.execute("UPDATE publisher SET position = (SELECT position FROM event_head)")
    await keeping.keep(h.runtime)
    async with h.client.get(f"/{name}/v1/events/archive") as answer:
        (file,) = (await answer.json())["items"]
    async with h.client.get(f"/{name}/v1/events/archive/{file['name']}") as answer:
        lines = gzip.decompress(await answer.read()).splitlines()
    assert sorted(json.loads(line)["type"] for line in lines) == sorted(
        model.type for model in models if model.audience is Audience.PUBLIC
    )
    assert await paged(h, Reader(BUYER, "buyer")) == [], "all has left the feed"


# webhooks


@dataclass
class Endpoint:
    """A partner's real endpoint."""

    got: list[str] = field(default_factory=list)
    url: str = ""

    async def receive(self, request: web.Request) -> web.Response:
        self.got.append((await request.json())["type"])
        return web.Response(status=204)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    found, application = Endpoint(), web.Application()
    application.router.add_post("/hook", found.receive)
    async with TestServer(application) as server:
        found.url = str(server.make_url("/hook"))
        yield found


async def test_webhooks_carry_every_public_type_and_no_other(
    service_harness: HarnessFactory, endpoint: Endpoint
) -> None:
    h = await service_harness(ALERTS, settings={"webhook_allow": endpoint.url.split("/")[2]})
    headers = h.headers(PARTNER, "partner")
    for name, model in TYPES.items():
        body = {"url": endpoint.url, "types": [name]}
        async with h.client.post("/alerts/v1/webhooks", json=body, headers=headers) as answer:
            assert answer.status == (201 if model.audience is Audience.PUBLIC else 422), name
    async with h.client.post("/alerts/v1/webhooks", json={"url": endpoint.url}, headers=headers) as answer:
        assert answer.status == 201, "whatever may be told"
    await h.deliver(*(event(model) for model in TYPES.values()))
    await h.settle()
    public = [name for name, model in TYPES.items() if model.audience is Audience.PUBLIC]
    assert sorted(endpoint.got) == sorted(public * 2)


# partners' queues on the broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(management: Management) -> AsyncIterator[Imported]:
    """Give the committed definitions on a real broker, with their users."""
    async with imported_definitions(management) as imported:
        yield imported


async def test_partners_queues_get_every_public_type_and_no_other(
    service_harness: HarnessFactory, broker: Imported
) -> None:
    """Every service publishes all its types; a partner's queue is bound to whatever comes."""
    h = await service_harness(ALERTS, settings={"partners_amqp_url": broker.url("alerts", broker.partners)})
    await add_queue(broker, "partner.everything", "#")
    bus = RabbitBus(broker.url("alerts", broker.vhost))
    public = sorted(name for name, model in TYPES.items() if model.audience is Audience.PUBLIC)
    async with bus.consume(h.runtime):
        for name in NAMES:
            async with await aio_pika.connect(broker.url(name, broker.vhost)) as connection:
                exchange = await (await connection.channel()).get_exchange("events", ensure=False)
                for kind, model in TYPES.items():
                    if kind.startswith(f"{name}."):
                        message = aio_pika.Message(CloudEvent.wrap(event(model)).to_json())
                        await exchange.publish(message, kind, mandatory=False)
        told = await take(broker.broker.url("guest", "guest", broker.partners), "partner.everything", len(public))
    await bus.close()
    assert sorted(message.routing_key or "" for message in told) == public
    assert sorted(json.loads(message.body)["type"] for message in told) == public
    assert not any("sequence" in json.loads(message.body) for message in told)


@pytest.mark.parametrize("name", sorted(name for name, model in TYPES.items() if model.audience is not Audience.PUBLIC))
async def test_what_is_not_public_reaches_no_partner_by_any_mistake_of_ours(
    name: str, service_harness: HarnessFactory, broker: Imported
) -> None:
    """Not by the handler, not by the exchange, and not by the broker, which knows the public types itself."""
    assert not [each for each in ALERTS.consumers.items if each.queue == "alerts.partners" and each.event.type == name]
    told = event(TYPES[name])
    h = await service_harness(ALERTS)
    async with h.runtime.uow() as uow:
        with pytest.raises(ValueError, match="not public"):
            await partners.tell(uow, told, CloudEvent.wrap(told))
        assert not uow.steps
    careless = RabbitExchange(broker.url("alerts", broker.partners), [name])
    with pytest.raises(PartnersAway):
        await careless.tell([CloudEvent.wrap(told)])
    await careless.aclose()


# the timeline of a procedure


async def published(h: Harness) -> None:
    """Have the buyer publish the notice of the procedure: a timeline is read of what is public."""
    headers, path = h.headers(BUYER), "/notices/v1/notices"
    xml = headers | {"Content-Type": "application/xml"}
    notice = await _done(h.client.post(f"{path}/import", data=eforms(1), headers=xml))
    path += f"/{notice['notice_id']}"
    drafted = headers | {"If-Match": f'"{notice["version"]}"'}
    notice = await _done(h.client.patch(path, json={"opening": KEYS}, headers=drafted))
    await _done(h.client.put(f"{path}/documents/rc.pdf", data=b"%PDF-1.7 rules", headers=headers))
    await _done(h.client.post(f"{path}/publication", headers=headers | {"If-Match": f'"{notice["version"]}"'}))


async def _done(request: AbstractAsyncContextManager[ClientResponse]) -> dict[str, object]:
    async with request as answer:
        assert answer.ok, await answer.text()
        body: dict[str, object] = await answer.json()
        return body


async def timeline(h: Harness, reader: Reader) -> list[str]:
    path = f"/notices/v1/procedures/{PROCEDURE}/timeline?limit=100"
    async with h.client.get(path, headers=reader.headers(h)) as answer:
        assert answer.status == 200, await answer.text()
        return sorted(item["type"] for item in (await answer.json())["items"])


async def record(h: Harness, models: Sequence[type[Event]]) -> None:
    """Have the timeline's own consumers, and no other, handle one sample of each type."""
    own = Consumers("notices", [consumer for consumer in CONSUMERS.items if consumer.queue == "notices.timeline"])
    for model in models:
        await inbox.handle(h.runtime, own, CloudEvent.wrap(event(model)))


async def test_the_timeline_tells_every_type_to_its_audience(service_harness: HarnessFactory) -> None:
    h = await service_harness(NOTICES, clock=TestClock(BEFORE))
    await published(h)  # the log of the relay stays behind: only what is recorded below is on the timeline
    before = [model for model in TYPES.values() if model.type not in GATES]
    await record(h, before)
    for reader in READERS:
        assert await timeline(h, reader) == sorted(
            model.type for model in before if may_know(model, reader, opened=False)
        ), reader
    await record(h, [model for model in TYPES.values() if model.type in GATES])
    for reader in READERS:
        expected = sorted(model.type for model in TYPES.values() if may_know(model, reader, opened=True))
        assert await timeline(h, reader) == expected, reader


@pytest.mark.parametrize("kind", ["bids.opening.completed.v1", "bids.award.decided.v1"])
async def test_the_event_of_another_procedure_opens_nothing(kind: str, service_harness: HarnessFactory) -> None:
    assert kind in GATES
    h = await service_harness(service_of("bids"))
    hidden = [model for model in TYPES.values() if model.buyer_after == kind]
    await commit(h, hidden, uuid4())
    await commit(h, [TYPES[kind]], uuid4())
    assert await paged(h, Reader(BUYER, "buyer")) == [kind]
