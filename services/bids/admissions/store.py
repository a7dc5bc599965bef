"""Copies registered by hand, and decisions on them and on late bids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import Queries, load_queries
from services.bids.admissions.rules import Copied, Decision, Ground, Medium, Purpose

__all__ = ["Admission", "Copy", "add_admission", "add_copy", "admissions", "admitted", "copies", "destroy", "find_copy", "first_byte",
           "open_copy"]  # fmt: skip

QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Copy:
    """What came by another way than the platform, as it was registered by hand."""

    id: UUID
    procedure: UUID
    purpose: Purpose
    medium: Medium
    depositor: str
    depositor_name: str
    lots: tuple[str, ...]
    received_at: datetime
    """As the person who took it says."""
    registered_at: datetime
    sequence: int = 0
    bid: UUID | None = None
    """The electronic bid in whose place it was opened."""
    ground: Ground | None = None
    opened_at: datetime | None = None
    destroyed_at: datetime | None = None
    fate: str | None = None
    """Of a destroyed one: `unopened`, or `set_aside` after its opening."""

    def copied(self, *, admitted: bool = False) -> Copied:
        """What the rules need of it."""
        opened, destroyed = self.opened_at is not None, self.destroyed_at is not None
        return Copied(self.purpose, self.received_at, opened, destroyed, admitted)


@dataclass(frozen=True)
class Admission:
    """A reasoned decision on a late bid, or on a bid by another channel."""

    id: UUID
    procedure: UUID
    bid: UUID | None
    copy: UUID | None
    decision: Decision
    reason: str
    facts: tuple[UUID, ...]
    """The facts of the evidence that it rests on."""
    fact: UUID
    """The fact that proves the decision itself."""
    decided_at: datetime
    sequence: int = 0


async def add_copy(conn: asyncpg.Connection, copy: Copy, by: str) -> None:
    """Register a copy; `by` is the token's `sub` of who does."""
    await conn.execute(
        QUERIES["add_copy"], copy.id, copy.procedure, copy.purpose, copy.medium, copy.depositor, copy.depositor_name,
        list(copy.lots), copy.received_at, copy.registered_at, by,
    )  # fmt: skip


async def find_copy(conn: asyncpg.Connection, copy: UUID, *, lock: bool = False) -> Copy | None:
    """Give a copy; held until the end of the transaction when asked."""
    row = await conn.fetchrow(QUERIES["lock_copy" if lock else "find_copy"], copy)
    return None if row is None else _copy(row)


async def copies(conn: asyncpg.Connection, procedure: UUID, after: int | None, limit: int) -> list[Copy]:
    """Give the copies of a consultation in the order of their registration."""
    return [_copy(row) for row in await conn.fetch(QUERIES["copies_of"], procedure, after, limit)]


async def open_copy(conn: asyncpg.Connection, copy: Copy, by: str) -> None:
    """Note the opening of a copy (`copy`: with its ground, bid and hour)."""
    await conn.execute(QUERIES["open_copy"], copy.id, copy.ground, copy.bid, copy.opened_at, by)


async def destroy(conn: asyncpg.Connection, copy: UUID, fate: str, at: datetime, by: str) -> None:
    """Note the destruction of a copy."""
    await conn.execute(QUERIES["destroy_copy"], copy, fate, at, by)


async def add_admission(conn: asyncpg.Connection, admission: Admission, by: str) -> None:
    """Keep a decision."""
    await conn.execute(
        QUERIES["add_admission"], admission.id, admission.procedure, admission.bid, admission.copy, admission.decision,
        admission.reason, list(admission.facts), admission.fact, admission.decided_at, by,
    )  # fmt: skip


async def admissions(conn: asyncpg.Connection, procedure: UUID, after: int | None, limit: int) -> list[Admission]:
    """Give the decisions of a consultation, oldest first."""
    rows = await conn.fetch(QUERIES["admissions_of"], procedure, after, limit)
    return [
        Admission(**dict(row) | {"decision": Decision(row["decision"]), "facts": tuple(row["facts"])}) for row in rows
    ]


async def admitted(conn: asyncpg.Connection, procedure: UUID) -> frozenset[UUID]:
    """Give the late bids, and the copies, that the last decision on them admits."""
    return frozenset(row["subject"] for row in await conn.fetch(QUERIES["admitted_of"], procedure))


async def first_byte(conn: asyncpg.Connection, bid: UUID) -> datetime | None:
    """Give the hour at which the transmission of a bid began; None when it never did."""
    began: datetime | None = await conn.fetchval(QUERIES["first_byte"], bid)
    return began


def _copy(row: Any) -> Copy:  # noqa: ANN401  # a row of asyncpg
    values = dict(row)
    ground = None if values["ground"] is None else Ground(values["ground"])
    read = {"purpose": Purpose(values["purpose"]), "medium": Medium(values["medium"]), "lots": tuple(values["lots"])}
    return Copy(**values | read | {"ground": ground})
