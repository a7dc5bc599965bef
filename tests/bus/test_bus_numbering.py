"""The log: gap-free, in commit order, one numberer at a time."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.bus import numberer, outbox
from libs.common.messages.envelope import CloudEvent
from tests.bus.world import World, event_of, exempted, keys, sessions_with_lock, world_on


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_on(database_url, tmp_path) as made:
        yield made


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


async def _write_many(conn: asyncpg.Connection, count: int) -> None:
    """Commit events, each in its own transaction."""
    for key in keys(count):
        async with conn.transaction():
            await outbox.write(conn, [exempted(key, 1)])


async def _looked_at(conn: asyncpg.Connection, floor: int) -> int:
    """Give how many pages a look behind the floor reads."""
    plan = await conn.fetchval(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT 1000", floor
    )
    found = plan if isinstance(plan, list) else json.loads(plan)
    return int(found[0]["Plan"]["Shared Hit Blocks"]) + int(found[0]["Plan"]["Shared Read Blocks"])


async def _until_learned(writer: asyncpg.Connection, floor: numberer.Floor) -> None:
    """Wait for the transactions of other databases, as the floor does."""
    drawn = await writer.fetchval("SELECT pg_sequence_last_value('outbox_id_seq')")
    async with asyncio.timeout(60):
        while floor.id < drawn:
            await _write_many(writer, 1)
            await numberer.step(writer, floor)
            await asyncio.sleep(0.05)


async def test_a_backup_that_reads_for_hours_does_not_slow_the_numberer(world: World) -> None:
    url, floor = world.runtime.database.url, numberer.Floor()
    reader, writer = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        backup = reader.transaction(isolation="repeatable_read", readonly=True)
        await backup.start()
        await reader.fetchval("SELECT count(*) FROM outbox")
        moved = 0
        for _ in range(20):
            await _write_many(writer, 50)
            moved += await numberer.step(writer, floor)
        assert moved == 1000
        await _until_learned(writer, floor)
        await writer.execute("ANALYZE outbox")
        passed_over = await _looked_at(writer, 0)  # what was moved is still there, for the backup
        assert passed_over > 5 * await _looked_at(writer, floor.id)
        await backup.rollback()
    finally:
        await asyncio.gather(reader.close(), writer.close())


async def test_an_id_that_commits_late_keeps_the_floor_below_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numberer, "BATCH", 3)  # full batches and others
    url, floor = world.runtime.database.url, numberer.Floor()
    late, writer = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        for _ in range(5):
            slow = late.transaction()
            await slow.start()
            await outbox.write(late, [exempted(uuid4(), 1)])
            drawn = await late.fetchval("SELECT pg_sequence_last_value('outbox_id_seq')")
            await _write_many(writer, 4)
            while await numberer.step(writer, floor):
                assert floor.id < drawn
            await slow.commit()
            await _write_many(writer, 2)
            moved = 0
            while found := await numberer.step(writer, floor):
                moved += found
            assert moved == 3
            await _until_learned(writer, floor)
        assert await writer.fetchval("SELECT count(*) FROM outbox") == 0
        assert await writer.fetchval("SELECT count(*) = max(position) FROM event")
    finally:
        await asyncio.gather(late.close(), writer.close())


async def test_a_transaction_has_its_number_before_an_id_is_drawn(world: World) -> None:
    """What the floor stands on: one that drew an id and has no number yet could commit below the floor."""
    async with world.runtime.database.acquire() as conn, conn.transaction():
        assert await conn.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
        assert await conn.fetchval(
            "INSERT INTO outbox (event_id, type, key, organisation, recorded_at, body)"
            " SELECT gen_random_uuid(), 'type', 'key', 'organisation', now(), pg_current_xact_id_if_assigned()::text"
            " RETURNING body"
        )


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


async def numbered(world: World, count: int) -> bool:
    async with world.runtime.read() as conn:
        return bool(await conn.fetchval("SELECT count(*) FROM event") >= count)
