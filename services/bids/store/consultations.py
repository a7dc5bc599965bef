"""Consultations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from libs.common.calendar import territory_of
from libs.common.messages.notices import Lot, Notice, OpeningKeySet
from services.bids.store.queries import QUERIES

__all__ = ["Consultation", "add", "find", "lock", "note_lot", "note_suspension", "share", "update"]


@dataclass(frozen=True)
class Consultation:
    """A published contract notice that takes electronic bids."""

    procedure: UUID
    version: int
    buyer: str
    deadline: datetime
    notice: Notice
    keys: OpeningKeySet
    suspended: bool = False
    abandoned: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    """The lots declared unsuccessful, as their buyer knows."""

    @property
    def zone(self) -> ZoneInfo:
        """The legal time of the buyer's place."""
        return territory_of(self.notice.buyer.department).zone

    def lot(self, lot_id: str) -> Lot | None:
        """Give one of its lots."""
        return next((each for each in self.notice.lots if each.lot_id == lot_id), None)


async def find(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation."""
    return _read(await conn.fetchrow(QUERIES["find_consultation"], procedure))


async def lock(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation and hold it alone until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["lock_consultation"], procedure))


async def share(conn: asyncpg.Connection, procedure: UUID) -> Consultation | None:
    """Give a consultation that nobody may change until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["share_consultation"], procedure))


async def add(conn: asyncpg.Connection, notice: Notice, procedure: UUID, at: datetime) -> None:
    """Open a consultation for a notice with a deadline and keys."""
    keys = notice.opening.model_dump(mode="json") if notice.opening else None
    content = notice.model_dump(mode="json")
    await conn.execute(
        QUERIES["add_consultation"], procedure, notice.buyer.organisation, notice.deadline, content, keys, at
    )


async def update(conn: asyncpg.Connection, notice: Notice, procedure: UUID) -> None:
    """Follow a newer notice; the keys stay those of the first one."""
    await conn.execute(QUERIES["update_consultation"], procedure, notice.deadline, notice.model_dump(mode="json"))


async def note_suspension(
    conn: asyncpg.Connection, procedure: UUID, *, version: int, suspended: bool, deadline: datetime | None
) -> None:
    """Keep that a procedure is suspended, or goes on with a deadline put off; older versions change nothing."""
    await conn.execute(QUERIES["note_suspension"], procedure, version, suspended, deadline)


async def note_lot(conn: asyncpg.Connection, procedure: UUID, lot: str, *, abandoned: bool) -> None:
    """Keep that a lot leads to no contract: given up, else unsuccessful."""
    named: tuple[list[str], list[str]] = ([lot], []) if abandoned else ([], [lot])
    await conn.execute(QUERIES["note_lot"], procedure, *named)


def _read(row: Any) -> Consultation | None:  # noqa: ANN401  # a row of asyncpg
    if row is None:
        return None
    return Consultation(
        row["procedure"],
        row["version"],
        row["buyer"],
        row["deadline"],
        Notice.model_validate(row["notice"]),
        OpeningKeySet.model_validate(row["keys"]),
        row["suspended"],
        frozenset(row["abandoned"]),
        frozenset(row["failed"]),
    )
