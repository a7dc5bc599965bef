"""Queues that one process consumes at a time are shared among the processes, whoever started first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

import aio_pika

from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.topology import Topology
from libs.common.runtime import Runtime, open_runtime
from libs.common.uow import Uow
from tests.bus.world import World, exempted, keys, world_on

QUEUES, KEYS = 6, 4


class Workers:
    """Processes of one service, each with its own connections, and who handled what."""

    def __init__(self, world: World, amqp_url: str) -> None:
        self.world = world
        self.done: Counter[int] = Counter()
        self._url = amqp_url
        self._names: dict[int, int] = {}
        world.behaviour.hooks.append(self._note)

    def _note(self, uow: Uow) -> None:
        self.done[self._names[id(uow.runtime)]] += 1

    @asynccontextmanager
    async def worker(self, name: int) -> AsyncIterator[Runtime]:
        bus = RabbitBus(self._url, topology=Topology.of([self.world.service]), name=f"worker-{name}")
        bus.watch_seconds = 0.5
        async with open_runtime(self.world.service, self.world.runtime.settings) as runtime:
            self._names[id(runtime)] = name
            async with bus.consume(runtime):
                yield runtime
        await bus.close()


async def test_queues_with_effects_are_shared_by_the_processes_in_the_order_of_each_key(
    database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    """One worker has it all; a second one, then a third one, gets its part; one leaves. Nothing is lost, twice or late."""
    aggregates, place = keys(KEYS), 0
    async with world_on(database_url, tmp_path, queues=QUEUES, lanes=2) as world, AsyncExitStack() as stack:
        workers = Workers(world, amqp_url)
        sender = RabbitBus(amqp_url, topology=Topology.of([world.service]), name="sender")
        stack.push_async_callback(sender.close)

        async def work_for(seconds: float) -> Counter[int]:
            nonlocal place
            workers.done.clear()
            async with asyncio.timeout(seconds + 20):
                end = asyncio.get_running_loop().time() + seconds
                while asyncio.get_running_loop().time() < end:
                    place += 1
                    await sender.publish([exempted(key, place) for key in aggregates])
                    await asyncio.sleep(0.02)
            return Counter(workers.done)

        first = await stack.enter_async_context(AsyncExitStack())
        await first.enter_async_context(workers.worker(1))
        assert set(await work_for(1)) == {1}
        await stack.enter_async_context(workers.worker(2))
        await work_for(2)
        two = await work_for(1.5)
        assert min(two[1], two[2]) > 0.3 * two.total(), two
        await stack.enter_async_context(workers.worker(3))
        await work_for(4)
        three = await work_for(1.5)
        assert min(three[1], three[2], three[3]) > 0.1 * three.total(), three
        await first.aclose()
        await work_for(2)
        left = await work_for(1.5)
        assert left[1] == 0
        assert min(left[2], left[3]) > 0.1 * left.total(), left
        for queue in world.queues:
            effects = await world.until_effects(place * KEYS, queue)
            _in_order(effects, aggregates, place)
        assert await world.parked() == []
    await _tidy(amqp_url, world)


def _in_order(effects: list[tuple[UUID, int]], aggregates: list[UUID], count: int) -> None:
    for key in aggregates:
        assert [place for one, place in effects if one == key] == list(range(1, count + 1))


async def _tidy(amqp_url: str, world: World) -> None:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        for queue in world.queues:
            await channel.queue_delete(queue)
