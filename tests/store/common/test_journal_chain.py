"""The journal: chained after commit, and no change of it goes unseen."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import rfc8785

from libs.common import audit
from libs.common.runtime import Runtime
from tests.store.common.conftest import event


async def _write(runtime: Runtime, count: int) -> None:
    async with runtime.uow() as uow:
        for _ in range(count):
            uow.emit(event(uuid4()))


@pytest.fixture
async def conn(runtime: Runtime) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to a journal of ten chained entries, that lets its owner tamper with it."""
    await _write(runtime, 10)
    async with runtime.read() as conn:
        assert await audit.chain(conn) == 10
        yield conn


async def _tamper(conn: asyncpg.Connection, statement: str) -> audit.Verdict:
    await conn.execute("ALTER TABLE journal DISABLE TRIGGER journal_is_append_only")
    await conn.execute(statement)
    return await audit.verify(conn)


async def test_an_untouched_chain_holds(conn: asyncpg.Connection) -> None:
    verdict = await audit.verify(conn)
    assert (verdict.entries, verdict.fault) == (10, None)
    assert await audit.head(conn) == {"position": 10, "hash": verdict.head}


async def test_what_is_chained_during_a_check_is_no_fault(conn: asyncpg.Connection, runtime: Runtime) -> None:
    async def busy() -> None:
        async with runtime.read() as other:
            for _ in range(10):
                await _write(runtime, 3)
                await audit.chain(other)

    writing = asyncio.create_task(busy())
    verdicts = [await audit.verify(conn)]
    while not writing.done():
        verdicts.append(await audit.verify(conn))
    await writing
    assert {verdict.fault for verdict in verdicts} == {None}
    assert (await audit.verify(conn)).entries == 40


async def test_the_hash_is_the_one_documented(conn: asyncpg.Connection) -> None:
    first = await conn.fetchrow("SELECT * FROM journal WHERE position = 1")
    told = {name: first[name] for name in ("position", "actor", "organisation", "action", "subject")}
    told |= {name: first[name].isoformat() for name in ("at", "recorded_at")}
    told |= {"event_id": str(first["event_id"]), "previous": "00" * 32}
    assert hashlib.sha256(rfc8785.dumps(told)).digest() == first["hash"]


async def test_a_changed_entry_is_found(conn: asyncpg.Connection) -> None:
    verdict = await _tamper(conn, "UPDATE journal SET subject = 'another' WHERE position = 4")
    assert (verdict.entries, verdict.fault) == (3, "entry 4 was changed")


async def test_a_removed_entry_is_found(conn: asyncpg.Connection) -> None:
    verdict = await _tamper(conn, "DELETE FROM journal WHERE position = 4")
    assert verdict.fault == "entry 4 is missing"


async def test_entries_moved_are_found(conn: asyncpg.Connection) -> None:
    verdict = await _tamper(conn, "UPDATE journal SET position = CASE position WHEN 4 THEN -5 ELSE position END")
    assert verdict.fault is not None


async def test_an_entry_put_before_the_first_is_found(conn: asyncpg.Connection) -> None:
    verdict = await _tamper(
        conn,
        "INSERT INTO journal (position, at, recorded_at, action, subject, hash) "
        "SELECT 0, at, recorded_at, action, subject, hash FROM journal WHERE position = 1",
    )
    assert verdict.fault is not None


async def test_a_cut_end_is_found(conn: asyncpg.Connection) -> None:
    verdict = await _tamper(conn, "DELETE FROM journal WHERE position > 7")
    assert verdict.fault == "the end was cut off: 10 entries were chained"


async def test_a_chain_made_anew_is_found_with_a_hash_noted_before(conn: asyncpg.Connection, runtime: Runtime) -> None:
    noted = (await audit.verify(conn)).head
    await _write(runtime, 3)
    await audit.chain(conn)
    assert (await audit.verify(conn, head=noted)).fault is None
    await _tamper(conn, "DELETE FROM journal")
    await conn.execute("UPDATE journal_head SET position = 0, hash = decode(repeat('00', 32), 'hex')")
    await _write(runtime, 10)
    await audit.chain(conn)
    assert (await audit.verify(conn)).fault is None
    assert (await audit.verify(conn, head=noted)).fault == "the hash given is not in the chain"


@pytest.mark.parametrize("statement", ["UPDATE journal SET subject = ''", "DELETE FROM journal", "TRUNCATE journal"])
async def test_the_journal_is_append_only(conn: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await conn.execute(statement)


async def test_several_chainers_make_one_chain(runtime: Runtime) -> None:
    async def chain() -> int:
        total = 0
        async with runtime.read() as conn:
            while chained := await audit.chain(conn, limit=7):
                total += chained
        return total

    await _write(runtime, 100)
    assert sum(await asyncio.gather(chain(), chain(), chain())) == 100
    async with runtime.read() as conn:
        assert (await audit.verify(conn)).entries == 100


async def test_an_entry_that_commits_late_is_chained_late(runtime: Runtime) -> None:
    async with runtime.uow() as slow:
        slow.audit("slow.done", "1")
        await audit.write(slow, [])
        slow.journal.clear()
        await _write(runtime, 2)
        async with runtime.read() as conn:
            assert await audit.chain(conn) == 2
    async with runtime.read() as conn:
        assert await audit.chain(conn) == 1
        assert (await audit.verify(conn)).fault is None
        assert await conn.fetchval("SELECT action FROM journal WHERE position = 3") == "slow.done"


async def test_the_loop_chains_until_told_to_stop(runtime: Runtime) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(audit.run(runtime, stop))
    await _write(runtime, 3)
    async with asyncio.timeout(10), runtime.read() as conn:
        while await conn.fetchval("SELECT count(*) FROM journal") < 3:  # noqa: ASYNC110  # another session writes
            await asyncio.sleep(0.02)
    stop.set()
    await task
