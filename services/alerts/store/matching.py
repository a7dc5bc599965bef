"""What notices say, which of them wait to be matched, what searches ask, and which of these changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pydantic_core

from services.alerts.matching.match import Reason
from services.alerts.store.sql import MATCHING

__all__ = [
    "Change",
    "Early",
    "Kept",
    "Previewed",
    "Said",
    "Searched",
    "Waiting",
    "changes",
    "forget_changes",
    "forget_early",
    "forget_features",
    "forget_notices",
    "horizon",
    "keep_early",
    "keep_matches",
    "keep_notice",
    "last_notice",
    "lock_waiting",
    "mark_matched",
    "newest_said",
    "oldest_waiting",
    "previewed",
    "searched_among",
    "searched_between",
    "take_early",
    "waiting",
]


@dataclass(frozen=True, slots=True)
class Kept:
    """What mails, filters and lists need of a notice, or of an answer that is told like one."""

    notice_id: UUID
    version: int
    procedure: UUID | None
    kind: str
    title: str
    buyer_name: str
    cpv: Sequence[str]
    departments: Sequence[str]
    deadline: datetime | None
    published_at: datetime
    buyer: str | None
    about: UUID | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What matching needs of a notice, and when it became public."""

    phase: str
    published_at: datetime
    deadline: datetime | None
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting(Said):
    """A notice that some searches were not held against yet."""

    notice_id: UUID
    version: int
    procedure: UUID | None
    kind: str
    title: str
    buyer: str


@dataclass(frozen=True, slots=True)
class Previewed(Said):
    """A notice of the past that a search may find."""

    notice_id: UUID
    shown: UUID
    """The notice to read: the one that an answer is about."""
    procedure: UUID | None
    title: str
    buyer_name: str
    departments: Sequence[str]


@dataclass(frozen=True, slots=True)
class Early:
    """An answer that came before any notice of its procedure."""

    answer_id: UUID
    procedure: UUID
    version: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Searched:
    """Criteria that somebody searches for, in their stored form."""

    criteria_id: UUID
    definition: str


@dataclass(frozen=True, slots=True)
class Change:
    """Criteria that somebody began or ceased to search for, and the transaction of it."""

    change_id: int
    criteria_id: UUID
    changed_by: int


async def keep_notice(
    conn: asyncpg.Connection, kept: Kept, phase: str, said: Mapping[str, Any], features: Sequence[int]
) -> bool:
    """Keep a notice and have it matched; False, and nothing done, when this version or a newer one is kept already."""
    head = (kept.notice_id, kept.version, kept.procedure, kept.kind, kept.title, kept.buyer_name, list(kept.cpv))
    tail = (list(kept.departments), kept.deadline, kept.published_at, kept.buyer, kept.about)
    if await conn.fetchval(MATCHING["keep_notice"], *head, *tail) is None:
        return False
    told = (kept.notice_id, kept.version, phase, kept.published_at, said, list(features))
    await conn.execute(MATCHING["keep_said"], *told)
    await conn.execute(MATCHING["have_matched"], kept.notice_id, kept.version)
    await conn.execute(MATCHING["wake_matching"])
    return True


async def last_notice(conn: asyncpg.Connection, procedure: UUID) -> asyncpg.Record | None:
    """Give the notice that an answer of a procedure is about, None before one came."""
    return await conn.fetchrow(MATCHING["last_notice"], procedure)


async def keep_early(conn: asyncpg.Connection, early: Early) -> None:
    """Keep an answer until a notice of its procedure comes."""
    values = (early.answer_id, early.procedure, early.version, early.published_at)
    await conn.execute(MATCHING["keep_early"], *values)


async def take_early(conn: asyncpg.Connection, most: int) -> list[Early]:
    """Take out early answers of which a notice has come since."""
    return [Early(**dict(row)) for row in await conn.fetch(MATCHING["take_early"], most)]


async def waiting(conn: asyncpg.Connection, slots: int, most: int) -> list[Waiting]:
    """Give notices that some of these slots (a bit each) were not held against yet, oldest first."""
    return [Waiting(**dict(row)) for row in await conn.fetch(MATCHING["waiting"], slots, most)]


