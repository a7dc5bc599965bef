"""The bus on RabbitMQ keeps the promises of every bus, and survives what happens to connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelAccessRefused

from libs.common.bus import BusUnavailableError, RefusedEventsError, definitions
from libs.common.bus.parked import store as parked
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import DELIVERY_LIMIT, Topology
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.legality import ActExemptedV1
from libs.common.service import Consumers, Service
from libs.common.testing import vhosts
from libs.common.testing.vhosts import administration
from tests.bus.contract import DELAYS, BusContract, world
from tests.bus.proxy import Proxy
from tests.bus.world import World, exempted, keys

__all__ = ["world"]


@dataclass
class _Rabbit:
    bus: RabbitBus
    url: str
    proxy: Proxy

    async def inject(self, queue: str, body: bytes) -> None:
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            await channel.default_exchange.publish(aio_pika.Message(body), queue)

    async def remove_queue(self, queue: str) -> None:
        await self.bus.connect()
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            await channel.queue_delete(queue)


RabbitMaker = Callable[[Service], AbstractAsyncContextManager[_Rabbit]]


@pytest.fixture
async def make_bus(amqp_url: str) -> AsyncIterator[RabbitMaker]:
    made: set[str] = set()

    @asynccontextmanager
    async def make(service: Service) -> AsyncIterator[_Rabbit]:
        made.update(queue.name for queue in Topology.of([service]).queues)
        async with Proxy(amqp_url).listening() as proxy:
            bus = RabbitBus(proxy.url, topology=Topology.of([service]), delays=DELAYS, name="test")
            bus.watch_seconds = 2
            try:
                yield _Rabbit(bus, amqp_url, proxy)
            finally:
                await bus.close()

    yield make
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        for queue in made:
            await channel.queue_delete(queue)


class TestRabbitBus(BusContract):
    """All of the contract, through a real broker."""

    async def test_it_consumes_again_after_its_connections_were_cut(self, make_bus: RabbitMaker, world: World) -> None:
        key = uuid4()
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            await under.bus.publish([exempted(key, 1)])
            await world.until_effects(1)
            under.proxy.cut()
            await until_published(under.bus, exempted(key, 2))
            under.proxy.cut()
            await until_published(under.bus, exempted(key, 3))
            effects = await world.until_effects(3)
        assert effects == [(key, 1), (key, 2), (key, 3)]

    async def test_a_cut_in_the_middle_of_the_work_repeats_and_reorders_nothing(
        self, make_bus: RabbitMaker, world: World
    ) -> None:
        aggregates = keys(4)

        async def dawdle() -> None:
            await asyncio.sleep(0.01)

        world.behaviour.pause = dawdle
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            for place in range(1, 13):
                for key in aggregates:
                    await until_published(under.bus, exempted(key, place))
                if place % 4 == 0:
                    under.proxy.cut()
            effects = await world.until_effects(48)
        assert len(effects) == 48
        for key in aggregates:
            assert [place for k, place in effects if k == key] == list(range(1, 13))

    async def test_a_deleted_queue_is_noticed_and_made_again(
        self, make_bus: RabbitMaker, world: World, amqp_url: str
    ) -> None:
        key = uuid4()
        async with make_bus(world.service) as under, under.bus.consume(world.runtime):
            async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
                await channel.queue_delete(world.queues[0])
            await until_published(under.bus, exempted(key, 1))
            assert await world.until_effects(1) == [(key, 1)]

    async def test_a_message_that_kills_its_consumer_ends_in_parked(
        self, make_bus: RabbitMaker, world: World, amqp_url: str
    ) -> None:
        """The broker gives it up after so many deliveries without an answer; the dead queue's consumer parks it."""
        event, well = exempted(uuid4(), 1), uuid4()
        async with make_bus(world.service) as under:
            await under.bus.publish([event])
            for _ in range(DELIVERY_LIMIT + 1):
                await die_of_a_message(amqp_url, world.queues[0])
            async with under.bus.consume(world.runtime):
                (waiting,) = await world.until_parked(1)
                assert waiting.reason == "delivery-limit"
                assert waiting.message_id == event.id
                await under.bus.publish([exempted(well, 1)])
                assert await world.until_effects(1) == [(well, 1)]
                async with world.runtime.uow() as uow:
                    await parked.replay(uow, waiting.id)
                assert len(await world.until_effects(2)) == 2

    async def test_an_absent_broker_is_said_and_waited_for(self, world: World) -> None:
        bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/nowhere", topology=Topology.of([world.service]))
        with pytest.raises(BusUnavailableError):
            await bus.publish([exempted(uuid4(), 1)])

    async def test_a_production_user_does_its_work_and_nothing_else(self, world: World, amqp_url: str) -> None:
        """The permissions of the definitions file, on a real broker: nothing declared, only its own keys published."""
        topology = Topology.of([world.service])
        with vhosts.new(amqp_url) as own, imported_definitions(["bids", "legality"], topology, own) as urls:
            consumer = RabbitBus(urls["bids"], topology=topology)
            sender = RabbitBus(urls["legality"], topology=topology)
            first, second = keys(2)
            world.behaviour.failures[first, 1] = [ValueError("once")]
            async with consumer.consume(world.runtime):
                await sender.publish([exempted(first, 1)])
                await sender.publish([exempted(second, 1)])
                assert await world.until_effects(2) == [(second, 1), (first, 1)], "retried through its own queues"
                with pytest.raises(BusUnavailableError, match="ACCESS_REFUSED"):
                    await consumer.publish([exempted(first, 2)])
            await consumer.close()
            await sender.close()
            incomplete = RabbitBus(urls["bids"], topology=topology.including(_another_queue(world.service)))
            await incomplete.connect()  # what is there goes on; who needs the rest looks for it
            assert await incomplete.missing([*world.queues, "bids.never-declared"], ()) == {"bids.never-declared"}
            await incomplete.close()
            for name in ("bids.never-declared", "legality.own", "anything"):
                async with await aio_pika.connect(urls["legality"]) as connection, connection.channel() as channel:
                    with pytest.raises(ChannelAccessRefused):
                        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})


