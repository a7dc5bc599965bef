"""The pages of buyers in PostgreSQL: what they say of themselves, and what their public notices tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.notices import Buyer, LotResult
from services.notices.content import Contact
from services.notices.domain.organisation import Details, KeptDetails

__all__ = [
    "NO_DEADLINE",
    "AwardLine",
    "Counts",
    "OpenProcedure",
    "awards",
    "count_open",
    "counts",
    "details",
    "keep_details",
    "last_buyer",
    "last_notice",
    "open_procedures",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))
NO_DEADLINE: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The place of a procedure without deadline in a list by deadline: the last."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many public notices of each kind a buyer has."""

    planning: int
    contract: int
    award: int
    change: int
    last_published_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenProcedure:
    """A procedure that takes bids."""

    procedure_id: UUID
    title: str
    deadline: datetime | None
    notice_id: UUID | None


@dataclass(frozen=True, slots=True)
class AwardLine:
    """A public award."""

    notice_id: UUID
    procedure_id: UUID
    title: str
    results: Sequence[LotResult]
    published_at: datetime


async def details(conn: asyncpg.Connection, organisation: str) -> KeptDetails | None:
    """Give what an organisation says of itself."""
    row = await conn.fetchrow(_SQL["details"], organisation)
    if row is None:
        return None
    return KeptDetails(Details.model_validate(row["details"]), row["version"], row["updated_at"])


async def keep_details(
    conn: asyncpg.Connection, organisation: str, version: int, said: Details, at: datetime
) -> int | None:
    """Keep what an organisation says of itself and give the new version; None where `version` is not the present one."""
    found: int | None = await conn.fetchval(
        _SQL["details_keep"], organisation, version, said.model_dump(mode="json"), at
    )
    return found


async def last_notice(conn: asyncpg.Connection, organisation: str) -> tuple[Buyer, Contact | None] | None:
    """Give what the last public notice of a buyer says of it; None where it published none."""
    row = await conn.fetchrow(_SQL["last_notice"], organisation)
    if row is None:
        return None
    return Buyer.model_validate(row["buyer"]), Contact.model_validate(row["contact"]) if row["contact"] else None


async def last_buyer(conn: asyncpg.Connection, organisation: str) -> Buyer | None:
    """Give a buyer as its own last notice names it, drafts included: to be shown to its people alone."""
    said: Any = await conn.fetchval(_SQL["last_buyer"], organisation)
    return Buyer.model_validate(said) if said else None


async def counts(conn: asyncpg.Connection, organisation: str) -> Counts:
    """Count the public notices of a buyer."""
    return Counts(**dict(await conn.fetchrow(_SQL["counts"], organisation)))


async def count_open(conn: asyncpg.Connection, organisation: str, at: datetime) -> int:
    """Count the procedures of a buyer that take bids."""
    found: int = await conn.fetchval(_SQL["count_open"], organisation, at)
    return found


async def open_procedures(
    conn: asyncpg.Connection, organisation: str, at: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> list[OpenProcedure]:
    """Give the procedures of a buyer that take bids, the first to close first."""
    deadline, procedure_id = after or (None, None)
    rows = await conn.fetch(_SQL["open_procedures"], organisation, at, deadline, procedure_id, limit)
    return [OpenProcedure(**dict(row)) for row in rows]


async def awards(
    conn: asyncpg.Connection, organisation: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[AwardLine]:
    """Give the public awards of a buyer, newest first."""
    published_at, notice_id = after or (None, None)
    rows = await conn.fetch(_SQL["awards"], organisation, published_at, notice_id, limit)
    return [
        AwardLine(
            row["notice_id"],
            row["procedure_id"],
            row["title"],
            [LotResult.model_validate(each) for each in row["results"]],
            row["published_at"],
        )
        for row in rows
    ]
