"""The log: gap-free, in commit order, one numberer and one fenced publisher at a time."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.bus import BusUnavailableError, numberer, outbox, publisher
from libs.common.bus.port import Fate, Outgoing
from libs.common.bus.publisher import FencedError, Publisher
from libs.common.bus.shares import QUERIES as SHARES
from libs.common.bus.shares import Shares
from libs.common.bus.window import WINDOW, Row, Window
from libs.common.messages.envelope import CloudEvent
from tests.bus.world import World, event_of, exempted, keys, world_on


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


class _Recording:
    """Confirms at once what its recorder takes."""

    def __init__(self, recorder: Recorder, wake: Callable[[], None]) -> None:
        self._recorder = recorder
        self._wake = wake
        self._fates: list[Fate] = []

    def send(self, message: Outgoing) -> None:
        event = CloudEvent.from_json(message.body)
        assert (event.id, event.type) == (message.id, message.type)
        refused = event.subject in self._recorder.refuse
        if not refused:
            self._recorder.published.append(event)
        self._fates.append((message.id, "unroutable" if refused else None))
        self._wake()

    def settled(self) -> list[Fate]:
        fates, self._fates = self._fates, []
        return fates


class Recorder:
    """A bus that keeps what it is given, and refuses or is away when told to."""

    def __init__(self) -> None:
        self.published: list[CloudEvent] = []
        self.refuse: set[str] = set()
        self.away = 0

    @asynccontextmanager
    async def stream(self, wake: Callable[[], None]) -> AsyncIterator[_Recording]:
        if self.away:
            self.away -= 1
            raise BusUnavailableError
        yield _Recording(self, wake)

    def places(self, key: UUID) -> list[int]:
        return [message.aggregateversion for message in self.published if message.subject == str(key)]


async def log_of(world: World) -> list[tuple[int, str, int]]:
    async with world.runtime.read() as conn:
        rows = await conn.fetch("SELECT position, body FROM event ORDER BY position")
    events = [(row["position"], CloudEvent.from_json(row["body"].encode())) for row in rows]
    assert all(event.sequence == str(position) for position, event in events)
    return [(position, event.subject, event.aggregateversion) for position, event in events]


async def write_slowly(url: str, key: UUID, places: range, *, lock: int) -> None:
    """Commit the events of one aggregate, each in a transaction that stays open for a random while."""
    conn = await asyncpg.connect(url)
    try:
        for place in places:
            async with conn.transaction():
                await conn.execute("SELECT pg_advisory_xact_lock($1)", lock)  # the aggregate, locked first
                await outbox.write(conn, [exempted(key, place)])
                await asyncio.sleep(random.uniform(0, 0.03))
    finally:
        await conn.close()


async def test_late_commits_are_neither_lost_nor_reordered_and_readers_skip_nothing(world: World) -> None:
    aggregates, each = keys(16), 15
    stop, seen = asyncio.Event(), list[int]()

    async def follow() -> None:
        """Read as a feed does: from behind the last position seen, while others write."""
        conn = await asyncpg.connect(world.runtime.database.url)
        try:
            while len(seen) < len(aggregates) * each:
                last = seen[-1] if seen else 0
                rows = await conn.fetch(
                    "SELECT position FROM event WHERE position > $1 ORDER BY position LIMIT 7", last
                )
                seen.extend(row["position"] for row in rows)
                await asyncio.sleep(0.001)
        finally:
            await conn.close()

    numbering = asyncio.create_task(numberer.run(world.runtime, stop))
    reading = asyncio.create_task(follow())
    url = world.runtime.database.url
    await asyncio.gather(
        *(write_slowly(url, key, range(1, each + 1), lock=lock) for lock, key in enumerate(aggregates))
    )
    async with asyncio.timeout(15):
        await reading
    stop.set()
    await numbering
    log = await log_of(world)
    assert [position for position, _, _ in log] == list(range(1, len(aggregates) * each + 1)), "a gap"
    assert seen == [position for position, _, _ in log], "a reader missed a row"
    for key in aggregates:
        assert [place for _, subject, place in log if subject == str(key)] == list(range(1, each + 1))


async def test_an_event_exists_if_and_only_if_its_transaction_committed(world: World) -> None:
    committed, rolled_back = keys(2)
    await world.commit(event_of(committed, 1))

    async def fail() -> None:
        async with world.runtime.uow() as uow:
            uow.emit(event_of(rolled_back, 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await numberer.drain(world.runtime)
    assert await log_of(world) == [(1, str(committed), 1)]


async def test_a_second_numberer_stands_by_and_takes_over_when_the_first_dies(world: World) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    leader = asyncio.create_task(numberer.run(world.runtime, first))
    await world.until(lambda: sessions_with_lock(world, 1))
    standby = asyncio.create_task(numberer.run(world.runtime, second))
    await world.commit(event_of(uuid4(), 1))
    await world.until(lambda: numbered(world, 1))
    leader.cancel()  # as kill -9 does: the session ends, the server frees the lock
    await asyncio.gather(leader, return_exceptions=True)
    await world.commit(event_of(uuid4(), 1))
    await world.until(lambda: numbered(world, 2))
    second.set()
    await standby


async def test_a_numberer_that_loses_its_session_leads_again(world: World) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(numberer.run(world.runtime, stop))
    await world.until(lambda: sessions_with_lock(world, 1))
    conn = await asyncpg.connect(world.runtime.database.url)
    await conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await conn.close()
    await world.commit(event_of(uuid4(), 1))
    await world.until(lambda: numbered(world, 1))
    stop.set()
    await task


async def test_positions_go_on_across_partitions(world: World) -> None:
    async with world.runtime.read() as conn:
        await conn.execute("UPDATE event_head SET position = 999998")
    for place in (1, 2, 3, 4):
        await world.commit(event_of(uuid4(), place))
    assert await numberer.drain(world.runtime) == 4
    assert [position for position, _, _ in await log_of(world)] == [999_999, 1_000_000, 1_000_001, 1_000_002]
    async with world.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM event_from_1000000") == 3


async def test_an_oversized_event_stops_its_own_transaction(world: World) -> None:
    with pytest.raises(outbox.OversizedEventError, match="at most"):
        await world.commit(event_of(uuid4(), 1).model_copy(update={"reason": "x" * outbox.MAX_BODY}))
    assert await numberer.drain(world.runtime) == 0


async def test_a_publisher_that_was_replaced_marks_nothing(world: World) -> None:
    bus = Recorder()
    await world.commit(event_of(uuid4(), 1))
    await numberer.drain(world.runtime)
    async with world.runtime.read() as one, world.runtime.read() as two:
        old = await Publisher.take_over(world.runtime, bus, one)
        new = await Publisher.take_over(world.runtime, bus, two)
        with pytest.raises(FencedError):
            await old.drain()
        assert await new.drain() == 1, "what the old one published without marking is published again"
    assert len({message.id for message in bus.published}) == 1


async def test_a_fenced_publisher_takes_no_event_aside(world: World) -> None:
    bus = Recorder()
    key = uuid4()
    bus.refuse = {str(key)}
    await world.commit(event_of(key, 1))
    await numberer.drain(world.runtime)
    async with world.runtime.read() as one, world.runtime.read() as two:
        old = await Publisher.take_over(world.runtime, bus, one)
        await Publisher.take_over(world.runtime, bus, two)
        with pytest.raises(FencedError):
            await old.drain()
        assert await one.fetchval("SELECT count(*) FROM set_aside") == 0


async def test_shards_are_shared_fairly_and_taken_over(world: World) -> None:
    database = world.runtime.database
    async with database.session() as first:
        async with database.session() as second:
            one, two = await Shares.join(first), await Shares.join(second)
            assert await one.balance() == (0, 1, 2, 3)
            assert not await two.is_fair(), "free shards wait for it"
            assert await two.balance() == (4, 5, 6, 7)
            assert await one.is_fair()
            async with database.session() as third:
                three = await Shares.join(third)
                assert await three.balance() == ()
                assert not await one.is_fair(), "it leads more than its part"
                assert await one.balance() == (0, 1, 2)
                assert await three.balance() == (3,)
        await world.until(lambda: _free(one, 5))  # the sessions of the two others ended
        assert await one.balance() == tuple(range(8))


async def _free(share: Shares, count: int) -> bool:
    return len((await share._look())[1]) == count


async def test_two_publishers_share_the_keys_and_keep_their_order(world: World) -> None:
    recorders, stop, aggregates = (Recorder(), Recorder()), asyncio.Event(), keys(40)
    tasks = [asyncio.create_task(publisher.run(world.runtime, bus, stop)) for bus in recorders]
    await world.until(lambda: sessions_with_lock(world, 10))  # eight shards, two that share them
    await asyncio.sleep(2.5)  # until each has its part
    for place in (1, 2, 3):
        await world.commit(*(event_of(key, place) for key in aggregates))
        await numberer.drain(world.runtime)

    async def all_out() -> bool:
        return sum(len(bus.published) for bus in recorders) >= 3 * len(aggregates)

    await world.until(all_out)
    stop.set()
    await asyncio.gather(*tasks)
    assert all(bus.published for bus in recorders), "one of them did nothing"
    for key in aggregates:
        assert sorted([recorders[0].places(key), recorders[1].places(key)]) == [[], [1, 2, 3]]


async def test_publishing_leaves_no_transaction_open(world: World) -> None:
    states: list[str] = []

    class Looking(Recorder):
        @asynccontextmanager
        async def stream(self, wake: Callable[[], None]) -> AsyncIterator[_Recording]:
            async with super().stream(wake) as stream:
                yield stream
                async with world.runtime.read() as conn:
                    rows = await conn.fetch(
                        "SELECT state FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                states.extend(row["state"] for row in rows)

    await world.commit(event_of(uuid4(), 1))
    await world.relay(Looking())
    assert states
    assert "idle in transaction" not in states


async def test_an_absent_bus_loses_nothing(world: World) -> None:
    bus, stop = Recorder(), asyncio.Event()
    bus.away = 3
    key = uuid4()
    for place in (1, 2, 3):
        await world.commit(event_of(key, place))
    tasks = [
        asyncio.create_task(numberer.run(world.runtime, stop)),
        asyncio.create_task(publisher.run(world.runtime, bus, stop)),
    ]

    async def all_out() -> bool:
        return len(bus.published) >= 3

    await world.until(all_out)
    stop.set()
    await asyncio.gather(*tasks)
    assert bus.places(key) == [1, 2, 3]


async def test_a_refused_key_waits_and_the_others_pass(world: World) -> None:
    bus = Recorder()
    ill, well = keys(2)
    bus.refuse = {str(ill)}
    for place in (1, 2, 3):
        await world.commit(event_of(ill, place), event_of(well, place))
    await world.relay(bus)
    assert bus.places(well) == [1, 2, 3]
    assert bus.places(ill) == []
    bus.refuse = set()
    await world.commit(event_of(ill, 4))
    await world.relay(bus)
    assert bus.places(ill) == [], "the fourth passed the first"
    async with world.runtime.read() as conn:
        await conn.execute("UPDATE set_aside SET due_at = now()")
    await world.relay(bus)
    assert bus.places(ill) == [1, 2, 3, 4]


async def test_what_a_publisher_reads_does_not_grow_with_the_backlog(world: World) -> None:
    async with world.runtime.read() as conn:
        plan = await conn.fetch("EXPLAIN " + SHARES["window"], 0, 512, [0, 1], [0, 0], 8)
    text = "\n".join(row[0] for row in plan)
    (condition,) = re.findall(r"Index Cond: (\(\(\"?position.*)", text)
    assert ">" in condition
    assert "<=" in condition, text


def rows(keys_in_order: str) -> list[Row]:
    return [Row(position, uuid4(), "t", key, "") for position, key in enumerate(keys_in_order, start=1)]


def test_a_window_lets_one_event_of_a_key_out_and_keeps_their_order() -> None:
    window, found = Window(0), rows("aabacb")
    window.add(found, 9)
    assert [row.position for row in window.sendable()] == [1, 3, 5]
    window.settle(found[0].id, None)
    assert [row.position for row in window.sendable()] == [2]
    assert window.settled == 1
    window.settle(found[2].id, None)
    window.settle(found[4].id, None)
    window.settle(found[1].id, None)
    assert [row.position for row in window.sendable()] == [6, 4]
    assert window.settled == 3
    for row in found[3], found[5]:
        assert window.settle(row.id, None)
    assert window.is_empty
    assert window.settled == 9


def test_a_refused_event_takes_the_later_ones_of_its_key_aside() -> None:
    window, found = Window(0), rows("aabaa")
    window.add(found[:4], 4)
    assert [row.position for row in window.sendable()] == [1, 3]
    window.settle(found[0].id, "refused")
    assert list(window.sendable()) == []
    window.add(found[4:], 5)
    assert list(window.sendable()) == [], "read before the first was written down"
    assert [(row.position, reason) for row, reason in window.aside] == [
        (1, "refused"),
        (2, "behind"),
        (4, "behind"),
        (5, "behind"),
    ]
    window.settle(found[2].id, None)
    assert window.settled == 5
    window.marked()
    window.add([replace(found[0], position=6)], 6)
    assert [row.position for row in window.sendable()] == [6], "the key is well again, or read as behind"


def test_a_window_has_a_size() -> None:
    window = Window(0)
    window.add([Row(position, uuid4(), "t", str(position), "") for position in range(1, 1001)], 1000)
    assert len(list(window.sendable())) == WINDOW
    assert not window.has_room


async def sessions_with_lock(world: World, count: int) -> bool:
    async with world.runtime.read() as conn:
        held = await conn.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    return bool(held >= count)


async def numbered(world: World, count: int) -> bool:
    async with world.runtime.read() as conn:
        return bool(await conn.fetchval("SELECT count(*) FROM event") >= count)
