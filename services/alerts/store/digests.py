"""Who is told of a match, at once or by a digest: each notice once for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.domain import Found
from services.alerts.mails.schedule import Rhythm
from services.alerts.store.mails import found_of, wake
from services.alerts.store.sql import MAILS

__all__ = ["Item", "Told", "items", "queue_alerts", "queue_entries", "rhythms", "run"]


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that people are told of, and what they may have muted."""

    notice_id: UUID
    procedure: UUID | None
    buyer: str


@dataclass(frozen=True, slots=True)
class Item:
    """A notice of a digest that one search found, and the organisation that the search belongs to."""

    found: Found
    organisation: str | None


async def queue_alerts(
    conn: asyncpg.Connection, criteria: Sequence[UUID], told: Told, subject: str, at: datetime
) -> int:
    """Queue one mail for each person with such a search that is told at once, none twice for a notice; give how many."""
    await conn.execute(MAILS["lock_notice"], told.notice_id)
    values = (told.notice_id, told.procedure, subject, at, list(criteria), told.buyer)
    status: str = await conn.execute(MAILS["queue_alerts"], *values)
    await conn.execute(MAILS["tell_at_once"], told.notice_id)
    await wake(conn)
    return int(status.removeprefix("INSERT 0 "))


async def rhythms(conn: asyncpg.Connection, criteria: Sequence[UUID]) -> list[Rhythm]:
    """Give the rhythms at which people are told of these criteria by digests."""
    rows = await conn.fetch(MAILS["rhythms"], list(criteria))
    return [Rhythm(row["zone"], row["digest_hour"], row["working_days"], row["frequency"] == "weekly") for row in rows]


async def queue_entries(
    conn: asyncpg.Connection, criteria: Sequence[UUID], told: Told, runs: Mapping[Rhythm, datetime]
) -> None:
    """Have the digests of all people with such searches tell a notice, each at its run."""
    columns = zip(
        *(
            (rhythm.zone, rhythm.hour, rhythm.working_days, "weekly" if rhythm.weekly else "daily", due_at)
            for rhythm, due_at in runs.items()
        ),
        strict=True,
    )
    values = (told.notice_id, told.procedure, told.buyer, list(criteria))
    await conn.execute(MAILS["queue_entries"], *values, *map(list, columns))


async def run(conn: asyncpg.Connection, subject: str, now: datetime, most: int) -> int:
    """Queue the digests of so many people; give how many mails that are."""
    queued = int(await conn.fetchval(MAILS["run_digests"], now, most, subject))
    await wake(conn)
    return queued


async def items(conn: asyncpg.Connection, mails: Sequence[UUID]) -> dict[UUID, list[Item]]:
    """Give what digests tell: nearest deadline first."""
    found: dict[UUID, list[Item]] = {}
    for row in await conn.fetch(MAILS["digest_items"], list(mails)):
        found.setdefault(row["mail_id"], []).append(Item(found_of(row), row["organisation"]))
    return found
