"""Partners who follow by AMQP: what reaches their exchange, at least once, in order, whatever is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from libs.common.bus import metrics
from libs.common.bus.memory import MemoryBus
from libs.common.bus.parked import store as parked
from libs.common.bus.rabbit import RabbitBus
from libs.common.messages import registry
from libs.common.messages.envelope import CloudEvent
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.consumers import CONSUMERS
from services.alerts.errors import PartnersAway
from services.alerts.partners.exchange import AWAY, Exchange, NoExchange, RabbitExchange
from services.alerts.service.partners import tell
from services.alerts.service.webhooks import public_types
from services.alerts.wiring import SERVICE
from tests.bus import proxy as proxies
from tests.bus.management import Imported, Management, add_queue, imported_definitions, take
from tests.bus.proxy import Proxy
from tests.unit.alerts.alerts_samples import letter, published

PUBLISHED = "notices.notice.published.v1"
PATIENCE = 20.0  # seconds a test waits for what must happen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(management: Management) -> AsyncIterator[Imported]:
    """Give the committed definitions on a real broker."""
    async with imported_definitions(management) as imported:
        yield imported


@pytest.fixture
async def partner(broker: Imported) -> AsyncIterator[str]:
    """Give the name of a queue that gets all there is."""
    name = f"partner.test-{uuid4().hex[:6]}"
    await add_queue(broker, name, "#")
    yield name
    await broker.broker.ask(f"queues/{broker.partners}/{name}", "DELETE")


def guest(broker: Imported) -> str:
    return broker.broker.url("guest", "guest", broker.partners)


async def harness(service_harness: HarnessFactory, url: str | None) -> Harness:
    return await service_harness(SERVICE, settings={"partners_amqp_url": url})


def notices(keys: Sequence[UUID], versions: int) -> list[CloudEvent]:
    """Give the notices of some procedures, version after version."""
    return [
        CloudEvent.wrap(published(procedure=key, notice_id=key, version=version))
        for version in range(1, versions + 1)
        for key in keys
    ]


async def until_told(h: Harness, count: int) -> None:
    """Wait until so many events are done with, for good."""
    query = "SELECT count(*) FROM inbox WHERE consumer = 'alerts.partners'"
    async with asyncio.timeout(PATIENCE):
        while True:
            async with h.runtime.read() as conn:
                if await conn.fetchval(query) >= count:
                    return
            await asyncio.sleep(0.02)


async def test_a_partner_gets_the_event_of_the_feed(
    service_harness: HarnessFactory, broker: Imported, partner: str
) -> None:
    h = await harness(service_harness, broker.url("alerts", broker.partners))
    event = CloudEvent.wrap(published())
    await h.deliver(event.model_copy(update={"sequence": "42"}))
    (message,) = await take(guest(broker), partner, 1)
    assert message.body == event.to_json(), "what the feed tells: everything but the position"
    assert "sequence" not in json.loads(message.body)
    assert message.message_id == str(event.id)
    assert message.routing_key == message.type == PUBLISHED
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_mode == 2


async def test_without_an_address_events_pass(service_harness: HarnessFactory) -> None:
    h = await harness(service_harness, None)
    assert isinstance(h.runtime.port(Exchange), NoExchange)  # type: ignore[type-abstract]
    await h.deliver(published())
    await until_told(h, 1)


async def test_nobody_need_listen(service_harness: HarnessFactory, broker: Imported) -> None:
    h = await harness(service_harness, broker.url("alerts", broker.partners))
    await h.deliver(published())
    await until_told(h, 1)


async def test_what_is_not_public_is_refused(service_harness: HarnessFactory, broker: Imported, partner: str) -> None:
    h = await harness(service_harness, broker.url("alerts", broker.partners))
    event = letter()
    with pytest.raises(ValueError, match="not public"):
        async with h.runtime.uow() as uow:
            await tell(uow, event, CloudEvent.wrap(event))
    exchange = h.runtime.port(Exchange)  # type: ignore[type-abstract]
    await exchange.tell([CloudEvent.wrap(event)])  # it sends what it knows to be public, and nothing else
    assert await take(guest(broker), partner, 0) == []


async def test_the_broker_itself_refuses_what_is_not_public(broker: Imported) -> None:
    event = letter()
    careless = RabbitExchange(broker.url("alerts", broker.partners), [event.type])
    with pytest.raises(PartnersAway):
        await careless.tell([CloudEvent.wrap(event)])
    await careless.aclose()


async def test_the_internal_bus_feeds_partners_in_the_order_of_each_key(
    service_harness: HarnessFactory, broker: Imported, partner: str
) -> None:
    """With the committed definitions and the users of production, from one virtual host to the other."""
    h = await harness(service_harness, broker.url("alerts", broker.partners))
    keys = [uuid4() for _ in range(5)]
    events = notices(keys, 40)
    bus, sender = (RabbitBus(broker.url(name, broker.vhost)) for name in ("alerts", "notices"))
    async with bus.consume(h.runtime):
        await sender.publish(events)
        await until_told(h, 200)
    await bus.close()
    await sender.close()
    found = [CloudEvent.from_json(message.body) for message in await take(guest(broker), partner, 200)]
    assert len(found) == 200
    for key in keys:
        assert [told.id for told in found if told.subject == str(key)] == [
            event.id for event in events if event.subject == str(key)
        ]


async def test_a_batch_is_confirmed_together(service_harness: HarnessFactory) -> None:
    """Handlers of one transaction add to one publication; what that raises undoes them all."""
    h, told = await harness(service_harness, None), list[int]()

    class Counting:
        async def tell(self, events: Sequence[CloudEvent]) -> None:
            told.append(len(events))

    h.runtime.give_ports({Exchange: Counting()})
    bus = MemoryBus()
    events = notices([uuid4() for _ in range(60)], 1)
    async with bus.consume(h.runtime):
        await bus.publish(events)
        await until_told(h, 60)
    assert sum(told) == 60
    assert max(told) > 20, "confirms are awaited by the batch"


async def test_an_absent_virtual_host_pauses_the_consumer_and_loses_nothing(
    service_harness: HarnessFactory, broker: Imported
) -> None:
    absent = f"partners_test_{uuid4().hex[:8]}"
    ask = broker.broker.ask
    h = await harness(service_harness, broker.broker.url("guest", "guest", absent))
    bus, events = RabbitBus(broker.url("alerts", broker.vhost)), notices([uuid4()], 3)
    sender = RabbitBus(broker.url("notices", broker.vhost))
    try:
        async with bus.consume(h.runtime):
            await sender.publish(events)
            await until(lambda: AWAY.labels("alerts")._value.get() == 1)
            await until(lambda: metrics.PAUSED.labels("alerts", "alerts.partners")._value.get() == 1)
            async with h.runtime.read() as conn:
                assert await parked.listed(conn, where=parked.Selection(queue="alerts.partners")) == [], (
                    "no attempt is burnt"
                )
            await ask(f"vhosts/{absent}", "PUT", {})
            await ask(f"permissions/{absent}/guest", "PUT", {"configure": ".*", "write": ".*", "read": ".*"})
            await until_told(h, 3)
        assert AWAY.labels("alerts")._value.get() == 0
    finally:
        await bus.close()
        await sender.close()
        await ask(f"vhosts/{absent}", "DELETE")


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110  # metrics ring no bell
            await asyncio.sleep(0.02)


async def test_cut_connections_repeat_events_under_their_ids_and_lose_none(
    service_harness: HarnessFactory, broker: Imported, partner: str
) -> None:
    keys = [uuid4() for _ in range(4)]
    events = notices(keys, 50)
    parts = urlsplit(broker.url("alerts", broker.partners))
    async with Proxy(parts.geturl()).listening() as proxy:
        h = await harness(service_harness, proxy.url)
        bus = MemoryBus()
        async with bus.consume(h.runtime):
            sending = asyncio.create_task(bus.publish(events))
            for _ in range(6):
                await asyncio.sleep(0.05)
                proxy.cut()
            await sending
            await until_told(h, 200)
        await h.runtime.close_ports()
    found = [CloudEvent.from_json(message.body) for message in await take(guest(broker), partner, 200)]
    first = list({told.id: told for told in found}.values())
    assert {told.id for told in first} == {event.id for event in events}
    for key in keys:
        assert [told.aggregateversion for told in first if told.subject == str(key)] == list(range(1, 51))


async def test_a_broker_that_confirms_nothing_is_away_within_the_time_of_a_transaction(
    broker: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = asyncio.Event()
    passing.set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await passing.wait()
                writer.write(data)
        writer.close()

    monkeypatch.setattr(proxies, "_pump", pump)
    async with Proxy(broker.url("alerts", broker.partners)).listening() as proxy:
        exchange = RabbitExchange(proxy.url, [PUBLISHED], patience=0.3)
        await exchange.tell([CloudEvent.wrap(published())])
        passing.clear()
        with pytest.raises(PartnersAway):
            async with asyncio.timeout(5):
                await asyncio.gather(exchange.tell([CloudEvent.wrap(published())]), later(1, passing.set))
        await exchange.tell([CloudEvent.wrap(published())])
        await exchange.aclose()


async def later(seconds: float, act: Callable[[], None]) -> None:
    await asyncio.sleep(seconds)
    act()


async def test_what_the_broker_refuses_is_told_again(broker: Imported) -> None:
    full = {"x-queue-type": "quorum", "x-max-length": 0, "x-overflow": "reject-publish"}
    place = f"queues/{broker.partners}/full"
    await broker.broker.ask(place, "PUT", {"durable": True, "arguments": full})
    await broker.broker.ask(f"bindings/{broker.partners}/e/events/q/full", "POST", {"routing_key": "#"})
    exchange = RabbitExchange(broker.url("alerts", broker.partners), [PUBLISHED])
    try:
        with pytest.raises(PartnersAway):
            await fill(exchange)
    finally:
        await broker.broker.ask(place, "DELETE")
    await exchange.tell([CloudEvent.wrap(published())])
    await exchange.aclose()


async def fill(exchange: Exchange) -> None:
    """The first ones fit: the queue counts a little late."""
    for _ in range(10):
        await exchange.tell([CloudEvent.wrap(published())])


def test_every_public_type_is_consumed_for_partners_one_transaction_at_a_time() -> None:
    own = [consumer for consumer in CONSUMERS.items if consumer.queue == "alerts.partners"]
    assert {consumer.event for consumer in own} == set(public_types())
    assert {(consumer.lanes, consumer.batch, consumer.projection) for consumer in own} == {(1, 100, False)}


def test_no_public_type_has_two_majors_yet() -> None:
    """Two forms of one change share one identity in a queue's inbox: of them, partners would get one only.

    Whoever adds the second major of a public type first has the queues of partners and webhooks take events as sent.
    """
    names = [event.type for event in public_types()]
    assert [name for name in names if registry.readable_as(name) != (name,)] == []
