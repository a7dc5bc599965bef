"""A read model is rebuilt while its consumer runs on a real broker and events keep coming; killed on the way, or given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest

from libs.common.bus import metrics
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.rebuild import replay
from libs.common.bus.rebuild.replay import rebuilding
from libs.common.bus.topology import Topology
from libs.common.messages.envelope import CloudEvent
from services.notices.wiring import SERVICE
from tests.bus.test_bus_rebuild import QUEUE, TABLES, Platform, archive, platform, platform_of
from tests.bus.world import Behaviour, World

__all__ = ["platform", "platform_of"]


class Killed(Exception):  # noqa: N818  # what a kill is to the code under it
    """The process ends here."""


class Live:
    """The platform with its consumer on RabbitMQ."""

    def __init__(self, platform: Platform, bus: RabbitBus) -> None:
        self.platform = platform
        self.bus = bus
        self.told: list[CloudEvent] = []
        self.world = World(platform.notices.runtime, (QUEUE,), Behaviour())

    async def tell(self, count: int) -> None:
        """Have all producers publish, and bring it to the broker."""
        events = await self.platform.publish(count)
        self.told += events
        await self.bus.publish(events)

    async def is_whole(self) -> bool:
        shown = {row[0] for row in await self.platform.timeline()}
        return shown == {event.id for event in self.told if event.procedure}

    async def is_paused(self) -> bool:
        return bool(metrics.PAUSED.labels("notices", QUEUE)._value.get())


@pytest.fixture
async def live(platform: Platform, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    heard = [one for one in SERVICE.consumers.items if one.queue == QUEUE]
    monkeypatch.setattr(SERVICE.consumers, "items", heard)
    async with _consuming(platform, amqp_url) as bus:
        yield Live(platform, bus)
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        for queue in Topology.of([SERVICE]).queues:
            await channel.queue_delete(queue.name)


@asynccontextmanager
async def _consuming(platform: Platform, amqp_url: str) -> AsyncIterator[RabbitBus]:
    bus = RabbitBus(amqp_url, topology=Topology.of([SERVICE]), name="rebuild")
    async with bus.consume(platform.notices.runtime):
        yield bus
    await bus.close()


async def test_a_rebuild_killed_half_way_ends_while_events_keep_coming(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 5)
    platform, world = live.platform, live.world
    await live.tell(3)
    await world.until(live.is_whole)
    for harness in platform.producers.values():
        await archive(harness)
    await live.tell(2)
    await world.until(live.is_whole)
    original = await platform.timeline()
    await platform.damage()

    def die(done: int, total: int) -> None:
        if done > total // 2:
            raise Killed

    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        await live.tell(1)  # while it waits
        await platform.export(tmp_path)
        with pytest.raises(Killed):
            await made.replay(tmp_path, die)
    await live.tell(1)  # while nobody rebuilds, and it waits all the same
    await world.until(live.is_paused)
    assert await platform.timeline() != original, "readers see the old rows"
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        await made.replay(tmp_path, lambda _done, _total: None)
        await live.tell(1)
        await made.swap()
    await world.until(live.is_whole)
    timeline = {row[0]: row for row in await platform.timeline()}
    assert [timeline[row[0]] for row in original] == original
    assert await world.parked() == []


async def test_a_rebuild_that_is_given_up_changes_nothing_and_loses_nothing(live: Live) -> None:
    platform, world = live.platform, live.world
    await live.tell(2)
    await world.until(live.is_whole)
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        await live.tell(2)
        await world.until(live.is_paused)
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.end()
    await world.until(live.is_whole)
    assert await world.parked() == []


async def test_messages_wait_for_a_rebuild_in_a_consumer_that_starts_meanwhile(
    live: Live, amqp_url: str, tmp_path: Path
) -> None:
    """A roll of the workers in the middle of a rebuild, with the queue's messages in hand."""
    platform, world = live.platform, live.world
    await live.tell(1)
    await world.until(live.is_whole)
    async with rebuilding(platform.notices.runtime, QUEUE, TABLES) as made:
        await made.begin()
        async with _consuming(platform, amqp_url):
            await live.tell(2)
            await world.until(live.is_paused)
        await platform.export(tmp_path)
        await made.replay(tmp_path, lambda _done, _total: None)
        await made.swap()
    await world.until(live.is_whole)
    assert await world.parked() == []
