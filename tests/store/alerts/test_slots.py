"""Slots of searches on a real PostgreSQL: shared by workers, kept fresh, each match told once whoever dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from libs.common.runtime import Runtime, open_runtime
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.domain import Search
from services.alerts.live import LiveIndex
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason
from services.alerts.people import store as people
from services.alerts.service import matching
from services.alerts.service.matching import ALL, SLOTS, slot_of
from services.alerts.slots import LOCKS, MATCHING
from services.alerts.store import matching as store
from services.alerts.store import searches
from services.alerts.subject import said_of, subject_of_said
from services.alerts.tool import match_files
from services.alerts.wiring import SERVICE
from tests.unit.alerts.alerts_samples import COMPANY, NOTICE, published

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WORDS = ("école", "toiture", "isolation", "piscine", "voirie", "charpente", "tuiles", "gymnase")


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    h = await service_harness(SERVICE)
    async with h.runtime.uow() as uow:
        await searches.set_contact(uow.conn, COMPANY, email="a@b.example", language="fr", at=NOW)
        await people.adopt(uow.conn, "a@b.example", "fr", NOW)
    return h


async def keep(conn: asyncpg.Connection, *words: str, **more: Any) -> UUID:  # noqa: ANN401  # criteria
    """Save a search; give the identifier of its criteria."""
    criteria = Criteria(words=list(words), **more)
    criteria_id = await searches.keep_criteria(conn, criteria, NOW)
    await searches.add_search(conn, Search(uuid4(), COMPANY, "x", criteria, "s", "s", NOW), criteria_id)
    return criteria_id


async def saved(h: Harness, *words: str, **more: Any) -> UUID:  # noqa: ANN401
    async with h.runtime.uow() as uow:
        return await keep(uow.conn, *words, **more)


async def publish(h: Harness, number: int = 1, version: int = 1, **changes: Any) -> None:  # noqa: ANN401
    async with h.runtime.uow() as uow:
        event = published(notice_id=UUID(int=number), version=version, **changes)
        await matching.keep_notice(uow, event)


async def count(h: Harness, question: str) -> int:
    async with h.runtime.read() as conn:
        return int(await conn.fetchval(question))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # what is waited for is in the database
            await asyncio.sleep(0.02)


async def matched(h: Harness) -> bool:
    return await count(h, "SELECT count(*) FROM to_match") == 0


@asynccontextmanager
async def worker(h: Harness) -> AsyncIterator[Runtime]:
    """Another process' worker, with connections of its own."""
    stop = asyncio.Event()
    async with open_runtime(SERVICE, h.runtime.settings, clock=h.clock) as runtime:
        task = asyncio.create_task(MATCHING.run(runtime, stop))
        try:
            yield runtime
        finally:
            stop.set()
            await task


async def shares(h: Harness) -> list[int]:
    """Give how many slots each session holds."""
    async with h.runtime.read() as conn:
        rows = await conn.fetch(
            "SELECT pid, count(*) FILTER (WHERE mode = 'ExclusiveLock') AS held FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = $1::bigint::oid AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid",
            LOCKS,
        )
    return sorted(row["held"] for row in rows)


async def loaded(h: Harness, slots: int = ALL) -> LiveIndex:
    live = LiveIndex()
    live.hold(slot for slot in range(SLOTS) if slots >> slot & 1)
    async with h.runtime.read() as conn:
        loading = True
        while loading:
            loading = await live.load(conn)
    return live


async def test_two_workers_share_the_slots_and_one_takes_over_when_the_other_is_killed(h: Harness) -> None:
    for word in WORDS:
        await saved(h, word)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker(h))

        async def alone() -> bool:
            return await shares(h) == [16]

        async def halves() -> bool:
            return await shares(h) == [8, 8]

        await until(alone)
        await stack.enter_async_context(worker(h))
        await until(halves)
        await publish(h)
        await until(lambda: matched(h))
        found = await count(h, "SELECT count(*) FROM match")
        assert found == 5, "école, toiture, isolation, charpente, tuiles: whichever worker holds their slots"
        async with h.runtime.read() as conn:
            killed = await conn.fetchval(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 0"
                " AND mode = 'ExclusiveLock' AND classid = $1::bigint::oid"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                LOCKS,
            )
            assert killed
        await publish(h, 2)
        await until(lambda: matched(h))
        assert await count(h, "SELECT count(*) FROM match") == 2 * found
    assert await count(h, "SELECT count(*) FROM mail") == 2, (
        "one each notice, though both workers found searches of one person"
    )


async def test_a_worker_that_ends_gives_its_slots_to_the_other(h: Harness) -> None:
    await saved(h, "école")

    async def alone() -> bool:
        return await shares(h) == [16]

    async with worker(h):
        async with worker(h):
            await until(lambda: _held(h, [8, 8]))
        await until(alone)
        await publish(h)
        await until(lambda: matched(h))
    assert await count(h, "SELECT count(*) FROM match") == 1


