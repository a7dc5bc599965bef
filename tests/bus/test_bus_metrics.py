"""What the backbone says of itself: each figure moves when its thing happens, on the real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
from prometheus_client import REGISTRY

from libs.common import jobs
from libs.common.bus import measuring, numberer, publisher
from libs.common.bus.rabbit import RabbitBus
from libs.common.bus.retry import PoisonMessageError
from libs.common.bus.topology import Topology
from libs.common.errors import Unavailable
from libs.common.periodic import run_periodic
from libs.common.runtime import Runtime
from libs.common.service import Job, PeriodicTask
from tests.bus.world import World, event_of, exempted, world_on


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def bus(world: World, amqp_url: str) -> AsyncIterator[RabbitBus]:
    made = RabbitBus(amqp_url, topology=Topology.of([world.service]), delays=(0.05,), name="test")
    yield made
    await made.close()
    await _delete(amqp_url, world.queues[0])


async def _delete(amqp_url: str, queue: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        await channel.queue_delete(queue)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_message_is_counted_from_its_commit_to_its_effect(world: World, bus: RabbitBus) -> None:
    stop, queue = asyncio.Event(), world.queues[0]
    before = {name: value(name, service="bids") for name in _COUNTED}
    async with bus.consume(world.runtime):
        tasks = [
            asyncio.create_task(numberer.run(world.runtime, stop)),
            asyncio.create_task(publisher.run(world.runtime, bus, stop)),
        ]
        await world.commit(event_of(uuid4(), 1))
        await world.until_effects(1)
        await world.until(lambda: _is(1, "halles_deliveries_total", service="bids", queue=queue, outcome="done"))
        await world.until(lambda: _measured(world, 0, "halles_relay_lag", service="bids", shard="0"))
        assert value("halles_outbox_pending", service="bids") == 0
        assert value("halles_leaderless", service="bids", role="numberer") == 0
        assert value("halles_leaderless", service="bids", role="publisher") == 0
        assert value("halles_consumer_up", service="bids") == 1
        stop.set()
        await asyncio.gather(*tasks)
    assert {name: value(name, service="bids") - before[name] for name in _COUNTED} == dict.fromkeys(_COUNTED, 1)
    assert value("halles_commit_to_effect_seconds_count", service="bids", queue=queue) == 1
    assert value("halles_commit_to_effect_seconds_sum", service="bids", queue=queue) < 10
    assert value("halles_consumer_up", service="bids") == 0


_COUNTED = ("halles_events_numbered_total", "halles_events_published_total", "halles_confirm_seconds_count")


async def test_trouble_is_counted_by_kind(world: World, bus: RabbitBus) -> None:
    labels = {"service": "bids", "queue": world.queues[0]}
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
    assert value("halles_retries_total", **labels, reason="handler:PoisonMessageError") == 1
    for outcome, count in {"done": 2, "duplicate": 1, "retry": 1, "released": 1, "parked": 1, "held": 1}.items():
        assert value("halles_deliveries_total", **labels, outcome=outcome) == count, outcome
    assert value("halles_consumer_paused", **labels) == 0


async def test_what_waits_and_that_nobody_leads_is_told_by_whoever_looks(world: World) -> None:
    await world.commit(event_of(uuid4(), 1))
    await measuring.measure(world.runtime)
    assert value("halles_outbox_pending", service="bids") == 1
    assert 0 < value("halles_outbox_oldest_seconds", service="bids") < 60
    assert value("halles_leaderless", service="bids", role="numberer") == 1
    assert value("halles_leaderless", service="bids", role="publisher") == 8
    await numberer.drain(world.runtime)
    await measuring.measure(world.runtime)
    assert value("halles_outbox_oldest_seconds", service="bids") == 0
    assert value("halles_relay_lag", service="bids", shard="7") == 1
    used, most = (
        value("halles_database_connections", service="bids"),
        value("halles_database_connections_limit", service="bids"),
    )
    assert 1 <= used <= most


async def test_what_is_set_aside_is_an_alarm(
    world: World, bus: RabbitBus, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def between_two_looks(*_: object) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(bus, "missing", between_two_looks)  # a look that saw it gone would publish nothing to it
    stop = asyncio.Event()
    refused = value("halles_publish_failures_total", service="bids", reason="refused")
    await bus.connect()
    await _delete(amqp_url, world.queues[0])
    await world.commit(event_of(uuid4(), 1))
    await numberer.drain(world.runtime)
    task = asyncio.create_task(publisher.run(world.runtime, bus, stop))
    await world.until(lambda: _measured(world, 1, "halles_set_aside", service="bids"))
    stop.set()
    await task
    # on a slow machine it may have been tried again, and refused again, before the stop
    assert value("halles_publish_failures_total", service="bids", reason="refused") >= refused + 1


async def test_a_broker_that_is_away_is_counted(world: World) -> None:
    stop = asyncio.Event()
    failures = value("halles_publish_failures_total", service="bids", reason="unavailable")
    reconnections = value("halles_bus_reconnections_total", service="bids")
    away = RabbitBus("amqp://127.0.0.1:1/", topology=Topology.of([world.service]), name="test")
    task = asyncio.create_task(publisher.run(world.runtime, away, stop))

    async def counted() -> bool:
        return (
            value("halles_publish_failures_total", service="bids", reason="unavailable") > failures
            and value("halles_bus_reconnections_total", service="bids") > reconnections
        )

    consuming = asyncio.create_task(_consume(away, world.runtime, stop))
    await world.until(counted)
    assert value("halles_consumer_up", service="bids") == 0
    stop.set()
    await asyncio.wait_for(task, 15)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    await away.close()


async def test_no_message_makes_a_label(world: World, bus: RabbitBus, amqp_url: str) -> None:
    """Neither an unknown type, nor a subject, nor an organisation, nor a routing key."""
    queue = world.queues[0]
    unknown, newer, elsewhere = (exempted(uuid4(), 1).to_json().decode() for _ in range(3))
    hostile = [
        unknown.replace("legality.act.exempted.v1", f"legality.act.{uuid4().hex}.v1"),
        newer.replace("legality.act.exempted.v1", "legality.act.exempted.v77"),
        elsewhere.replace("SIRET:21210231500018", "SIRET:99999999999999"),
        "{" + uuid4().hex,
        '{"type": "' + "x" * 4000 + '"}',
        "\x00",
    ]
    async with bus.consume(world.runtime):
        before = _series()
        async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
            for body in hostile:
                await channel.default_exchange.publish(aio_pika.Message(body.encode()), queue)
        await world.until(lambda: _is(5, "halles_parked", service="bids", queue=queue, state="parked"))
        await world.until_effects(1)
    allowed = {"service": {"bids"}, "queue": {queue}, "outcome": {"parked", "done"}}
    for name, labels in _series() - before:
        bounded = {key: {given} <= allowed.get(key, set()) for key, given in labels if key not in {"le", "state"}}
        assert all(bounded.values()), (name, labels)


async def test_a_task_that_fails_is_late(world: World) -> None:
    stop, begun = asyncio.Event(), time.time()

    async def fails(_: Runtime) -> None:
        raise ValueError("no secret 4111")

    async def works(_: Runtime) -> None:
        return

    tasks = [PeriodicTask(fails, 0.01), PeriodicTask(works, 0.01)]
    running = asyncio.create_task(run_periodic(world.runtime, stop, tasks))
    await asyncio.sleep(0.2)
    stop.set()
    await running
    where = f"test_bus_metrics.{test_a_task_that_fails_is_late.__qualname__}.<locals>"
    done = {
        task: value("halles_periodic_done_timestamp_seconds", service="bids", task=f"{where}.{task}")
        for task in ("fails", "works")
    }
    assert begun <= done["fails"] < done["works"] <= time.time(), "seconds since 1970"
    assert value("halles_periodic_seconds", service="bids", task=f"{where}.works") == 0.01


async def test_jobs_that_nobody_does_are_told_by_their_age(world: World) -> None:
    await jobs.measure(world.runtime)
    assert value("halles_jobs_oldest_seconds", service="bids") == 0
    async with world.runtime.read() as conn:
        for due, before, state in (
            ("-90 s", "-70 s", "waiting"),
            ("1 day", "-1 day", "waiting"),
            ("-1 day", "1 h", "waiting"),
        ):
            await conn.execute(
                "INSERT INTO job (kind, key, payload, due_at, not_before, state) "
                "VALUES ('greet', gen_random_uuid()::text, '{}', now() + $1::text::interval, now() + $2::text::interval, $3)",
                due, before, state,
            )  # fmt: skip
    await jobs.measure(world.runtime)
    assert 70 <= value("halles_jobs_oldest_seconds", service="bids") < 85, (
        "neither one of tomorrow nor one in a backoff"
    )
    assert value("halles_jobs", service="bids", state="waiting") == 3


async def test_attempts_at_jobs_are_counted_by_what_became_of_them(world: World) -> None:
    outcomes = iter([None, ValueError("later"), jobs.JobFailedError("never")])

    async def greet(_runtime: Runtime, _job: Job) -> None:
        error = next(outcomes)
        if error:
            raise error

    world.service.jobs.on("greet")(greet)
    for key in ("a", "b", "c"):
        async with world.runtime.uow() as uow:
            uow.enqueue("greet", key=key, payload={})
        await jobs.drain(world.runtime)
    for outcome in ("done", "postponed", "dead"):
        assert value("halles_job_attempts_total", service="bids", kind="greet", outcome=outcome) == 1
    await jobs.measure(world.runtime)
    assert value("halles_jobs", service="bids", state="waiting") == 1
    assert value("halles_jobs", service="bids", state="dead") == 1
    assert value("halles_jobs_oldest_seconds", service="bids") == 0, "the one that is postponed is not late"


@pytest.mark.parametrize("name", ["halles_commit_to_effect_seconds", "halles_confirm_seconds"])
async def test_the_targets_can_be_read_from_the_buckets(world: World, bus: RabbitBus, name: str) -> None:
    """p50 at 15 ms, p99 at 60 ms, and where the alerts begin, are limits of buckets: no interpolation is needed there."""
    async with bus.consume(world.runtime):
        await bus.publish([exempted(uuid4(), 1)])
        await world.until_effects(1)
    limits = {dict(labels)["le"] for series, labels in _series() if series == f"{name}_bucket"}
    assert {"0.015", "0.06", "1.0", "+Inf"} <= limits
    assert len(limits) <= 16, "each one is a series of every queue"


def _series() -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {
        (sample.name, frozenset(sample.labels.items()))
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("halles_")
    }


async def _consume(bus: RabbitBus, runtime: Runtime, stop: asyncio.Event) -> None:
    async with bus.consume(runtime):
        await stop.wait()


async def _measured(world: World, expected: float, name: str, **labels: str) -> bool:
    await measuring.measure(world.runtime)
    return await _is(expected, name, **labels)


async def _is(expected: float, name: str, **labels: str) -> bool:
    return value(name, **labels) == expected
