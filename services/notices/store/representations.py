"""Published notices as the API answers them, in PostgreSQL: written once, read as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries

__all__ = ["Representation", "Standing", "after", "get", "keep"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Representation:
    """A published notice as the API answers it."""

    tag: str
    body: bytes | None
    """None for a reader who has it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A published notice, and whether this release wrote what readers get."""

    notice_id: UUID
    published_at: datetime
    written: bool


async def get(conn: asyncpg.Connection, notice_id: UUID, form: str, known: Sequence[str]) -> Representation | None:
    """Give what this release wrote of a notice; its bytes are left out for a reader who knows its tag."""
    row = await conn.fetchrow(_SQL["representation_get"], notice_id, form, known)
    return Representation(row["tag"], row["body"]) if row else None


async def keep(conn: asyncpg.Connection, notice_id: UUID, form: str, tag: str, body: bytes) -> None:
    """Write what readers get of a notice; the notice is locked, or public for good."""
    await conn.execute(_SQL["representation_keep"], notice_id, form, tag, body)


async def after(
    conn: asyncpg.Connection, form: str, position: tuple[datetime, UUID] | None, limit: int
) -> list[Standing]:
    """Give the public notices after a position, newest first."""
    published_at, notice_id = position or (None, None)
    rows = await conn.fetch(_SQL["representations_missing"], form, published_at, notice_id, limit)
    return [Standing(**dict(row)) for row in rows]
