"""Procedures in PostgreSQL: functions over a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.content import NoticeContent
from services.notices.domain.lots import LotState, ProcedureLot
from services.notices.domain.procedure import PHASES, Procedure, ProcedureState

__all__ = [
    "NoticeLine",
    "ProcedureVersion",
    "contract_notices",
    "due_procedures",
    "ensure_procedure",
    "get_procedure",
    "lock_procedure",
    "procedure_at",
    "procedure_notices",
    "procedure_versions",
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
    at: datetime
    """Of its publication, of its beginning for a draft: their order."""


@dataclass(frozen=True, slots=True)
class ProcedureVersion:
    """A state that a procedure went through, with the text that held."""

    version: int
    state: ProcedureState
    public_state: ProcedureState
    title: str
    deadline: datetime | None
    lots: tuple[ProcedureLot, ...]
    text_id: UUID | None
    recorded_at: datetime
    content: NoticeContent | None


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


async def save_procedure(conn: asyncpg.Connection, procedure: Procedure, at: datetime) -> None:
    """Write a locked procedure back, and the version it is at from that instant on."""
    await conn.execute(
        _SQL["procedure_save"],
        procedure.procedure_id,
        procedure.state,
        procedure.version,
        procedure.title,
        procedure.formal,
        procedure.deadline,
        procedure.notice_id,
        [lot.lot_id for lot in procedure.lots],
        procedure.closed_at,
        [_written(lot) for lot in procedure.lots],
        procedure.text_id,
        procedure.suspended_at,
        procedure.standing,
        procedure.next_deadline,
        procedure.public_state,
        at,
    )


async def due_procedures(conn: asyncpg.Connection, at: datetime, limit: int) -> list[Procedure]:
    """Give and lock open procedures that have something to close, those that no other worker holds."""
    return [_to_procedure(row) for row in await conn.fetch(_SQL["procedures_due"], at, limit)]


async def procedure_notices(
    conn: asyncpg.Connection,
    procedure_id: UUID,
    *,
    drafts_too: bool,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> list[NoticeLine]:
    """Give the notices of a procedure after a position, oldest first."""
    rows = await conn.fetch(_SQL["procedure_notices"], procedure_id, drafts_too, *(after or (None, None)), limit)
    return [NoticeLine(**dict(row)) for row in rows]


async def contract_notices(
    conn: asyncpg.Connection, procedure_id: UUID, lot_id: str, but: UUID
) -> list[tuple[UUID, NoticeContent, bool]]:
    """Give the public notices that tell of a lot's contract, oldest first, as their buyer wrote them, and whether all is public."""
    rows = await conn.fetch(_SQL["contract_notices"], procedure_id, lot_id, but)
    return [(row["notice_id"], NoticeContent.model_validate(row["content"]), row["is_whole"]) for row in rows]


async def procedure_versions(
    conn: asyncpg.Connection, procedure_id: UUID, *, until: datetime, first: int, limit: int
) -> list[ProcedureVersion]:
    """Give the states a procedure went through up to an instant, oldest first, from a version on."""
    return await _versions(conn, await conn.fetch(_SQL["procedure_versions"], procedure_id, until, first, limit))


async def procedure_at(conn: asyncpg.Connection, procedure_id: UUID, at: datetime) -> ProcedureVersion | None:
    """Give the state of a procedure at an instant; None before its first publication."""
    found = await _versions(conn, await conn.fetch(_SQL["procedure_version_at"], procedure_id, at))
    return found[0] if found else None


async def _versions(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[ProcedureVersion]:
    texts = await conn.fetch(_SQL["procedure_texts"], list({row["text_id"] for row in rows if row["text_id"]}))
    contents = {row["notice_id"]: NoticeContent.model_validate(row["content"]) for row in texts}
    return [_version(row, contents.get(row["text_id"])) for row in rows]


def _version(row: asyncpg.Record, content: NoticeContent | None) -> ProcedureVersion:
    values = dict(row)
    states = {name: ProcedureState(values[name]) for name in ("state", "public_state")}
    return ProcedureVersion(**{**values, **states, "lots": _lots(values["lots"])}, content=content)


def _procedure(row: asyncpg.Record | None) -> Procedure | None:
    return None if row is None else _to_procedure(row)


def _to_procedure(row: asyncpg.Record) -> Procedure:
    values = dict(row)
    state, names, lots = (values.pop(name) for name in ("state", "lots", "lot_states"))
    phase = ProcedureState(state) if state in PHASES else ProcedureState.CLOSED
    return Procedure(
        **values, phase=phase, lots=_lots(lots) if lots is not None else _former(names, state, values["deadline"])
    )


def _lots(written: Sequence[Mapping[str, Any]]) -> tuple[ProcedureLot, ...]:
    return tuple(
        ProcedureLot(**{**each, "state": LotState(each["state"]), "deadline": _instant(each["deadline"])})
        for each in written
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _former(names: Sequence[str], state: str, deadline: datetime | None) -> tuple[ProcedureLot, ...]:
    """Give the lots of a row that was written before each had a state: that of the procedure."""
    told = state == "notified"  # that a lot is awarded was its buyer's to know
    return tuple(ProcedureLot(name, LotState(state), deadline, told=told) for name in names)


def _written(lot: ProcedureLot) -> dict[str, Any]:
    return {
        "lot_id": lot.lot_id,
        "state": lot.state.value,
        "deadline": lot.deadline.isoformat() if lot.deadline else None,
        "reason": lot.reason,
        "explanation": lot.explanation,
        "told": lot.told,
    }
