"""Retention: old events leave the database for files that hold every one of them, whatever dies on the way."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.bus import numberer
from libs.common.bus.archive import files, keeping
from libs.common.bus.archive.files import UnverifiedFileError
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.bids import BidDepositedV1, BidsOpenedV1, ContractNotifiedV1
from libs.common.migrate import COMMON, load
from libs.common.runtime import Runtime
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.storage import Storage
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory

BUYER = "SIRET:21210231500018"
COMPANY = "SIRET:55210055400013"
SERVICE = Service("bids", Settings, Path(__file__).parent / "migrations", Routes("bids"), Consumers("bids"))
FEED = "/bids/v1/events"
ARCHIVE = f"{FEED}/archive"
OPERATIONS = "/bids/v1/operations/archive"


@pytest.fixture
async def bids(service_harness: HarnessFactory, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setattr(keeping, "FILE", 10)
    return await service_harness(SERVICE)


def event(model: type[Event], *, organisation: str, buyer: str | None = None, procedure: UUID | None = None) -> Event:
    changes = {"organisation": organisation, "buyer": buyer, "procedure": procedure, "aggregate_id": uuid4()}
    return registry.parse(sample_of(model)).model_copy(update=changes)


def public() -> Event:
    return event(ContractNotifiedV1, organisation=BUYER)


def deposit(procedure: UUID | None = None) -> Event:
    return event(BidDepositedV1, organisation=COMPANY, buyer=BUYER, procedure=procedure)


async def publish(harness: Harness, *events: Event) -> list[str]:
    async with harness.runtime.uow() as uow:
        for one in events:
            uow.emit(one)
    await numberer.drain(harness.runtime)
    return [str(one.aggregate_id) for one in events]


async def age(runtime: Runtime, days: int = 91) -> None:
    """Make all that is in the log old, published, and its partition full."""
    async with runtime.read() as conn:
        await conn.execute("UPDATE event SET numbered_at = numbered_at - make_interval(days => $1)", days)
        await conn.execute("SELECT event_cut()")
        await conn.execute("UPDATE publisher SET position = (SELECT position FROM event_head)")


async def get(harness: Harness, path: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:  # noqa: ANN401  # JSON
    async with harness.client.get(path, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def archived(harness: Harness, listing: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Read the whole archive as a partner does: page by page, each file checked."""
    found, after = [], ""
    while True:
        page = await get(harness, f"{listing}?limit=2{after}", headers)
        for item in page["items"]:
            path = item["address"].removeprefix(harness.runtime.settings.public_url)
            async with harness.client.get(path, headers=headers) as answer:
                content = await answer.read()
            assert hashlib.sha256(content).hexdigest() == item["sha256"]
            lines = gzip.decompress(content).splitlines()
            assert len(lines) == item["events"]
            found += [json.loads(line) for line in lines]
        if page["next"] is None:
            return found
        after = f"&cursor={page['next']}"


async def in_database(runtime: Runtime) -> list[str]:
    async with runtime.read() as conn:
        rows = await conn.fetch("SELECT body FROM event ORDER BY position")
    return [json.loads(row["body"])["id"] for row in rows]


async def test_old_events_leave_for_files_and_a_cursor_too_old_is_told_where(bids: Harness) -> None:
    start = (await get(bids, FEED))["next"]
    old = [public() if place % 3 else deposit() for place in range(25)]
    await publish(bids, *old)
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []
    gone = await get(bids, f"{FEED}?after={start}", status=410)
    assert gone["type"] == "urn:halles:problem:archived"
    assert gone["archive"] == bids.runtime.settings.public_url + ARCHIVE
    async with bids.client.get(f"{FEED}?after={start}", headers={"Accept": "text/event-stream"}) as answer:
        assert answer.status == 410
    told = await archived(bids, ARCHIVE)
    assert [one["subject"] for one in told] == [str(one.aggregate_id) for one in old if one.audience == "public"]
    assert not any("sequence" in one for one in told), "positions count what a partner may not know of"
    whole = await archived(bids, OPERATIONS, bids.headers(BUYER, "operator"))
    assert [one["subject"] for one in whole] == [str(one.aggregate_id) for one in old]
    assert [one["sequence"] for one in whole] == [str(place) for place in range(1, 26)]


async def test_a_partner_goes_from_the_archive_to_the_feed_without_hole_or_repeat(bids: Harness) -> None:
    old = await publish(bids, *(public() for _ in range(12)), deposit())
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    new = await publish(bids, deposit(), public(), public())
    seen = [one["subject"] for one in await archived(bids, ARCHIVE)]
    last = (await get(bids, ARCHIVE))["items"][-1]["next"]
    seen += [one["subject"] for one in (await get(bids, f"{FEED}?after={last}"))["events"]]
    assert seen == [*old[:12], *new[1:]]
    page = await get(bids, FEED)
    assert [one["subject"] for one in page["events"]] == new[1:], "without cursor: what is still there"


