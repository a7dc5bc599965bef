"""The timeline of procedures in PostgreSQL, a read model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries

__all__ = ["TimelineEntry", "TimelineRow", "add_timeline", "timeline"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An event of a procedure, to be kept for its timeline."""

    event_id: UUID
    procedure_id: UUID
    type: str
    occurred_at: datetime
    audience: str
    organisation: str
    buyer: str | None
    buyer_after: str | None
    summary: str
    summary_en: str
    reference: UUID


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An entry of the timeline, as a reader sees it."""

    event_id: UUID
    position: int
    type: str
    occurred_at: datetime
    audience: str
    summary: str
    summary_en: str
    reference: UUID


async def add_timeline(conn: asyncpg.Connection, entry: TimelineEntry) -> None:
    """Add an event to the timeline of its procedure, once."""
    await conn.execute(
        _SQL["timeline_add"],
        entry.event_id,
        entry.procedure_id,
        entry.type,
        entry.occurred_at,
        entry.audience,
        entry.organisation,
        entry.buyer,
        entry.buyer_after,
        entry.summary,
        entry.summary_en,
        entry.reference,
    )


async def timeline(
    conn: asyncpg.Connection, procedure_id: UUID, *, reader: str | None, after: tuple[datetime, int] | None, limit: int
) -> list[TimelineRow]:
    """Give what a reader may know of a procedure, in order; `reader` None is anybody."""
    occurred_at, position = after or (None, None)
    rows = await conn.fetch(_SQL["timeline"], procedure_id, reader, occurred_at, position, limit)
    return [TimelineRow(**dict(row)) for row in rows]
