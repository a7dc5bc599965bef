"""What the backbone says of itself: each figure moves when its thing happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from libs.common.bus import numberer, publisher
from libs.common.bus.memory import MemoryBus
from libs.common.bus.retry import PoisonMessageError
from libs.common.bus.topology import Topology
from libs.common.errors import Unavailable
from tests.bus.world import World, event_of, exempted, world_on


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_message_is_counted_from_its_commit_to_its_effect(world: World) -> None:
    bus, stop, queue = MemoryBus(), asyncio.Event(), world.queues[0]
    numbered = value("halles_events_numbered_total", service="bids")
    published = value("halles_events_published_total", service="bids")
    async with bus.consume(world.runtime):
        tasks = [
            asyncio.create_task(numberer.run(world.runtime, stop)),
            asyncio.create_task(publisher.run(world.runtime, bus, stop)),
        ]
        await world.commit(event_of(uuid4(), 1))
        await world.until_effects(1)
        await world.until(lambda: _is(1, "halles_deliveries_total", service="bids", queue=queue, outcome="done"))
        await world.until(lambda: _is(0, "halles_outbox_pending", service="bids"))
        await world.until(lambda: _is(0, "halles_relay_lag", service="bids", shard="0"))
        stop.set()
        await asyncio.gather(*tasks)
    assert value("halles_events_numbered_total", service="bids") == numbered + 1
    assert value("halles_events_published_total", service="bids") == published + 1
    assert value("halles_commit_to_effect_seconds_count", service="bids", queue=queue) == 1
    assert value("halles_commit_to_effect_seconds_sum", service="bids", queue=queue) < 10


async def test_trouble_is_counted_by_kind(world: World) -> None:
    bus, queue = MemoryBus(delays=(0.05,)), world.queues[0]
    labels = {"service": "bids", "queue": queue}
    again, poison, late = uuid4(), uuid4(), uuid4()
    world.behaviour.failures[again, 1] = [ValueError("once")]
    world.behaviour.failures[poison, 1] = [PoisonMessageError()]
    world.behaviour.failures[late, 1] = [Unavailable()]
    async with bus.consume(world.runtime):
        twice = exempted(uuid4(), 1)
        for event in (twice, twice, exempted(again, 1), exempted(poison, 1), exempted(poison, 2)):
            await bus.publish([event])
        publishing = asyncio.create_task(bus.publish([exempted(late, 1)]))
        await world.until(lambda: _is(1, "halles_consumer_paused", **labels))
        await publishing
        await world.until_effects(3)
        await world.until(lambda: _is(2, "halles_parked", **labels, state="parked"))
    assert value("halles_duplicates_dropped_total", **labels) == 1
    assert value("halles_retries_total", **labels, reason="handler:ValueError") == 1
    assert value("halles_deliveries_total", **labels, outcome="parked") == 1
    assert value("halles_deliveries_total", **labels, outcome="held") == 1
    assert value("halles_consumer_paused", **labels) == 0


async def test_what_is_set_aside_is_an_alarm(world: World) -> None:
    stop, bus = asyncio.Event(), MemoryBus(Topology.of([world.service]))
    refused = value("halles_publish_failures_total", service="bids", reason="refused")
    await world.commit(event_of(uuid4(), 1))
    await numberer.drain(world.runtime)
    task = asyncio.create_task(publisher.run(world.runtime, bus, stop))
    await world.until(lambda: _is(1, "halles_set_aside", service="bids"))
    stop.set()
    await task
    # on a slow machine it may have been tried again, and refused again, before the stop
    assert value("halles_publish_failures_total", service="bids", reason="refused") >= refused + 1


async def _is(expected: float, name: str, **labels: str) -> bool:
    return value(name, **labels) == expected
