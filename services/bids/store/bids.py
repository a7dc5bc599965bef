"""Bids, their files and the journal of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg

from services.bids.domain.bids import Deposit
from services.bids.domain.states import BidState
from services.bids.sealing import Envelope
from services.bids.store.queries import QUERIES

__all__ = [
    "Attempt", "Bid", "BidFile", "add", "attempts", "attempts_of_procedure", "begin_attempt", "deposit", "deposited",
    "end_attempt", "file_uploaded", "files", "find", "lock", "of_depositor", "set_state",
]  # fmt: skip

Outcome = Literal["complete", "refused", "interrupted"]


@dataclass(frozen=True)
class Bid:
    """A bid. `envelope` is read by `find` and `lock` only."""

    id: UUID
    version: int
    procedure: UUID
    depositor: str
    depositor_name: str
    lots: tuple[str, ...]
    state: BidState
    created_at: datetime
    received_at: datetime | None
    deposit_order: int | None
    envelope: Envelope | None
    envelope_sha256: str | None

    @property
    def deposited(self) -> Deposit:
        """What the rules need of a received bid. Raises ValueError for a draft."""
        if self.received_at is None or self.deposit_order is None:
            raise ValueError("a draft was not received")
        return Deposit(self.id, self.depositor, frozenset(self.lots), self.received_at, self.deposit_order, self.state)


@dataclass(frozen=True)
class BidFile:
    """A file of a bid, as announced and, once uploaded, as received."""

    number: int
    name: str
    size: int
    storage_key: str | None
    sha256: str | None
    uploaded_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """One attempt to upload, deposit or withdraw."""

    id: UUID
    kind: str
    file: int | None
    started_at: datetime
    ended_at: datetime | None
    bytes: int
    outcome: str
    reason: str | None
    bid: UUID | None = None
    depositor: str | None = None


async def add(conn: asyncpg.Connection, bid: Bid, announced: Sequence[tuple[str, int]]) -> None:
    """Create a draft with its announced files (name, bytes)."""
    await conn.execute(
        QUERIES["add_bid"], bid.id, bid.procedure, bid.depositor, bid.depositor_name, list(bid.lots), bid.created_at
    )
    rows = [(bid.id, number, name, size) for number, (name, size) in enumerate(announced, 1)]
    await conn.executemany(QUERIES["add_file"], rows)


async def find(conn: asyncpg.Connection, bid: UUID) -> Bid | None:
    """Give a bid."""
    return _read(await conn.fetchrow(QUERIES["find_bid"], bid))


async def lock(conn: asyncpg.Connection, bid: UUID) -> Bid | None:
    """Give a bid and hold it until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["lock_bid"], bid))


async def of_depositor(
    conn: asyncpg.Connection,
    depositor: str,
    *,
    procedure: UUID | None = None,
    before: int | None = None,
    limit: int = 500,
) -> list[Bid]:
    """Give a depositor's bids, newest first."""
    rows = await conn.fetch(QUERIES["bids_of_depositor"], depositor, procedure, before, limit)
    return [_bid(row) for row in rows]


async def position(conn: asyncpg.Connection, bid: UUID) -> int:
    """Give the place of a bid in `of_depositor`."""
    return int(await conn.fetchval(QUERIES["position_of_bid"], bid))


async def deposited(conn: asyncpg.Connection, procedure: UUID) -> list[Bid]:
    """Give every bid of a consultation that was received, in order of reception."""
    return [_bid(row) for row in await conn.fetch(QUERIES["deposited_bids"], procedure)]


async def files(conn: asyncpg.Connection, bid: UUID) -> list[BidFile]:
    """Give the files of a bid."""
    return [BidFile(**dict(row)) for row in await conn.fetch(QUERIES["files_of_bid"], bid)]


async def file_uploaded(
    conn: asyncpg.Connection, bid: UUID, number: int, *, key: str, sha256: str, at: datetime
) -> None:
    """Note a complete upload; it takes the place of a former one."""
    await conn.execute(QUERIES["file_uploaded"], bid, number, key, sha256, at)
    await conn.execute(QUERIES["touch_bid"], bid)


async def deposit(conn: asyncpg.Connection, bid: UUID, state: BidState, at: datetime, envelope: Envelope) -> int:
    """Note the deposit; give the new version."""
    content = envelope.model_dump(mode="json")
    return int(await conn.fetchval(QUERIES["deposit_bid"], bid, state, at, content, envelope.sha256))


async def set_state(conn: asyncpg.Connection, bid: UUID, state: BidState) -> int:
    """Change the state; give the new version."""
    return int(await conn.fetchval(QUERIES["set_bid_state"], bid, state))


async def begin_attempt(conn: asyncpg.Connection, bid: Bid, kind: str, at: datetime, file: int | None = None) -> UUID:
    """Note that an attempt begins."""
    identity = uuid4()
    await conn.execute(QUERIES["begin_attempt"], identity, bid.id, bid.procedure, kind, file, at)
    return identity


async def end_attempt(
    conn: asyncpg.Connection, attempt: UUID, at: datetime, received: int, outcome: Outcome, reason: str | None = None
) -> None:
    """Note how an attempt ended, and its last byte."""
    await conn.execute(QUERIES["end_attempt"], attempt, at, received, outcome, reason)


async def attempts(conn: asyncpg.Connection, bid: UUID) -> list[Attempt]:
    """Give the attempts at one bid."""
    return [Attempt(**dict(row)) for row in await conn.fetch(QUERIES["attempts_of_bid"], bid)]


async def attempts_of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[Attempt]:
    """Give the attempts at all the bids of a consultation."""
    return [Attempt(**dict(row)) for row in await conn.fetch(QUERIES["attempts_of_procedure"], procedure)]


def _read(row: Any) -> Bid | None:  # noqa: ANN401  # a row of asyncpg
    return None if row is None else _bid(row)


def _bid(row: Any) -> Bid:  # noqa: ANN401
    values = dict(row)
    envelope = values.pop("envelope")
    return Bid(
        **values
        | {
            "lots": tuple(values["lots"]),
            "state": BidState(values["state"]),
            "envelope": Envelope.model_validate(envelope) if envelope else None,
        }
    )