async def lock_waiting(conn: asyncpg.Connection, notice_id: UUID, version: int) -> int | None:
    """Give the slots that were held against a notice, until our end nobody else's turn; None when it waits no more."""
    done: int | None = await conn.fetchval(MATCHING["lock_waiting"], notice_id, version)
    return done


async def mark_matched(conn: asyncpg.Connection, notice_id: UUID, done: int, *, last: bool) -> None:
    """Keep which slots were held against a notice; with the `last` of them it waits no more."""
    if last:
        await conn.execute(MATCHING["forget_waiting"], notice_id)
    else:
        await conn.execute(MATCHING["mark_matched"], notice_id, done)


async def oldest_waiting(conn: asyncpg.Connection) -> tuple[int, float]:
    """Give how many notices wait to be matched, and the seconds that the oldest of them does."""
    row = await conn.fetchrow(MATCHING["oldest_waiting"])
    return row["notices"], row["seconds"]


async def keep_matches(
    conn: asyncpg.Connection, notice: Waiting, found: Mapping[UUID, Sequence[Reason]], at: datetime
) -> None:
    """Keep matches of a notice at once; known ones stay as they are."""
    reasons = [pydantic_core.to_json([reason.told() for reason in why]).decode() for why in found.values()]
    await conn.execute(MATCHING["keep_matches"], list(found), notice.notice_id, notice.version, reasons, at)


async def searched_between(conn: asyncpg.Connection, after: UUID, last: UUID, most: int) -> list[Searched]:
    """Give criteria that somebody searches for, of a span of identifiers, in their order."""
    return [Searched(**dict(row)) for row in await conn.fetch(MATCHING["searched_between"], after, last, most)]


async def searched_among(conn: asyncpg.Connection, criteria: Sequence[UUID]) -> list[Searched]:
    """Give those of some criteria that somebody searches for."""
    return [Searched(**dict(row)) for row in await conn.fetch(MATCHING["searched_among"], list(criteria))]


async def horizon(conn: asyncpg.Connection) -> int:
    """Give the oldest transaction that is not over."""
    return int(await conn.fetchval(MATCHING["horizon"]))


async def changes(conn: asyncpg.Connection, since: int, seen: Sequence[int], most: int) -> tuple[int, list[Change]]:
    """Give the new horizon, and what changed in transactions that were not over at the last one, but what was seen."""
    rows = await conn.fetch(MATCHING["changes"], str(since), list(seen), most)
    found = [dict(row) for row in rows if row["change_id"] is not None]
    return rows[0]["horizon"], [Change(row["change_id"], row["criteria_id"], row["changed_by"]) for row in found]


async def forget_changes(conn: asyncpg.Connection, kept: timedelta) -> None:
    """Forget changes that every worker has read."""
    await conn.execute(MATCHING["forget_changes"], kept)


async def newest_said(conn: asyncpg.Connection, most: int) -> list[Said]:
    """Give what the newest notices say."""
    return [Said(**dict(row)) for row in await conn.fetch(MATCHING["newest_said"], most)]


async def previewed(
    conn: asyncpg.Connection, since: datetime, phases: Sequence[str], groups: Sequence[Sequence[int]], most: int
) -> list[Previewed]:
    """Give notices since a time that have a feature of each of three groups, or of none where none are given."""
    if groups:
        first, second, third = (list(groups[number % len(groups)]) for number in range(3))
        rows = await conn.fetch(MATCHING["previewed"], since, list(phases), first, second, third, most)
    else:
        rows = await conn.fetch(MATCHING["previewed_since"], since, list(phases), most)
    return [Previewed(**dict(row)) for row in rows]


async def forget_features(conn: asyncpg.Connection, before: datetime, most: int) -> int:
    """Forget the features of notices that are too old for previews; give of how many."""
    return _count(await conn.execute(MATCHING["forget_features"], before, most))


async def forget_notices(conn: asyncpg.Connection, before: datetime, most: int) -> int:
    """Forget notices that ended before a time, with what they matched; give how many."""
    return _count(await conn.execute(MATCHING["forget_notices"], before, most))


async def forget_early(conn: asyncpg.Connection, before: datetime) -> None:
    """Forget answers whose notice never came."""
    await conn.execute(MATCHING["forget_early"], before)


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
