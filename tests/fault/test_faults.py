"""The short form of the fault tests: a storm over real processes, then every bad input, on private servers.

The long form is `make fault`. One file, in order: the servers and the processes are started once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import aio_pika
import pytest
import pytest_asyncio

from libs.common.bus.parked import store as parked
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import open_runtime
from tests.fault.fleet import until
from tests.fault.shop import CONSUMER, PRODUCER
from tests.fault.storm import Plan, launch, permit, weather
from tests.fault.world import World, clean_environment, world
from tests.fault.writer import emit_change, event_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PATIENCE = 60.0  # seconds: this machine may be busy
DEATHS = 3  # after which the broker gives a message up, here
STORM = Plan(
    events=1500, kills=10, seconds=75, settle_seconds=60, trouble_every=(2.0, 4.0), rate=18,
    troubles=("broker cut", "broker restarted", "database cut", "database crashed", "broker slow", "database slow"),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        clean_environment(patch)
        async with world(tmp_path_factory.mktemp("fault"), seed=secrets.randbits(32)) as found:
            yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calm(here: World) -> World:
    """Give the world with its processes, after the storm or without."""
    if not here.fleet.slots:
        await launch(here, STORM)
        await here.fleet.stop("writer")
    await until_effects(here, await commit(here, uuid4()))  # so every queue is there
    return here


async def commit(here: World, *keys: UUID) -> list[str]:
    """Commit one change of each aggregate, as a writer does, and give their marks."""
    marks = [secrets.token_hex(6) for _ in keys]
    settings = PRODUCER.settings(**here.settings(here.database.url).model_dump())
    async with open_runtime(PRODUCER, settings) as runtime, runtime.uow() as uow:
        for key, mark in sorted(zip(keys, marks, strict=True)):
            await emit_change(uow, key, mark)
    return marks


async def effects_of(here: World, marks: list[str]) -> int:
    return len(await here.rows("alerts", "SELECT id FROM effect WHERE mark = ANY ($1)", marks))


async def until_effects(here: World, marks: list[str]) -> None:
    """Wait until each change has its effect; exactly one."""

    async def all_there() -> bool:
        return await effects_of(here, marks) >= len(marks)

    await until(all_there, PATIENCE, f"effects of {marks}; in trouble: {await here.troubles()}")
    assert await effects_of(here, marks) == len(marks)


async def until_parked(here: World, reason: str) -> None:
    async def is_parked() -> bool:
        found = "SELECT id FROM parked WHERE reason = $1 AND state = 'parked'"
        return bool(await here.rows("alerts", found, reason))

    await until(is_parked, PATIENCE, f"parked as {reason}; in trouble: {await here.troubles()}")


async def test_nothing_is_lost_doubled_or_reordered_in_a_storm(here: World) -> None:
    said: list[str] = []
    outcome = await weather(here, STORM, said.append)
    report = "\n".join([*said, json.dumps(outcome.counts), *outcome.broken[:20]])
    assert outcome.broken == [], report
    assert (outcome.missing, outcome.troubles) == ({}, []), report
    assert outcome.counts["committed"] >= STORM.events, report
    assert outcome.counts["kills"] >= STORM.kills, report
    assert set(STORM.troubles) <= outcome.counts["troubles"].keys(), report
    assert outcome.counts["copies_delivered"] > 0, report
    assert outcome.counts["ended_by_themselves"].keys() <= {69}, report


def bad_bodies() -> dict[str, bytes]:
    """Give what must not be handled, by the reason it is parked for."""
    good = CloudEvent.wrap(event_of(uuid4(), 1, "bad"))
    schema = good.model_copy(update={"data": good.data | {"aggregate_version": "many"}})
    future = good.model_copy(update={"id": uuid4(), "recordedtime": datetime.now(UTC) + timedelta(days=2)})
    major = good.model_copy(update={"id": uuid4(), "type": f"{good.type[:-1]}9"})
    return {
        "not-json": b"\x00\xffnot json",
        "not-cloudevent": b'{"specversion": "1.0"}',
        "unknown-type": major.to_json(),
        "wrong-schema": schema.to_json(),
        "from-the-future": future.to_json(),
        "too-large": b'{"filler": "' + b"x" * 20 * 2**20 + b'"}',
    }


async def test_bad_input_is_parked_with_its_reason_and_holds_back_nothing(calm: World) -> None:
    bodies = bad_bodies()
    async with await aio_pika.connect(calm.broker.url) as connection:
        channel = await connection.channel()
        for body in bodies.values():
            await channel.default_exchange.publish(aio_pika.Message(body), "alerts.effects", timeout=30)
    await until_effects(calm, await commit(calm, uuid4(), uuid4()))
    for reason in bodies:
        await until_parked(calm, reason)

    async def counted() -> bool:
        return await calm.metric("worker", "halles_parked", queue="alerts.effects", state="parked") >= len(bodies)

    await until(counted, PATIENCE, "parked messages in the metrics")


async def test_a_broker_that_refuses_our_user_is_counted_and_waited_for(calm: World) -> None:
    await permit(calm, write="^$")
    for slot in calm.fleet.slots:
        if slot.name.startswith("relay"):  # the broker remembers for a minute what a channel may do
            calm.fleet.kill(slot)
    try:
        marks = await commit(calm, uuid4())

        async def counted() -> bool:
            return await calm.metric("relay", "halles_publish_failures_total", reason="unavailable") > 0

        await until(counted, PATIENCE, "publications refused in the metrics")
        assert await effects_of(calm, marks) == 0
    finally:
        await permit(calm, write=".*")
    await until_effects(calm, marks)


async def test_a_broker_under_alarm_blocks_the_bus_only(calm: World) -> None:
    await calm.broker.control("set_vm_memory_high_watermark", "0")
    try:
        key = uuid4()
        key = UUID(int=key.int & ~1)  # public
        marks = await commit(calm, key)

        async def read() -> bool:
            return all(any(change.mark == marks[0] for change in reader.seen) for reader in calm.readers)

        await until(read, PATIENCE, "the feed goes on")
        assert await effects_of(calm, marks) == 0
    finally:
        await calm.broker.control("set_vm_memory_high_watermark", "0.6")
    await until_effects(calm, marks)


async def test_events_without_a_queue_are_set_aside_until_it_is_there(calm: World) -> None:
    slots = [replace(slot) for slot in calm.fleet.slots if slot.name.startswith("worker")]
    await calm.fleet.stop("worker")
    for queue in ("effects", "view", "sends"):
        await calm.broker.ask("DELETE", f"queues/%2F/alerts.{queue}")
    marks = await commit(calm, uuid4())

    async def aside() -> bool:
        return await calm.metric("relay", "halles_set_aside") > 0

    calm.fleet.special["FAULT_DELIVERY_LIMIT"] = str(DEATHS)
    try:
        await until(aside, PATIENCE, "set aside in the metrics")
    finally:
        for slot in slots:
            await calm.fleet.start(slot.name, slot.service, *slot.words)
    await until_effects(calm, marks)


async def test_a_message_that_kills_its_process_is_parked_and_the_others_pass(calm: World) -> None:
    """The broker gives it up (after fewer deaths than in production); neighbours it took along are replayed."""
    poison, innocent = uuid4(), [uuid4() for _ in range(20)]
    await calm.rows("alerts", "INSERT INTO poison (key) VALUES ($1)", poison)
    marks = await commit(calm, poison, *innocent)
    await until_parked(calm, "delivery-limit")
    assert calm.fleet.ends[9] >= DEATHS
    later = await commit(calm, uuid4(), uuid4())
    await until_effects(calm, later)
    await replay(calm, besides=poison)
    await until_effects(calm, marks[1:])
    assert await effects_of(calm, marks[:1]) == 0


async def replay(here: World, *, besides: UUID) -> None:
    """Replay as an operator does what the broker gave up, but for one aggregate."""
    settings = CONSUMER.settings(**here.settings(here.database.url).model_dump())
    found = "SELECT id FROM parked WHERE reason = 'delivery-limit' AND state = 'parked' AND key <> $1"
    async with open_runtime(CONSUMER, settings) as runtime:
        for row in await here.rows("alerts", found, str(besides)):
            async with runtime.uow() as uow:
                await parked.replay(uow, row["id"])
