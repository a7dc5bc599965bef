"""Contracts."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import Contract as ContractContent
from services.bids.domain.states import ContractState
from services.bids.store.listed import Listed
from services.bids.store.queries import QUERIES

__all__ = ["ContractRow", "add", "find", "lock", "number_taken", "of", "of_consultation", "of_procedure", "save"]


@dataclass(frozen=True)
class ContractRow:
    """A contract and where it stands. `content` is as decided at award; dates and document are beside it."""

    id: UUID
    version: int
    procedure: UUID
    award: UUID
    buyer: str
    winner: str
    number: str
    state: ContractState
    content: ContractContent
    standstill_until: datetime | None
    prepared: DocumentReference
    winner_signed: DocumentReference | None = None
    signed: DocumentReference | None = None
    clearance: str | None = None
    submitted_at: datetime | None = None
    signed_at: datetime | None = None
    notified_at: datetime | None = None
    acknowledged_at: datetime | None = None
    sequence: int = 0

    @property
    def document(self) -> DocumentReference:
        """The contract as it is now: generated, signed by the winner, signed by both."""
        return self.signed or self.winner_signed or self.prepared


async def add(conn: asyncpg.Connection, row: ContractRow) -> None:
    """Keep a new contract."""
    await conn.execute(
        QUERIES["add_contract"], row.id, row.procedure, row.award, row.buyer, row.winner, row.number,
        row.content.model_dump(mode="json"), row.standstill_until, row.prepared.model_dump(mode="json"),
    )  # fmt: skip


async def number_taken(conn: asyncpg.Connection, buyer: str, number: str) -> bool:
    """Say whether the buyer has a contract of that number."""
    return bool(await conn.fetchval(QUERIES["number_taken"], buyer, number))


async def find(conn: asyncpg.Connection, contract: UUID) -> ContractRow | None:
    """Give a contract."""
    return _read(await conn.fetchrow(QUERIES["find_contract"], contract))


async def lock(conn: asyncpg.Connection, contract: UUID) -> ContractRow | None:
    """Give a contract and hold it until the end of the transaction."""
    return _read(await conn.fetchrow(QUERIES["lock_contract"], contract))


async def of(
    conn: asyncpg.Connection, whose: Listed, *, procedure: UUID | None, before: int | None, limit: int
) -> list[ContractRow]:
    """Give the contracts of a winner, or of consultations, newest first."""
    rows = await conn.fetch(QUERIES["contracts_of"], *astuple(whose), procedure, before, limit)
    return [_contract(row) for row in rows]


async def of_procedure(conn: asyncpg.Connection, procedure: UUID) -> list[ContractRow]:
    """Give the contracts of a procedure."""
    return [_contract(row) for row in await conn.fetch(QUERIES["contracts_of_procedure"], procedure)]


async def of_consultation(conn: asyncpg.Connection, award: UUID) -> list[ContractRow]:
    """Give the contracts of the consultation, a procedure or a round of it, in which an award was decided."""
    return [_contract(row) for row in await conn.fetch(QUERIES["contracts_of_consultation"], award)]


async def save(conn: asyncpg.Connection, row: ContractRow) -> int:
    """Keep what changed; give the new version."""
    documents = [None if each is None else each.model_dump(mode="json") for each in (row.winner_signed, row.signed)]
    return int(
        await conn.fetchval(
            QUERIES["save_contract"], row.id, row.state, *documents, row.clearance, row.submitted_at, row.signed_at,
            row.notified_at, row.acknowledged_at,
        )
    )  # fmt: skip


def _read(row: Any) -> ContractRow | None:  # noqa: ANN401  # a row of asyncpg
    return None if row is None else _contract(row)


def _contract(row: Any) -> ContractRow:  # noqa: ANN401
    values = dict(row)
    documents = {
        name: None if values[name] is None else DocumentReference.model_validate(values[name])
        for name in ("prepared", "winner_signed", "signed")
    }
    content = ContractContent.model_validate(values["content"])
    return ContractRow(**values | documents | {"state": ContractState(values["state"]), "content": content})
