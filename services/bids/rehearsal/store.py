"""Rehearsals: which consultations are one, who tried his key, which buyers were reminded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.bids.sealing.rehearsal import Rehearsal

__all__ = ["add", "add_officer", "due", "is_rehearsal", "note_reminder", "rehearsed"]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def add(conn: asyncpg.Connection, procedure: UUID, at: datetime) -> None:
    """Note that a consultation is a rehearsal."""
    await conn.execute(QUERIES["add_rehearsal"], procedure, at)


async def is_rehearsal(conn: asyncpg.Connection, procedure: UUID) -> bool:
    """Say whether a consultation is a rehearsal."""
    return bool(await conn.fetchval(QUERIES["is_rehearsal"], procedure))


async def add_officer(conn: asyncpg.Connection, told: Rehearsal, at: datetime) -> None:
    """Keep an officer's signed statement; a newer one takes its place."""
    statement = told.model_dump(mode="json")
    await conn.execute(
        QUERIES["add_officer_rehearsal"], told.consultation, told.fingerprint, told.officer, statement, at
    )


async def rehearsed(conn: asyncpg.Connection, procedure: UUID, fingerprint: str) -> dict[str, datetime]:
    """Give the officers of a key set who rehearsed, with the hour."""
    rows = await conn.fetch(QUERIES["officers_rehearsed"], procedure, fingerprint)
    return {row["officer"]: row["recorded_at"] for row in rows}


async def due(conn: asyncpg.Connection, now: datetime, days: int) -> list[UUID]:
    """Give consultations, at most 100, to remind so many days before their deadline."""
    return [row["procedure"] for row in await conn.fetch(QUERIES["due_reminders"], now, days)]


async def note_reminder(conn: asyncpg.Connection, procedure: UUID, days: int, at: datetime) -> bool:
    """Note a reminder; False when another process did."""
    return bool(await conn.fetchval(QUERIES["note_reminder"], procedure, days, at))