async def until_published(bus: RabbitBus, event: CloudEvent) -> None:
    """Publish as the publisher does: again, with the same id, until it is confirmed."""
    async with asyncio.timeout(15):
        while True:
            try:
                await bus.publish([event])
            except (BusUnavailableError, RefusedEventsError):
                await asyncio.sleep(0.05)
            else:
                return


async def die_of_a_message(url: str, queue: str) -> None:
    """Take a message and lose the connection with it unanswered, as a process that is killed does."""
    async with Proxy(url).listening() as proxy:
        connection = await aio_pika.connect(proxy.url)
        channel = await connection.channel()
        taken = asyncio.Event()

        async def take(_: AbstractIncomingMessage) -> None:
            taken.set()

        await (await channel.get_queue(queue, ensure=False)).consume(take)
        with suppress(TimeoutError):  # the last time, the broker has given it up
            async with asyncio.timeout(1):
                await taken.wait()
        proxy.cut()
        with suppress(AMQPError):
            await connection.close()


def _another_queue(service: Service) -> Service:
    consumers = Consumers(service.name)
    consumers.on(ActExemptedV1, queue="never-declared")(service.consumers.items[0].handler)
    return replace(service, consumers=consumers)


@contextmanager
def imported_definitions(services: list[str], topology: Topology, url: str) -> Iterator[dict[str, str]]:
    """Import a definitions file, as the broker does at its start, and give the address of each service's user.

    The users have names of their own, the broker is shared; the virtual host should be one of nobody else: queues of
    a definitions file have no arguments, and whoever declares them with some is refused.
    """
    parts, prefix, password = urlsplit(url), f"halles_test_{token_hex(4)}_", token_hex(8)
    document = definitions.document(services, topology, vhost=parts.path.lstrip("/"))
    document["users"] = [user | {"name": prefix + user["name"], "password": password} for user in document["users"]]
    for kind in ("permissions", "topic_permissions"):
        document[kind] = [entry | {"user": prefix + entry["user"]} for entry in document[kind]]
    broker = administration()
    try:
        broker.import_definitions(document)
        yield {
            name: urlunsplit(
                (parts.scheme, f"{prefix}{name}:{password}@{parts.netloc.rpartition('@')[2]}", parts.path, "", "")
            )
            for name in services
        }
    finally:
        broker.delete_users([user["name"] for user in document["users"]])