async def test_what_is_young_or_unpublished_stays(bids: Harness) -> None:
    await publish(bids, public(), public())
    await age(bids.runtime, days=89)
    await keeping.keep(bids.runtime)
    assert len(await in_database(bids.runtime)) == 2
    assert round(keeping.OLDEST.labels("bids")._value.get() / 86400) == 89
    await age(bids.runtime, days=2)
    async with bids.runtime.read() as conn:
        await conn.execute("UPDATE publisher SET position = 1")
    await keeping.keep(bids.runtime)
    assert len(await in_database(bids.runtime)) == 2, "the broker was away for 90 days: it must still get them"
    await age(bids.runtime, days=0)
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []


async def test_a_partition_is_cut_by_age_and_positions_go_on_without_gap(bids: Harness) -> None:
    await publish(bids, public(), public(), public())
    async with bids.runtime.read() as conn:
        await conn.execute("UPDATE event SET numbered_at = numbered_at - interval '31 days'")
    await keeping.keep(bids.runtime)
    await publish(bids, public(), public())
    async with bids.runtime.read() as conn:
        parts = await conn.fetch("SELECT starts, ends FROM event_part ORDER BY starts")
        positions = await conn.fetch("SELECT position FROM event ORDER BY position")
    assert [tuple(part) for part in parts] == [(0, 4), (4, 1_000_000)]
    assert [row["position"] for row in positions] == [1, 2, 3, 4, 5]


async def test_partitions_are_made_ahead_and_the_first_ones_are_known(bids: Harness) -> None:
    async with bids.runtime.read() as conn:
        await conn.execute("UPDATE event_head SET position = 850000")
    await keeping.keep(bids.runtime)
    async with bids.runtime.read() as conn:
        names = await conn.fetch("SELECT name FROM event_part ORDER BY starts")
        leaves = await conn.fetch("SELECT relid::text AS name FROM pg_partition_tree('event') WHERE isleaf")
    assert [row["name"] for row in names] == ["event_0", "event_from_1000000"]
    assert {row["name"] for row in leaves} == {"event_0", "event_from_1000000"}


