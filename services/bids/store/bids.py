"""Bids, their envelopes and files, and the attempts at them that the evidence tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from services.bids.domain.bids import Deposit
from services.bids.domain.states import BidState
from services.bids.sealing import Envelope
from services.bids.sealing.manifest import EnvelopeKind
from services.bids.store.queries import QUERIES

__all__ = [
    "Announced", "Attempt", "Bid", "BidFile", "EnvelopeRow", "EnvelopeState", "SealedBy", "add", "attempts", "attempts_of_procedure",
    "deposit", "deposited", "envelopes", "envelopes_received", "files",
    "find", "lock", "of_depositor", "paper", "position", "set_envelope_state", "set_state",
]  # fmt: skip

EnvelopeState = Literal["announced", "sealed", "opened", "unreadable"]
SealedBy = Literal["bidder", "platform"]


@dataclass(frozen=True)
class Bid:
    """A bid."""

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
    deposit_sha256: str | None
    """Of the RFC 8785 array of the hashes of its envelopes."""
    key_fingerprint: str
    """Of the key set it is sealed to: the one in force when it was prepared."""
    sealed_by: SealedBy = "bidder"
    """What is uploaded: ciphertext (`bidder`), or plaintext that is sealed while it arrives (`platform`)."""

    @property
    def deposited(self) -> Deposit:
        """What the rules need of a received bid. Raises ValueError for a draft."""
        if self.received_at is None or self.deposit_order is None:
            raise ValueError("a draft was not received")
        return Deposit(self.id, self.depositor, frozenset(self.lots), self.received_at, self.deposit_order, self.state)


@dataclass(frozen=True)
class Announced:
    """An envelope to come, with its files (name, bytes)."""

    kind: EnvelopeKind
    lots: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class EnvelopeRow:
    """An envelope of a bid, without its paper."""

    bid: UUID
    number: int
    kind: EnvelopeKind
    lots: tuple[str, ...]
    state: EnvelopeState
    sha256: str | None


@dataclass(frozen=True)
class BidFile:
    """A file of a bid, as announced and, once uploaded, as received."""

    number: int
    envelope: int
    name: str
    size: int
    """Bytes to upload, as announced."""
    upload: UUID | None
    sha256: str | None
    """Of the ciphertext; none before it came, nor while the hash of a file in several parts is not computed."""
    uploaded_at: datetime | None
    stored: int | None
    """Bytes of ciphertext kept."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to upload, deposit or withdraw."""

    id: UUID
    """Of the fact that begins it."""
    kind: str
    file: int | None
    started_at: datetime
    ended_at: datetime | None
    bytes: int
    outcome: str
    reason: str | None
    bid: UUID | None = None
    depositor: str | None = None


async def add(conn: asyncpg.Connection, bid: Bid, announced: Sequence[Announced]) -> None:
    """Create a draft with its announced envelopes; files are numbered through the bid."""
    await conn.execute(
        QUERIES["add_bid"], bid.id, bid.procedure, bid.depositor, bid.depositor_name, list(bid.lots), bid.created_at,
        bid.key_fingerprint, bid.sealed_by,
    )  # fmt: skip
    envelopes = [(bid.id, number, each.kind, list(each.lots)) for number, each in enumerate(announced, 1)]
    await conn.executemany(QUERIES["add_envelope"], envelopes)
    files = [(number, file) for number, each in enumerate(announced, 1) for file in each.files]
    rows = [(bid.id, number, name, size, envelope) for number, (envelope, (name, size)) in enumerate(files, 1)]
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


async def deposit(conn: asyncpg.Connection, bid: Bid, at: datetime, envelopes: Sequence[Envelope]) -> int:
    """Note the deposit (`bid`: its new state, and hash) with its envelopes; give the new version."""
    rows = [(bid.id, each.number, each.model_dump(mode="json"), each.sha256) for each in envelopes]
    await conn.executemany(QUERIES["seal_envelope"], rows)
    return int(await conn.fetchval(QUERIES["deposit_bid"], bid.id, bid.state, at, bid.deposit_sha256))


async def envelopes(conn: asyncpg.Connection, bid: UUID) -> list[EnvelopeRow]:
    """Give the envelopes of a bid, in order."""
    return [_envelope(row) for row in await conn.fetch(QUERIES["envelopes_of_bid"], bid)]


async def envelopes_received(conn: asyncpg.Connection, procedure: UUID) -> list[EnvelopeRow]:
    """Give the envelopes of every bid of a consultation that was received."""
    return [_envelope(row) for row in await conn.fetch(QUERIES["envelopes_received"], procedure)]


async def paper(conn: asyncpg.Connection, bid: UUID, number: int) -> Envelope:
    """Give the paper of an envelope that was deposited. Raises LookupError."""
    content = await conn.fetchval(QUERIES["paper_of_envelope"], bid, number)
    if content is None:
        raise LookupError(f"no envelope {number} of bid {bid} was deposited")
    return Envelope.model_validate(content)


async def set_envelope_state(conn: asyncpg.Connection, bid: UUID, number: int, state: EnvelopeState) -> None:
    """Note what came of an envelope at the opening."""
    await conn.execute(QUERIES["set_envelope_state"], bid, number, state)


async def set_state(conn: asyncpg.Connection, bid: UUID, state: BidState) -> int:
    """Change the state; give the new version."""
    return int(await conn.fetchval(QUERIES["set_bid_state"], bid, state))


async def attempts(conn: asyncpg.Connection, bid: UUID) -> list[Attempt]:
    """Give the attempts at one bid, as the facts of the evidence tell them."""
    return [Attempt(**dict(row)) for row in await conn.fetch(QUERIES["attempts"], bid, None)]


async def attempts_of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[Attempt]:
    """Give the attempts at all the bids of a consultation."""
    return [Attempt(**dict(row)) for row in await conn.fetch(QUERIES["attempts"], None, procedure)]


def _read(row: Any) -> Bid | None:  # noqa: ANN401  # a row of asyncpg
    return None if row is None else _bid(row)


def _bid(row: Any) -> Bid:  # noqa: ANN401
    values = dict(row)
    return Bid(**values | {"lots": tuple(values["lots"]), "state": BidState(values["state"])})


def _envelope(row: Any) -> EnvelopeRow:  # noqa: ANN401
    values = dict(row)
    return EnvelopeRow(**values | {"lots": tuple(values["lots"])})
