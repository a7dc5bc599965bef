"""Retention: old events leave the database for files that hold every one of them, whatever dies on the way."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.bus import numberer
from libs.common.bus.archive import keeping
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
    assert gone["archive"].startswith(f"{bids.runtime.settings.public_url}{ARCHIVE}?after=")
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


async def catch_up(harness: Harness, listing: str, last: str) -> tuple[list[str], str]:
    """Read the files a 410 names, as docs/partners.md says: skip up to the last event known, go on from the last `next`."""
    found, after, path = list[str](), "", listing.removeprefix(harness.runtime.settings.public_url)
    while path:
        async with harness.client.get(path) as answer:
            assert answer.status == 200
            page, more = await answer.json(), answer.links.get("next")
        path = str(more["url"]) if more else ""
        for item in page["items"]:
            place = item["address"].removeprefix(harness.runtime.settings.public_url)
            async with harness.client.get(place) as answer:
                lines = gzip.decompress(await answer.read()).splitlines()
            found += [json.loads(line)["subject"] for line in lines]
            after = item["next"]
    return found[found.index(last) + 1 :] if last in found else found, after


@dataclass
class Partner:
    """Follows the feed, keeps its last cursor and what it saw."""

    after: str
    seen: list[str] = field(default_factory=list)

    async def follow(self, harness: Harness, pages: int) -> None:
        for _ in range(pages):
            async with harness.client.get(FEED, params={"limit": "3", "after": self.after}) as answer:
                told = await answer.json()
            if answer.status == 410:
                found, self.after = await catch_up(harness, told["archive"], self.seen[-1] if self.seen else "")
                self.seen += found
                continue
            assert answer.status == 200, told
            self.seen += [one["subject"] for one in told["events"]]
            self.after = told["next"]


async def test_a_partner_away_for_months_misses_nothing_and_gets_nothing_twice(bids: Harness) -> None:
    """Some follow closely, some are away while partitions leave: a 410 names the files that hold what they missed."""
    start, told = (await get(bids, FEED))["next"], list[str]()
    partners = [Partner(start) for _ in range(4)]
    for _ in range(40):
        events = [random.choice((public, deposit))() for _ in range(random.randint(1, 12))]
        names = await publish(bids, *events)
        told += [name for name, one in zip(names, events, strict=True) if isinstance(one, ContractNotifiedV1)]
        if random.random() < 0.3:
            await age(bids.runtime)
        if random.random() < 0.3:
            await keeping.keep(bids.runtime)
        await random.choice(partners).follow(bids, random.randint(1, 6))
    for partner in partners:
        await partner.follow(bids, 400)
        assert partner.seen == told


async def test_a_public_file_tells_no_time_of_what_is_hidden(bids: Harness) -> None:
    """A deposit may wait longer than 90 days for its opening: not even then is it known when it came."""
    for one in (deposit(), public(), deposit(), *(deposit() for _ in range(10))):
        await publish(bids, one)
    await age(bids.runtime)
    async with bids.runtime.read() as conn:
        told = await conn.fetchval("SELECT numbered_at FROM event WHERE position = 2")
        last = await conn.fetchval("SELECT max(numbered_at) FROM event")
    await keeping.keep(bids.runtime)
    first, empty = (await get(bids, ARCHIVE))["items"]
    times = [datetime.fromisoformat(first[name]) for name in ("from_time", "to_time")]
    assert times == [told, told]
    times = [datetime.fromisoformat(empty[name]) for name in ("from_time", "to_time")]
    assert times == [last.replace(hour=0, minute=0, second=0, microsecond=0)] * 2
    whole = (await get(bids, OPERATIONS, bids.headers(BUYER, "operator")))["items"]
    assert datetime.fromisoformat(whole[-1]["to_time"]) == last


async def test_a_cursor_names_only_the_files_behind_it(bids: Harness) -> None:
    await publish(bids, *(public() for _ in range(25)))
    kept = (await get(bids, f"{FEED}?limit=12"))["next"]
    await age(bids.runtime)
    await keeping.keep(bids.runtime)
    listed = [item["name"] for item in (await get(bids, ARCHIVE))["items"]]
    assert len(listed) == 3
    behind = await get(bids, f"{ARCHIVE}?after={kept}")
    assert [item["name"] for item in behind["items"]] == listed[1:]
    ends = await get(bids, f"{ARCHIVE}?after={behind['items'][-1]['next']}")
    assert ends["items"] == []
    await get(bids, f"{ARCHIVE}?after=abc", status=422)


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