async def test_the_migration_takes_over_a_log_that_is_in_use(bids: Harness) -> None:
    migration = next(one for one in load(COMMON, "common") if one.version == "0004")
    before = await publish(bids, public(), deposit(), public())
    async with bids.runtime.read() as conn:
        await conn.execute(migration.down)
        await conn.execute("CREATE TABLE event_1 (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        await conn.execute("ALTER TABLE event ATTACH PARTITION event_1 FOR VALUES FROM (1000000) TO (2000000)")
        await conn.execute(migration.up)
        await conn.execute("UPDATE event_head SET position = 1999998 WHERE position = 3")
    after = await publish(bids, public(), public(), public())
    async with bids.runtime.read() as conn:
        rows = await conn.fetch("SELECT position, key FROM event ORDER BY position")
        names = await conn.fetch("SELECT name FROM event_part ORDER BY starts")
    assert [row["key"] for row in rows] == [*before, *after]
    assert [row["position"] for row in rows][3:] == [1_999_999, 2_000_000, 2_000_001]
    assert [row["name"] for row in names] == ["event_0", "event_1", "event_from_2000000"]


async def test_deposits_archived_before_their_opening_are_told_to_the_buyer_at_the_opening(bids: Harness) -> None:
    procedure, another = uuid4(), uuid4()
    deposits = await publish(bids, deposit(procedure), deposit(procedure), deposit(another))
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    (opening,) = await publish(bids, event(BidsOpenedV1, organisation=BUYER, procedure=procedure))
    page = await get(bids, FEED, bids.headers(BUYER))
    assert [one["subject"] for one in page["events"]] == [*deposits[:2], opening]
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    late = await publish(bids, deposit(procedure))
    assert [one["subject"] for one in (await get(bids, FEED, bids.headers(BUYER)))["events"]] == late
    async with bids.runtime.read() as conn:
        kept = await conn.fetch("SELECT type, procedure FROM event_kept ORDER BY position")
    assert [tuple(row) for row in kept] == [(BidDepositedV1.type, another), (BidsOpenedV1.type, procedure)]


class Dying(Storage):
    """Object storage whose process dies at the n-th thing asked of it."""

    left = 0

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    async def put(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        self._count()
        done = await super().put(*args, **options)
        self._count()
        return done

    async def size(self, key: str) -> int:
        self._count()
        return await super().size(key)


async def test_a_death_at_any_step_loses_nothing_and_the_next_run_ends_it(bids: Harness) -> None:
    await publish(bids, *(random.choice((public, deposit))() for _ in range(25)))
    await age(bids.runtime)
    everything = await in_database(bids.runtime)
    bids.runtime.storage = dying = Dying(bids.runtime.settings.storage_url, service="bids")
    deaths = 0
    while await in_database(bids.runtime):
        assert await in_database(bids.runtime) == everything, "a part was dropped"
        dying.left = deaths % 11
        try:
            await keeping.keep(bids.runtime)
        except KeyboardInterrupt:
            deaths += 1
        assert deaths < 100
    assert deaths > 10
    dying.left = 1000
    whole = await archived(bids, OPERATIONS, bids.headers(BUYER, "operator"))
    assert [one["id"] for one in whole] == everything


async def test_a_process_killed_at_random_loses_nothing(bids: Harness, tmp_path: Path) -> None:
    await publish(bids, *(random.choice((public, deposit))() for _ in range(60)))
    await age(bids.runtime)
    everything, settings = await in_database(bids.runtime), bids.runtime.settings
    environment = os.environ | {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_BIDS_DATABASE_URL": settings.database_urls["bids"],
        "HALLES_STORAGE_URL": settings.storage_url,
    }
    for turn in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _KEEPER, stdout=asyncio.subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        await process.stdout.readline()  # it begins
        if turn < 3:
            await asyncio.sleep(random.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
        assert await process.wait() in (0, -signal.SIGKILL)
        assert await in_database(bids.runtime) in (everything, [])
    assert await in_database(bids.runtime) == []
    whole = await archived(bids, OPERATIONS, bids.headers(BUYER, "operator"))
    assert [one["id"] for one in whole] == everything


_KEEPER = """
import asyncio
from libs.common.bus.archive import keeping
from libs.common.runtime import open_runtime
from tests.bus.test_bus_archive import SERVICE

async def main():
    keeping.FILE = 5
    async with open_runtime(SERVICE, SERVICE.settings()) as runtime:
        print("begins", flush=True)
        await keeping.keep(runtime)

asyncio.run(main())
"""


async def test_a_file_that_is_not_what_the_log_holds_stops_the_drop(bids: Harness) -> None:
    await publish(bids, public(), public())
    await age(bids.runtime)
    storage = bids.runtime.storage

    async def forged(_: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        yield gzip.compress(b"{}\n{}\n")

    original = storage.open
    storage.open = forged  # type: ignore[method-assign, assignment]  # a storage that gives back something else
    with pytest.raises(UnverifiedFileError, match="read back"):
        await keeping.keep(bids.runtime)
    storage.open = original  # type: ignore[method-assign]
    assert len(await in_database(bids.runtime)) == 2
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []


async def test_a_cut_file_is_found_out() -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield gzip.compress(b"{}\n" * 1000)[:-9]

    with pytest.raises(UnverifiedFileError):
        [line async for line in files.lines(cut())]


async def test_a_reader_of_hours_delays_the_drop_and_blocks_nobody(bids: Harness) -> None:
    await publish(bids, public())
    await age(bids.runtime)
    backup = await asyncpg.connect(bids.runtime.database.url)
    async with backup.transaction():
        await backup.fetch("SELECT * FROM event")
        await keeping.keep(bids.runtime)
        assert len((await get(bids, FEED))["events"]) == 1
    await backup.close()
    await keeping.keep(bids.runtime)
    assert await in_database(bids.runtime) == []


async def test_two_keepers_do_not_meet(bids: Harness) -> None:
    await publish(bids, *(public() for _ in range(15)))
    await age(bids.runtime)
    await asyncio.gather(*(keeping.keep(bids.runtime) for _ in range(3)))
    assert len(await archived(bids, ARCHIVE)) == 15


async def test_internal_files_are_for_operators_and_public_ones_for_anybody(bids: Harness) -> None:
    await publish(bids, public(), deposit())
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    name = (await get(bids, OPERATIONS, bids.headers(BUYER, "operator")))["items"][0]["name"]
    for path in (OPERATIONS, f"{OPERATIONS}/{name}"):
        assert (await get(bids, path, status=401))["status"] == 401
        for kind in ("buyer", "company", "partner", "state"):
            assert (await get(bids, path, bids.headers(BUYER, kind), status=403))["status"] == 403
    await get(bids, f"{ARCHIVE}/{name}", status=404)
    public_name = (await get(bids, ARCHIVE))["items"][0]["name"]
    async with bids.client.get(f"{ARCHIVE}/{public_name}", headers={"Range": "bytes=0-1"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"\x1f\x8b")
        assert answer.headers["Cache-Control"].startswith("public")
        tag = answer.headers["ETag"]
    async with bids.client.get(f"{ARCHIVE}/{public_name}", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_manifests_say_what_each_file_is(bids: Harness) -> None:
    await publish(bids, public(), deposit())
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    (item,) = (await get(bids, ARCHIVE))["items"]
    key = f"bids/archive/public/{item['name'].removesuffix('.jsonl.gz')}.manifest.json"
    manifest = json.loads(await bids.runtime.storage.read(key, 10_000))
    assert manifest["sha256"] == item["sha256"]
    assert (manifest["events"], manifest["audience"], manifest["service"]) == (1, "public", "bids")


async def test_the_inbox_forgets_after_two_weeks_in_batches(bids: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_PRUNED", 10)
    async with bids.runtime.read() as conn:
        await conn.execute(
            "INSERT INTO inbox (consumer, message_id, handled_at)"
            " SELECT 'bids.x', gen_random_uuid(), now() - make_interval(days => n % 28) FROM generate_series(0, 83) AS n"
        )
        await keeping.prune_inbox(bids.runtime)
        left = await conn.fetchrow("SELECT count(*) AS rows, min(handled_at) AS oldest, now() AS now FROM inbox")
    assert left["rows"] == 42
    assert (left["now"] - left["oldest"]).days < keeping.INBOX_DAYS
