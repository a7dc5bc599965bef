"""The short form of the fault tests: a storm over real processes, then every bad input, on private servers.

The long form is `make fault`. One file, in order: the servers and the processes are started once.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import aio_pika
import pytest
import pytest_asyncio
from aiormq.exceptions import ChannelPreconditionFailed

from libs.common.bus.parked import store as parked
from libs.common.errors import NotFound
from libs.common.messages.envelope import CloudEvent
from tests.fault.chaos import Rage, disk_alarm, full, memory_alarm, refusal
from tests.fault.fleet import until
from tests.fault.ground import clean_environment
from tests.fault.shop import CONSUMER, PRODUCER
from tests.fault.storm import Plan, launch, weather
from tests.fault.world import World, world
from tests.fault.writer import emit_change, event_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PATIENCE = 60.0  # seconds: this machine may be busy
DEATHS = 3  # after which the broker gives a message up, here
TROUBLES = ("broker cut", "broker restarted", "database cut", "database crashed", "broker slow", "database slow")
STORM = Plan(Rage(10, TROUBLES, trouble_every=(2.0, 4.0)), events=1500, seconds=75, settle_seconds=60, rate=18)


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
    async with here.runtime(PRODUCER) as runtime, runtime.uow() as uow:
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


async def until_parked(here: World, reason: str, count: int = 1) -> None:
    async def is_parked() -> bool:
        found = "SELECT id FROM parked WHERE reason = $1 AND state = 'parked'"
        return len(await here.rows("alerts", found, reason)) >= count

    await until(is_parked, PATIENCE, f"parked as {reason}; in trouble: {await here.troubles()}")


async def test_nothing_is_lost_doubled_or_reordered_in_a_storm(here: World) -> None:
    said: list[str] = []
    outcome = await weather(here, STORM, said.append)
    report = "\n".join([*said, json.dumps(outcome.counts), *outcome.broken[:20]])
    assert outcome.broken == [], report
    assert (outcome.missing, outcome.troubles) == ({}, []), report
    assert outcome.counts["committed"] >= STORM.events, report
    assert outcome.counts["kills"] >= STORM.rage.kills, report
    assert set(TROUBLES) <= outcome.counts["troubles"].keys(), report
    assert outcome.counts["copies_delivered"] > 0, report
    assert outcome.counts["ended_by_themselves"].keys() <= {69}, report


def bad_bodies() -> list[tuple[str, bytes]]:
    """Give what must not be handled, with the reason it is parked for."""
    good = CloudEvent.wrap(event_of(uuid4(), 1, "bad"))
    schema = good.model_copy(update={"data": good.data | {"aggregate_version": "many"}})
    future = good.model_copy(update={"id": uuid4(), "recordedtime": datetime.now(UTC) + timedelta(days=2)})
    major = good.model_copy(update={"id": uuid4(), "type": f"{good.type[:-1]}9"})
    unknown = good.model_copy(update={"id": uuid4(), "type": "opendata.nothing.happened.v1"})
    return [
        ("not-json", b"\x00\xffnot json"),
        ("not-cloudevent", b'{"specversion": "1.0"}'),
        ("unknown-type", unknown.to_json()),
        ("unknown-type", major.to_json()),
        ("wrong-schema", schema.to_json()),
        ("from-the-future", future.to_json()),
        ("too-large", filler(12)),
    ]


def filler(mebibytes: int) -> bytes:
    return b'{"filler": "' + b"x" * mebibytes * 2**20 + b'"}'


async def test_bad_input_is_parked_with_its_reason_and_holds_back_nothing(calm: World) -> None:
    bodies = bad_bodies()
    async with await aio_pika.connect(calm.broker.url) as connection:
        channel = await connection.channel()
        for _, body in bodies:
            await channel.default_exchange.publish(aio_pika.Message(body), "alerts.effects", timeout=30)
        with suppress(ChannelPreconditionFailed):  # RabbitMQ 4 refuses more than 16 MiB by itself, aloud
            await channel.default_exchange.publish(aio_pika.Message(filler(20)), "alerts.effects", timeout=30)
            bodies.append(("too-large", b""))
    await until_effects(calm, await commit(calm, uuid4(), uuid4()))
    for reason, count in Counter(reason for reason, _ in bodies).items():
        await until_parked(calm, reason, count)

    async def counted() -> bool:
        return await calm.metric("worker", "halles_parked", queue="alerts.effects", state="parked") >= len(bodies)

    await until(counted, PATIENCE, "parked messages in the metrics")


async def test_a_broker_that_refuses_our_user_is_counted_and_waited_for(calm: World) -> None:
    async with refusal(calm):
        for slot in calm.fleet.slots:
            if slot.name.startswith("relay"):  # the broker remembers for a minute what a channel may do
                calm.fleet.kill(slot)
        marks = await commit(calm, uuid4())

        async def counted() -> bool:
            return await calm.metric("relay", "halles_publish_failures_total", reason="unavailable") > 0

        await until(counted, PATIENCE, "publications refused in the metrics")
        assert await effects_of(calm, marks) == 0
    await until_effects(calm, marks)


@pytest.mark.parametrize("alarm", [memory_alarm, disk_alarm])
async def test_a_broker_under_alarm_blocks_the_bus_only(
    calm: World, alarm: Callable[[World], AbstractAsyncContextManager[None]]
) -> None:
    async with alarm(calm):
        key = UUID(int=uuid4().int & ~1)  # public
        marks = await commit(calm, key)

        async def read() -> bool:
            return all(any(change.mark == marks[0] for change in reader.seen) for reader in calm.readers)

        async def lags() -> bool:
            return await calm.metric("relay", "halles_relay_lag") > 0

        await until(read, PATIENCE, "the feed goes on")
        await until(lags, PATIENCE, "the relay's lag in the metrics")
        assert await effects_of(calm, marks) == 0
    await until_effects(calm, marks)


async def test_a_queue_that_is_full_holds_back_its_own_keys_only(calm: World) -> None:
    """It has reached its maximum and refuses: nobody takes from it for a while."""
    slots = [replace(slot) for slot in calm.fleet.slots if slot.name.startswith("worker")]
    await calm.fleet.stop("worker")
    public, private, marks = set[UUID](), [UUID(int=uuid4().int | 1) for _ in range(12)], list[str]()
    async with full(calm, "alerts.sends"):  # where public events go, besides

        async def counted() -> bool:
            public.add(key := UUID(int=uuid4().int & ~1))
            marks.extend(await commit(calm, key))  # the limit is a soft one: it takes some more
            refused = await calm.metric("relay", "halles_publish_failures_total", reason="refused")
            return min(refused, await calm.metric("relay", "halles_set_aside")) > 0

        async def passed() -> bool:
            ends = "SELECT (SELECT count(*) FROM outbox) + (SELECT position FROM event_head) - min(position) FROM publisher"
            return not await calm.count("opendata", ends)

        await until(counted, PATIENCE, "refused and set aside in the metrics", every=0.5)
        marks += await commit(calm, *private)
        await until(passed, PATIENCE, "the log is published, or set aside")
        aside = {UUID(row["key"]) for row in await calm.rows("opendata", "SELECT DISTINCT key FROM set_aside")}
        assert aside
        assert aside <= public
    for slot in slots:
        await calm.fleet.start(slot.name, slot.service, *slot.words)
    await until_effects(calm, marks)


async def test_a_queue_deleted_while_events_go_on_gets_back_what_it_lost(calm: World) -> None:
    """One of several, with messages in it; the worker makes it again once the relays have seen that it is gone."""
    aggregates, sums = [uuid4() for _ in range(10)], "SELECT sum(seen) FROM view"
    marks, seen = await commit(calm, *aggregates), await calm.count("alerts", sums)
    calm.fleet.hold("worker", held=True)
    try:
        for _ in range(3):
            marks += await commit(calm, *aggregates)
        await calm.broker.ask("DELETE", "queues/%2F/alerts.effects")
        marks += await commit(calm, *aggregates)

        async def gone() -> bool:
            return await calm.metric("relay", "halles_queue_missing", queue="alerts.effects") > 0

        await until(gone, PATIENCE, "the missing queue in the metrics")
        marks += await commit(calm, *aggregates)
    finally:
        calm.fleet.hold("worker", held=False)
    await until_effects(calm, marks)
    assert await calm.metric("worker", "halles_queue_lost_total", queue="alerts.effects") > 0
    assert await calm.metric("relay", "halles_republished_total") > 0

    async def caught_up() -> bool:
        left = await calm.count("opendata", "SELECT count(*) FROM publisher_again")
        return not left and not await calm.metric("relay", "halles_queue_missing")

    await until(caught_up, PATIENCE, "all is published again")
    await until_effects(calm, await commit(calm, *aggregates))
    assert await effects_of(calm, marks) == len(marks)
    for row in await calm.rows("alerts", "SELECT array_agg(place ORDER BY id) AS places FROM effect GROUP BY key"):
        assert row["places"] == sorted(set(row["places"]))
    assert await calm.count("alerts", sums) - seen <= len(marks) + len(aggregates), "the other queue saw some twice"


async def test_events_without_any_queue_wait_until_they_are_there(calm: World) -> None:
    slots = [replace(slot) for slot in calm.fleet.slots if slot.name.startswith("worker")]
    await calm.fleet.stop("worker")
    for queue in ("effects", "view", "sends"):
        await calm.broker.ask("DELETE", f"queues/%2F/alerts.{queue}")
    marks = await commit(calm, uuid4())

    async def told() -> bool:
        return await calm.metric("relay", "halles_queue_missing") > 0

    calm.fleet.special["FAULT_DELIVERY_LIMIT"] = str(DEATHS)
    try:
        await until(told, PATIENCE, "missing in the metrics")
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
    await until_replayed(calm, marks[1:], besides=poison)
    assert await effects_of(calm, marks[:1]) == 0


async def until_replayed(here: World, marks: list[str], *, besides: UUID) -> None:
    """Replay until all had their effects: the broker gives neighbours up one after the other."""

    async def all_there() -> bool:
        await replay(here, besides=besides)
        return await effects_of(here, marks) == len(marks)

    await until(all_there, PATIENCE, f"effects of {marks} once replayed", every=1)


async def replay(here: World, *, besides: UUID) -> None:
    """Replay as an operator does what the broker gave up, but for one aggregate."""
    found = "SELECT id FROM parked WHERE reason = 'delivery-limit' AND state = 'parked' AND key <> $1"
    async with here.runtime(CONSUMER) as runtime:
        for row in await here.rows("alerts", found, str(besides)):
            with suppress(NotFound):  # another copy of it came and was handled meanwhile
                async with runtime.uow() as uow:
                    await parked.replay(uow, row["id"])
