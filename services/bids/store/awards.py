"""Awards and letters."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.bids.store.listed import Listed
from services.bids.store.queries import QUERIES

__all__ = ["Award", "Letter", "add", "add_letter", "find_letter", "letter_read", "letters_of", "of_procedure"]


@dataclass(frozen=True)
class Award:
    """The decision on a lot."""

    id: UUID
    lot: str
    bid: UUID
    decided_at: datetime
    standstill_until: datetime | None
    standstill_reason: str


@dataclass(frozen=True)
class Letter:
    """A letter to a bidder."""

    id: UUID
    procedure: UUID
    lot: str
    buyer: str
    addressee: str
    kind: str
    subject: str
    content: dict[str, Any]
    storage_key: str
    sha256: str
    sent_at: datetime
    first_read_at: datetime | None = None
    sequence: int = 0
    read_by: str | None = None
    sender: str | None = None
    """The company that wrote; None: the buyer, or the platform."""
    in_reply_to: UUID | None = None
    answer_due_at: datetime | None = None
    delivered_at: datetime | None = None
    delivered_by: str | None = None
    fact: UUID | None = None
    """The evidence of its sending, of the correspondence."""
    undelivered_at: datetime | None = None
    """When the mail that tells of it was known not to arrive."""
    undelivered_state: str | None = None


async def add(conn: asyncpg.Connection, procedure: UUID, award: Award, decision: dict[str, Any]) -> None:
    """Keep a decision."""
    await conn.execute(
        QUERIES["add_award"], award.id, procedure, award.lot, award.bid, decision, award.decided_at,
        award.standstill_until, award.standstill_reason,
    )  # fmt: skip


async def of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[Award]:
    """Give the decisions of a procedure."""
    return [Award(**dict(row)) for row in await conn.fetch(QUERIES["awards_of_procedure"], procedure)]


async def add_letter(conn: asyncpg.Connection, letter: Letter) -> None:
    """Put a letter at its addressee's disposal."""
    await conn.execute(
        QUERIES["add_letter"], letter.id, letter.procedure, letter.lot, letter.buyer, letter.addressee, letter.kind,
        letter.subject, letter.content, letter.storage_key, letter.sha256, letter.sent_at,
    )  # fmt: skip


async def find_letter(conn: asyncpg.Connection, letter: UUID, addressee: str | None) -> Letter | None:
    """Give a letter to its addressee; without one, to its sender, once the bids are opened."""
    row = await conn.fetchrow(QUERIES["find_letter"], letter, addressee)
    return None if row is None else Letter(**dict(row))


async def letters_of(
    conn: asyncpg.Connection, whose: Listed, *, procedure: UUID | None, before: int | None, limit: int
) -> list[Letter]:
    """Give the letters to a company, or those sent in consultations once the bids are opened, newest first."""
    rows = await conn.fetch(QUERIES["letters_of"], *astuple(whose), procedure, before, limit)
    return [Letter(**dict(row)) for row in rows]


async def letter_read(conn: asyncpg.Connection, letter: UUID, at: datetime, subject: str) -> None:
    """Note the first reading; later ones change nothing."""
    await conn.execute(QUERIES["letter_read"], letter, at, subject)
