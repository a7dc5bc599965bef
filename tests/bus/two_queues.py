"""A service with two queues on one type, its relays and its worker, on a real broker: queues to be deleted and made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from prometheus_client import REGISTRY

from libs.common.bus import numberer, publisher, retry
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import Topology, broker_objects
from tests.bus.contract import DELAYS
from tests.bus.world import World, event_of, world_on


@dataclass
class Platform:
    """A service with two queues on one type, its relays and its worker, on a real broker."""

    world: World
    url: str
    relays: dict[asyncio.Task[None], asyncio.Event] = field(default_factory=dict)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    login: str | None = None
    """The address of the service's own user, where it is not the administrator's."""

    @property
    def lost(self) -> str:
        return self.world.queues[0]

    @property
    def other(self) -> str:
        return self.world.queues[1]

    def bus(self) -> RabbitBus:
        delays = retry.DELAYS if self.login else DELAYS  # the definitions have those of production
        bus = RabbitBus(self.login or self.url, topology=Topology.of([self.world.service]), delays=delays, name="test")
        bus.watch_seconds, bus.lost_seconds = 2, 2.5
        self.stack.push_async_callback(bus.close)
        return bus

    def relay(self) -> asyncio.Task[None]:
        """Start a relay: numberer and publisher."""
        stop, bus = asyncio.Event(), self.bus()

        async def run() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(numberer.run(self.world.runtime, stop))
                group.create_task(publisher.run(self.world.runtime, bus, stop))

        self.relays[task := asyncio.create_task(run())] = stop
        return task

    async def kill(self, relay: asyncio.Task[None]) -> None:
        """End a relay as kill -9 does: nothing is finished, its session and its connections end."""
        del self.relays[relay]
        while not relay.done():  # a cancellation that meets the end of what it waits for may be lost; a kill is not
            relay.cancel()
            await asyncio.wait([relay], timeout=1)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with self.bus().consume(self.world.runtime):
            yield

    async def end(self) -> None:
        for stop in self.relays.values():
            stop.set()
        await asyncio.gather(*self.relays)
        self.relays.clear()
        await self.stack.aclose()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            yield channel

    async def delete(self, *queues: str) -> None:
        async with self.channel() as channel:
            for queue in queues:
                await channel.queue_delete(queue)

    async def make(self, queue: str) -> None:
        """Make a queue by hand, as an operator does who imports the definitions again."""
        objects = broker_objects(Topology.of([self.world.service]))
        async with self.channel() as channel:
            made = await channel.declare_queue(queue, durable=True, arguments=objects.queues[queue])
            for exchange, name, key in objects.bindings:
                if name == queue:
                    await made.bind(exchange, key)

    async def waiting(self, queue: str) -> int:
        async with self.channel() as channel:
            try:
                found = await channel.declare_queue(queue, passive=True)
            except ChannelNotFoundEntity:
                return 0
        return found.declaration_result.message_count or 0

    async def until(self, condition: Callable[[], Awaitable[bool]], within: float = 30) -> None:
        await self.world.until(condition, within)

    async def until_waiting(self, queue: str, count: int) -> None:
        async def enough() -> bool:
            return await self.waiting(queue) >= count

        await self.until(enough)

    async def until_missing(self, queue: str, *, missing: bool = True) -> None:
        async def written() -> bool:
            return await self.ask("SELECT missing FROM publisher_queue WHERE queue = $1", queue) is missing

        await self.until(written)

    async def until_marked(self, position: int) -> None:
        async def marked() -> bool:
            return await self.ask("SELECT min(position) FROM publisher") == position

        await self.until(marked)

    async def ask(self, query: str, *values: object) -> object:
        async with self.world.runtime.read() as conn:
            return await conn.fetchval(query, *values)

    async def until_exactly(self, queue: str, expected: list[tuple[UUID, int]]) -> None:
        """Wait for these effects, then look that there is none twice and that each key is in order."""

        async def enough() -> bool:
            return len(await self.world.effects(queue)) >= len(expected)

        await self.until(enough)
        await asyncio.sleep(1)
        effects = await self.world.effects(queue)
        assert Counter(effects) == Counter(expected)
        for key in {key for key, _ in expected}:
            places = [place for k, place in effects if k == key]
            assert places == sorted(places), f"out of order in {queue}"


@pytest.fixture
async def platform(database_url: str, amqp_url: str, tmp_path: Path) -> AsyncIterator[Platform]:
    async with world_on(database_url, tmp_path, owner="legality", queues=2) as world:
        made = Platform(world, amqp_url)
        try:
            yield made
        finally:
            await made.end()
            with suppress(Exception):
                await made.delete(*world.queues)


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def committed(platform: Platform, aggregates: list[UUID], places: range) -> list[tuple[UUID, int]]:
    for place in places:
        await platform.world.commit(*(event_of(key, place) for key in aggregates))
    return [(key, place) for place in places for key in aggregates]
