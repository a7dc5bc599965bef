"""Acts, exemptions and returns in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.errors import NotFound
from libs.common.grants import Scope
from libs.common.messages.base import DocumentReference
from services.legality.domain import Act, ActPiece, Exemption, Happening, State

__all__ = [
    "Filter",
    "KnownAuthority",
    "StateMessage",
    "acts_by_parts",
    "add_act",
    "add_exemption",
    "add_message",
    "add_return",
    "authority",
    "classification",
    "exemptions",
    "find",
    "get",
    "history",
    "lock",
    "messages_of_act",
    "messages_of_return",
    "next_envelope",
    "next_number",
    "page",
    "return_of_content",
    "save",
    "save_authority",
    "save_classification",
]

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class KnownAuthority:
    """What a buyer said of itself."""

    organisation: str
    version: int
    department: str
    arrondissement: str
    nature: str
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StateMessage:
    """One message of a return."""

    return_id: UUID
    act_id: UUID | None
    file: str
    element: str
    code: str | None
    content: dict[str, Any]
    outcome: str
    """applied, kept (read, changes nothing), unmatched (of no act we know), unreadable."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which acts or exemptions are listed."""

    scope: Scope
    state: str | None = None
    subject_id: UUID | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def authority(conn: asyncpg.Connection, organisation: str) -> KnownAuthority | None:
    """Give what a buyer said of itself, if it did."""
    row = await conn.fetchrow(_QUERIES["authority"], organisation)
    return KnownAuthority(**row) if row else None


async def save_authority(conn: asyncpg.Connection, known: KnownAuthority, *, by: str) -> KnownAuthority:
    """Set what a buyer says of itself."""
    row = await conn.fetchrow(
        _QUERIES["save_authority"],
        known.organisation,
        known.department,
        known.arrondissement,
        known.nature,
        known.email,
        by,
        known.updated_at,
    )
    return KnownAuthority(**row)


async def next_number(conn: asyncpg.Connection, siren: str, year: int) -> int:
    """Give the next number of an authority in a year, from 1, without gaps."""
    return int(await conn.fetchval(_QUERIES["next_number"], siren, year))


async def next_envelope(conn: asyncpg.Connection, day: date) -> int:
    """Give the next envelope number of a day, from 1."""
    return int(await conn.fetchval(_QUERIES["next_envelope"], day))


async def add_act(conn: asyncpg.Connection, act: Act) -> None:
    """Insert a new act."""
    pieces = [{"kind": piece.kind, "document": piece.document.model_dump(mode="json")} for piece in act.pieces]
    names = (
        "act_id", "organisation", "procedure", "subject_id", "state", "version", "siren", "number", "object",
        "decided_on", "signed_at", "buyer_name", "buyer_department", "grounds",
    )  # fmt: skip
    values = [getattr(act, name) for name in names]
    await conn.execute(_QUERIES["add_act"], *values, pieces, act.nature, list(act.matters), act.created_at)
    await _write_news(conn, act)


async def find(conn: asyncpg.Connection, by: str, value: object) -> UUID | None:
    """Find an act: by `subject`, `identifier` or `envelope`."""
    query = {"subject": "act_of_subject", "identifier": "act_by_identifier", "envelope": "act_by_envelope"}[by]
    found: UUID | None = await conn.fetchval(_QUERIES[query], value)
    return found


async def acts_by_parts(
    conn: asyncpg.Connection, *, number: str, decided_on: date, siren: str | None, nature: int | None
) -> list[UUID]:
    """Find acts by what an anomaly says of them; two at most, to see whether it is certain."""
    rows = await conn.fetch(_QUERIES["act_by_parts"], number, decided_on, siren, nature)
    return [row["act_id"] for row in rows]


async def get(conn: asyncpg.Connection, act_id: UUID) -> Act:
    """Read an act. Raises NotFound."""
    return _found(await conn.fetchrow(_QUERIES["act"], act_id))


async def lock(conn: asyncpg.Connection, act_id: UUID) -> Act:
    """Read an act and keep others from changing it. Raises NotFound."""
    return _found(await conn.fetchrow(_QUERIES["lock_act"], act_id))


