"""What imports of many notices ask of PostgreSQL at once: functions over a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries

__all__ = ["ensure_procedures", "procedure_owners"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


async def ensure_procedures(conn: asyncpg.Connection, made: Sequence[tuple[UUID, str, str]], at: datetime) -> None:
    """Make the procedures that are new: identifier, organisation, title."""
    identifiers, organisations, titles = zip(*made, strict=True) if made else ((), (), ())
    await conn.execute(_SQL["procedures_ensure"], identifiers, organisations, titles, at)


async def procedure_owners(conn: asyncpg.Connection, procedure_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Give the organisations of the procedures that are known."""
    rows = await conn.fetch(_SQL["procedures_owners"], procedure_ids)
    return {row["procedure_id"]: row["organisation"] for row in rows}
