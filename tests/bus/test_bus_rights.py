"""What a service's user may do on a real broker with the definitions of production: its own work, and see where it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import ChannelAccessRefused

from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import EVENTS, Topology, broker_objects
from tests.bus.management import Imported, imported_definitions, managed_broker

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER, QUEUE = "legality", "notices.timeline"  # where its events go, of another service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def imported() -> AsyncIterator[Imported]:
    async with managed_broker() as broker, imported_definitions(broker) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def connection(imported: Imported) -> AsyncIterator[AbstractConnection]:
    async with await aio_pika.connect(imported.url(USER, imported.vhost)) as found:
        yield found


@pytest.mark.parametrize("service", Topology.load().services())
async def test_a_service_sees_its_queues_and_those_its_events_go_to(imported: Imported, service: str) -> None:
    topology = Topology.load()
    seen = [
        queue.name
        for queue in topology.queues
        if queue.service == service or any(kind.startswith(f"{service}.") for kind in queue.types)
    ]
    async with await aio_pika.connect(imported.url(service, imported.vhost)) as found, found.channel() as channel:
        for name in (*seen, f"{service}.dead"):
            await channel.declare_queue(name, passive=True)


async def test_a_production_user_connects_whatever_it_does_not_see(imported: Imported) -> None:
    bus = RabbitBus(imported.url(USER, imported.vhost))
    await bus.connect()
    await bus.close()


Attempt = Callable[[AbstractChannel, AbstractQueue], Awaitable[object]]


async def _nothing(_: AbstractIncomingMessage) -> None:
    """Take no message."""


ATTEMPTS: dict[str, Attempt] = {
    "consume": lambda _, queue: queue.consume(_nothing),
    "get": lambda _, queue: queue.get(fail=False),
    "purge": lambda _, queue: queue.purge(),
    "delete": lambda _, queue: queue.delete(if_unused=False, if_empty=False),
    "declare": lambda channel, queue: channel.declare_queue(queue.name, durable=True),
    "publish past the exchange": lambda channel, queue: channel.default_exchange.publish(
        aio_pika.Message(b"forged"), queue.name
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_nobody_touches_a_queue_of_another_service(connection: AbstractConnection, attempt: str) -> None:
    async with connection.channel() as channel:
        queue = await channel.get_queue(QUEUE, ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await ATTEMPTS[attempt](channel, queue)


async def test_nobody_binds_a_queue_of_another_service_to_anything(connection: AbstractConnection) -> None:
    """Its own exchanges first: what it sends through its retries would reach the queue."""
    exchanges = sorted(broker_objects(Topology.load()).exchanges)
    assert f"{USER}.again" in exchanges
    for exchange in (*exchanges, "amq.direct", "amq.topic", "amq.fanout", "amq.headers"):
        for change in ("bind", "unbind"):
            async with connection.channel() as channel:
                queue = await channel.get_queue(QUEUE, ensure=False)
                with pytest.raises(ChannelAccessRefused):
                    await getattr(queue, change)(exchange, "legality.act.exempted.v1")


async def test_only_its_own_types_leave_under_its_name(connection: AbstractConnection) -> None:
    async with connection.channel() as channel:
        events = await channel.get_exchange(EVENTS, ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await events.publish(aio_pika.Message(b"forged"), "bids.contract.signed.v1")