async def save(conn: asyncpg.Connection, act: Act) -> None:
    """Write an act that was locked, and its news."""
    await conn.execute(
        _QUERIES["save_act"],
        act.act_id,
        act.state,
        act.version,
        act.act_identifier,
        act.envelope,
        act.archive.model_dump(mode="json") if act.archive else None,
        act.validated_with,
        act.transmitted_at,
        act.received_on,
        act.acknowledged_at,
        act.reason,
    )
    await _write_news(conn, act)


async def history(conn: asyncpg.Connection, act_id: UUID) -> list[Happening]:
    """Give what happened to an act, oldest first."""
    return [Happening(**row) for row in await conn.fetch(_QUERIES["history"], act_id)]


async def page(conn: asyncpg.Connection, wanted: Filter) -> list[Act]:
    """Give the acts that somebody may read for an organisation, newest first."""
    before = wanted.before or (None, None)
    rows = await conn.fetch(
        _QUERIES["page"], *astuple(wanted.scope), wanted.state, wanted.subject_id, *before, wanted.limit
    )
    return [_found(row) for row in rows]


async def add_exemption(conn: asyncpg.Connection, exemption: Exemption) -> bool:
    """Keep an exemption; False when the contract has one already."""
    names = ("exemption_id", "organisation", "procedure", "subject_id", "reason", "decided_at")
    values = [getattr(exemption, name) for name in names]
    return await conn.fetchval(_QUERIES["add_exemption"], *values) is not None


async def exemptions(conn: asyncpg.Connection, wanted: Filter) -> list[Exemption]:
    """Give the exemptions that somebody may read for an organisation, newest first."""
    before = wanted.before or (None, None)
    rows = await conn.fetch(_QUERIES["exemptions"], *astuple(wanted.scope), wanted.subject_id, *before, wanted.limit)
    return [Exemption(**row) for row in rows]


async def add_return(conn: asyncpg.Connection, return_id: UUID, document: DocumentReference, at: datetime) -> bool:
    """Keep a return; False when the same content came before."""
    content = document.model_dump(mode="json")
    added = await conn.fetchval(_QUERIES["add_return"], return_id, document.sha256, document.name, content, at)
    return added is not None


async def return_of_content(conn: asyncpg.Connection, sha256: str) -> UUID | None:
    """Find a return by its content."""
    found: UUID | None = await conn.fetchval(_QUERIES["return_of_content"], sha256)
    return found


async def add_message(conn: asyncpg.Connection, item: StateMessage) -> None:
    """Keep a message of a return."""
    names = ("return_id", "act_id", "file", "element", "code", "content", "outcome")
    await conn.execute(_QUERIES["add_message"], *(getattr(item, name) for name in names))


async def messages_of_return(conn: asyncpg.Connection, return_id: UUID) -> list[StateMessage]:
    """Give the messages of a return, in order."""
    return [StateMessage(**row) for row in await conn.fetch(_QUERIES["messages_of_return"], return_id)]


async def messages_of_act(conn: asyncpg.Connection, act_id: UUID) -> list[StateMessage]:
    """Give the messages of the State on an act, in order."""
    return [StateMessage(**row) for row in await conn.fetch(_QUERIES["messages_of_act"], act_id)]


async def classification(conn: asyncpg.Connection, siren: str) -> date | None:
    """Give the date of the classification that the State last told for an authority."""
    found: date | None = await conn.fetchval(_QUERIES["classification"], siren)
    return found


async def save_classification(conn: asyncpg.Connection, siren: str, dated: date, at: datetime) -> None:
    """Keep the date of the classification in force."""
    await conn.execute(_QUERIES["save_classification"], siren, dated, at)


async def _write_news(conn: asyncpg.Connection, act: Act) -> None:
    rows = [(act.act_id, item.at, item.event, item.detail) for item in act.news]
    await conn.executemany(_QUERIES["add_history"], rows)


def _found(row: asyncpg.Record | None) -> Act:
    if row is None:
        raise NotFound("Acte inconnu.", "Unknown act.")
    pieces: Sequence[dict[str, Any]] = row["pieces"]
    content = dict(row) | {
        "state": State(row["state"]),
        "matters": tuple(row["matters"]),
        "pieces": tuple(
            ActPiece(piece["kind"], DocumentReference.model_validate(piece["document"])) for piece in pieces
        ),
        "archive": DocumentReference.model_validate(row["archive"]) if row["archive"] else None,
    }
    return Act(**content)
