"""Procedures in PostgreSQL: functions over a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.domain.procedure import Procedure, ProcedureState

__all__ = [
    "NoticeLine",
    "due_procedures",
    "ensure_procedure",
    "get_procedure",
    "lock_procedure",
    "procedure_notices",
    "save_procedure",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice, in the list of its procedure."""

    notice_id: UUID
    kind: str
    state: str
    title: str
    published_at: datetime | None


async def ensure_procedure(
    conn: asyncpg.Connection, procedure_id: UUID, *, organisation: str, title: str, at: datetime
) -> Procedure:
    """Give the procedure, locked; made for this organisation when it is new."""
    await conn.execute(_SQL["procedure_ensure"], procedure_id, organisation, title, at)
    found = await lock_procedure(conn, procedure_id)
    if found is None:
        raise LookupError(f"procedure {procedure_id} was inserted and is not there")
    return found


async def lock_procedure(conn: asyncpg.Connection, procedure_id: UUID) -> Procedure | None:
    """Give a procedure and keep it until the end of the transaction."""
    return _procedure(await conn.fetchrow(_SQL["procedure_lock"], procedure_id))


async def get_procedure(conn: asyncpg.Connection, procedure_id: UUID) -> Procedure | None:
    """Give a procedure."""
    return _procedure(await conn.fetchrow(_SQL["procedure_get"], procedure_id))


async def save_procedure(conn: asyncpg.Connection, procedure: Procedure) -> None:
    """Write a locked procedure back."""
    await conn.execute(
        _SQL["procedure_save"],
        procedure.procedure_id,
        procedure.state,
        procedure.version,
        procedure.title,
        procedure.formal,
        procedure.deadline,
        procedure.notice_id,
        list(procedure.lots),
        procedure.closed_at,
    )


async def due_procedures(conn: asyncpg.Connection, at: datetime, limit: int) -> list[Procedure]:
    """Give and lock open procedures whose deadline passed, those that no other worker holds."""
    return [_to_procedure(row) for row in await conn.fetch(_SQL["procedures_due"], at, limit)]


async def procedure_notices(conn: asyncpg.Connection, procedure_id: UUID, *, drafts_too: bool) -> list[NoticeLine]:
    """Give the notices of a procedure, oldest first."""
    rows = await conn.fetch(_SQL["procedure_notices"], procedure_id, drafts_too)
    return [NoticeLine(**dict(row)) for row in rows]


def _procedure(row: asyncpg.Record | None) -> Procedure | None:
    return None if row is None else _to_procedure(row)


def _to_procedure(row: asyncpg.Record) -> Procedure:
    values = dict(row)
    return Procedure(**{**values, "state": ProcedureState(values["state"]), "lots": tuple(values["lots"])})