async def _held(h: Harness, held: list[int]) -> bool:
    return await shares(h) == held


async def test_a_search_saved_is_matched_within_a_second(h: Harness) -> None:
    async with worker(h):
        await until(lambda: _held(h, [16]))
        began = asyncio.get_running_loop().time()
        criteria = await saved(h, "école")
        await publish(h)
        await until(lambda: matched(h))
        took = asyncio.get_running_loop().time() - began
    assert await count(h, "SELECT count(*) FROM match") == 1
    assert took < 10, "a look a half second; the machine of tests may be slow"
    assert slot_of(criteria) in range(SLOTS)


async def test_a_search_saved_between_two_looks_finds_the_notice_that_follows(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, done = store.waiting, asyncio.Event()

    async def waiting(conn: asyncpg.Connection, slots: int, most: int) -> list[store.Waiting]:
        if slots == ALL and not done.is_set():
            await saved(h, "école")
            await publish(h)
            done.set()
        return await read(conn, slots, most)

    monkeypatch.setattr(store, "waiting", waiting)
    async with worker(h):
        await done.wait()
        await until(lambda: matched(h))
    assert await count(h, "SELECT count(*) FROM match") == 1


async def test_a_lost_notification_costs_no_match(h: Harness) -> None:
    await saved(h, "école")
    async with worker(h):
        await until(lambda: _held(h, [16]))
        await publish(h)
        await until(lambda: matched(h))
        async with h.runtime.uow() as uow:  # a notice that waits, of which nobody is rung
            await uow.conn.execute("DELETE FROM match")
            await uow.conn.execute("INSERT INTO to_match (notice_id, version) VALUES ($1, 1)", UUID(int=1))
        await until(lambda: matched(h))
    assert await count(h, "SELECT count(*) FROM match") == 1


async def test_what_is_saved_paused_changed_and_deleted_is_followed(h: Harness) -> None:
    first = await saved(h, "école")
    live = await loaded(h)
    second, third = await saved(h, "toiture"), await saved(h, "piscine")
    async with h.runtime.read() as conn:
        await live.follow(conn)
        assert len(live) == 3
        await conn.execute("UPDATE search SET paused = true WHERE criteria_id = $1", first)
        await conn.execute("DELETE FROM search WHERE criteria_id = $1", second)
        await conn.execute("UPDATE search SET name = 'y' WHERE criteria_id = $1", third)
        await live.follow(conn)
        assert len(live) == 1
        await conn.execute("UPDATE search SET paused = false, criteria_id = $2 WHERE criteria_id = $1", first, second)
        await live.follow(conn)
    assert {name for name, _ in live._index.matches(_subject("toiture piscine école"))} == {second, third}


async def test_a_search_that_is_saved_by_a_long_transaction_is_not_missed(h: Harness) -> None:
    live = await loaded(h)
    async with h.runtime.uow() as slow:
        late = await keep(slow.conn, "école")
        for word in ("toiture", "tuiles"):
            await saved(h, word)
        async with h.runtime.read() as conn:
            for _ in range(2):
                await live.follow(conn)
        assert len(live) == 2
    async with h.runtime.read() as conn:
        await live.follow(conn)
        assert late in {name for name, _ in live.matches(_subject("école"))}
        assert len(live) == 3


async def test_an_index_that_heard_nothing_for_hours_is_built_again(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saved(h, "école")
    live = await loaded(h)
    await saved(h, "toiture")
    async with h.runtime.uow() as uow:
        await store.forget_changes(uow.conn, timedelta())
    monkeypatch.setattr("services.alerts.live.KEPT", timedelta())
    async with h.runtime.read() as conn:
        await live.follow(conn)
        assert live.slots == 0, "nothing is marked with slots that are not whole"
        loading = True
        while loading:
            loading = await live.load(conn)
    assert len(live) == 2
    assert live.slots == ALL


async def test_a_slot_that_is_left_is_matched_no_more_and_comes_back_whole(h: Harness) -> None:
    names = [await saved(h, word) for word in WORDS]
    live = await loaded(h)
    assert len(live) == len(names)
    live.hold(range(8))
    assert live.slots == ALL >> 8
    assert len(live) == sum(slot_of(name) < 8 for name in names)
    live.hold(range(SLOTS))
    assert live.slots == ALL >> 8, "the others are not whole yet"
    async with h.runtime.read() as conn:
        while live.slots != ALL:
            await live.load(conn)
    assert len(live) == len(names)


async def test_duplicate_and_reordered_events_are_matched_as_the_newest_version(h: Harness) -> None:
    await saved(h, "école")
    await saved(h, "gymnase")
    await publish(h, version=2, title="Gymnase", description="", lots=published().notice.lots)
    await publish(h, version=1)
    await publish(h, version=2, title="Gymnase", description="")
    await MATCHING.drain(h.runtime)
    await publish(h, version=1)
    assert await MATCHING.drain(h.runtime) == 0
    assert await count(h, "SELECT count(*) FROM match") == 1
    assert await count(h, "SELECT count(*) FROM mail") == 1


async def test_identical_searches_are_matched_once(h: Harness) -> None:
    assert len({await saved(h, "école") for _ in range(3)}) == 1
    live = await loaded(h)
    assert len(live) == 1
    await publish(h)
    await MATCHING.drain(h.runtime)
    assert await count(h, "SELECT count(*) FROM match") == 1
    assert await count(h, "SELECT count(*) FROM mail") == 1


async def test_a_slot_is_held_against_a_notice_once_whoever_repeats_it(h: Harness) -> None:
    names = [await saved(h, word) for word in ("école", "toiture", "isolation")]
    await publish(h)
    async with h.runtime.read() as conn:
        (waiting,) = await store.waiting(conn, ALL, 10)
    found = {name: [Reason("words", "x", "x")] for name in names}
    half, rest = 1 << slot_of(names[0]), ALL & ~(1 << slot_of(names[0]))
    await matching.tell(h.runtime, waiting, half, {names[0]: found[names[0]]})
    await matching.tell(h.runtime, waiting, half, found)
    kept = await count(h, "SELECT count(*) FROM match")
    assert kept == 1, "a worker that lost its slots writes nothing twice"
    async with h.runtime.read() as conn:
        assert await store.waiting(conn, half, 10) == []
    await asyncio.gather(*(matching.tell(h.runtime, waiting, rest, found) for _ in range(4)))
    assert await matched(h)
    others = [name for name in names if rest >> slot_of(name) & 1]
    assert await count(h, "SELECT count(*) FROM match") == kept + len(others)
    assert await count(h, "SELECT count(*) FROM mail") == 1


async def test_criteria_that_are_erased_meanwhile_stop_no_other(h: Harness) -> None:
    gone, stays = await saved(h, "école"), await saved(h, "toiture")
    await publish(h)
    async with h.runtime.uow() as uow:
        (waiting,) = await store.waiting(uow.conn, ALL, 10)
        await uow.conn.execute("DELETE FROM search WHERE criteria_id = $1", gone)
        await uow.conn.execute("DELETE FROM criteria WHERE criteria_id = $1", gone)
    await matching.tell(h.runtime, waiting, ALL, {gone: [], stays: []})
    assert await matched(h)
    assert await count(h, "SELECT count(*) FROM match") == 1


async def test_the_slots_find_what_the_offline_tool_finds(h: Harness, tmp_path: Path) -> None:
    asked = {str(await saved(h, *words, **more)): (words, more) for words, more in _varied()}
    lines = [json.dumps({"id": name, "words": list(words), **more}) for name, (words, more) in asked.items()]
    (tmp_path / "searches.jsonl").write_text("\n".join(lines))
    notice = published().notice
    told = {"id": str(NOTICE), "title": notice.title, "cpv": notice.cpv, "departments": ["21"], "value": 250_000,
            "description": f"{notice.description}\n{notice.lots[0].title}\n{notice.lots[0].description}"}  # fmt: skip
    (tmp_path / "notices.jsonl").write_text(json.dumps(told))
    options = ["--searches", str(tmp_path / "searches.jsonl"), "--notices", str(tmp_path / "notices.jsonl")]
    answer = CliRunner().invoke(match_files, options)
    assert answer.exit_code == 0, answer.output
    offline = {json.loads(line)["search"] for line in answer.stdout.splitlines()}
    await publish(h)
    first, second = await loaded(h, 0x00FF), await loaded(h, 0xFF00)
    async with h.runtime.read() as conn:
        (waiting,) = await store.waiting(conn, ALL, 10)
    subject = subject_of_said(waiting.said, phase=waiting.phase, at=waiting.published_at, deadline=waiting.deadline)
    halves = [{str(name) for name, _ in live.matches(subject)} for live in (first, second)]
    assert halves[0] | halves[1] == offline
    assert not halves[0] & halves[1]
    await MATCHING.drain(h.runtime)
    async with h.runtime.read() as conn:
        assert {str(row["criteria_id"]) for row in await conn.fetch("SELECT criteria_id FROM match")} == offline
    assert 5 < len(offline) < len(asked)


def _varied() -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Words of the sample notice and others, with codes, places and values that hold or not."""
    beside: list[dict[str, Any]] = [
        {}, {"cpv": ["45"]}, {"cpv": ["33"]}, {"departments": ["21"]}, {"value_min": 250_000}, {"value_min": 250_001}
    ]  # fmt: skip
    return [((word,), more) for word in WORDS for more in beside]


def _subject(title: str) -> Any:  # noqa: ANN401  # a subject
    event = published(title=title).notice
    said = said_of(event)
    return subject_of_said(said, phase="contract", at=event.published_at, deadline=event.deadline)
