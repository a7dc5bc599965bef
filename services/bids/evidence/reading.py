"""Facts read back: of a bid, of a consultation, of the platform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.bids.evidence.batches import Recorded
from services.bids.evidence.facts import Fact, FactKind
from services.bids.evidence.report import Concerned
from services.bids.evidence.store import QUERIES

__all__ = [
    "concerned", "consultations_near", "facts_of_bid", "facts_of_procedure", "incidents", "incidents_of", "last_hour",
    "of_platform",
]  # fmt: skip


async def facts_of_bid(conn: asyncpg.Connection, procedure: UUID, bid: UUID) -> list[Recorded]:
    """Give the facts of a bid and of its consultation, none of other bids."""
    return _all(await conn.fetch(QUERIES["facts_of_bid"], procedure, bid))


async def facts_of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[Recorded]:
    """Give the facts of a consultation and of all its bids."""
    return _all(await conn.fetch(QUERIES["facts_of_procedure"], procedure))


async def of_platform(conn: asyncpg.Connection, begins: datetime, ends: datetime) -> list[Recorded]:
    """Give the platform's own facts of a time: incidents that touch it, a heartbeat a minute."""
    declared = await conn.fetch(QUERIES["incidents_between"], begins, ends)
    return _all([*declared, *await conn.fetch(QUERIES["heartbeats"], begins, ends)])


async def incidents(conn: asyncpg.Connection, before: int | None, limit: int) -> list[tuple[Recorded, int]]:
    """Give the incidents declared, newest first, each with its place."""
    rows = await conn.fetch(QUERIES["incidents"], before, limit)
    return [(recorded, row["sequence"]) for recorded, row in zip(_all(rows), rows, strict=True)]


async def incidents_of(conn: asyncpg.Connection, procedure: UUID) -> list[Recorded]:
    """Give the incidents near the deadline of a consultation, in order."""
    return _all(await conn.fetch(QUERIES["incidents_of"], procedure))


async def last_hour(conn: asyncpg.Connection, bid: UUID) -> datetime | None:
    """Give the hour of the last fact of a bid: hours of receipt never go back before it, whatever the clock does."""
    hour: datetime | None = await conn.fetchval(QUERIES["last_hour"], bid)
    return hour


async def concerned(conn: asyncpg.Connection, bids: Sequence[UUID]) -> tuple[Concerned, ...]:
    """Give who made these bids."""
    rows = await conn.fetch(QUERIES["concerned"], list(bids))
    return tuple(Concerned(bid=row["id"], depositor=row["depositor"], name=row["depositor_name"]) for row in rows)


async def consultations_near(conn: asyncpg.Connection, begins: datetime, ends: datetime) -> list[tuple[UUID, datetime]]:
    """Give the consultations whose deadline lies between two instants, with it."""
    rows = await conn.fetch(QUERIES["consultations_near"], begins, ends)
    return [(row["procedure"], row["deadline"]) for row in rows]


def _all(rows: Sequence[Any]) -> list[Recorded]:
    return [
        Recorded(
            row["id"],
            Fact(row["procedure"], row["bid"], FactKind(row["kind"]), row["at"], row["content"]),
            row["batch"],
            row["position"],
        )
        for row in rows
    ]
