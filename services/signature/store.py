"""Circuits, requests and preparations in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.errors import NotFound
from libs.common.grants import Scope
from libs.common.messages.base import DocumentReference
from services.signature.domain import Action, Happening, PlannedStep, Request, State, Step
from services.signature.pades import Prepared

__all__ = [
    "Circuit",
    "Filter",
    "Preparation",
    "add",
    "add_preparation",
    "circuit",
    "get",
    "history",
    "keep_signature",
    "last_preparation",
    "lock",
    "lock_alive",
    "page",
    "preparation",
    "save",
    "save_circuit",
]

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit of an organisation."""

    organisation: str
    version: int
    steps: tuple[PlannedStep, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Preparation:
    """What one person was given to sign."""

    preparation_id: UUID
    request_id: UUID
    number: int
    person: str
    base_sha256: str
    document_key: str
    prepared: Prepared
    """Its `document` is empty: the bytes are in storage under `document_key`."""
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests are listed."""

    scope: Scope
    state: str | None = None
    subject_id: UUID | None = None
    awaited: tuple[str, ...] | None = None
    """The persons one of whom is awaited."""
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def circuit(conn: asyncpg.Connection, organisation: str) -> Circuit | None:
    """Give the circuit of an organisation, if it has one."""
    row = await conn.fetchrow(_QUERIES["circuit"], organisation)
    return _circuit(row) if row else None


async def save_circuit(
    conn: asyncpg.Connection, organisation: str, steps: Sequence[PlannedStep], *, by: str, at: datetime
) -> Circuit:
    """Set the circuit of an organisation."""
    content = [{"action": step.action, "person": step.person, "function": step.function} for step in steps]
    return _circuit(await conn.fetchrow(_QUERIES["save_circuit"], organisation, content, by, at))


async def add(conn: asyncpg.Connection, request: Request) -> None:
    """Insert a new request."""
    await conn.execute(
        _QUERIES["add_request"],
        request.request_id,
        request.organisation,
        request.procedure,
        request.subject_id,
        request.title,
        request.state,
        request.version,
        request.submitted.model_dump(mode="json"),
        request.document.model_dump(mode="json"),
        request.created_at,
    )
    await _write_news(conn, request)


async def get(conn: asyncpg.Connection, request_id: UUID) -> Request:
    """Read a request. Raises NotFound."""
    return await _found(conn, await conn.fetchrow(_QUERIES["request"], request_id))


async def lock(conn: asyncpg.Connection, request_id: UUID) -> Request:
    """Read a request and keep others from changing it. Raises NotFound."""
    return await _found(conn, await conn.fetchrow(_QUERIES["lock_request"], request_id))


async def lock_alive(conn: asyncpg.Connection, subject_id: UUID) -> Request | None:
    """Lock the request of a subject that is not closed, if there is one."""
    row = await conn.fetchrow(_QUERIES["lock_alive"], subject_id)
    return await _found(conn, row) if row else None


async def save(conn: asyncpg.Connection, request: Request) -> None:
    """Write a request that was locked, its steps and its news."""
    await conn.execute(
        _QUERIES["save_request"],
        request.request_id,
        request.state,
        request.version,
        request.document.model_dump(mode="json"),
        request.reason,
        request.verification,
        request.closed_at,
    )
    rows = [
        (request.request_id, step.number, step.action, step.person, step.function, step.done_at, step.done_by)
        for step in request.steps
    ]
    await conn.executemany(_QUERIES["save_step"], rows)
    await _write_news(conn, request)


async def history(conn: asyncpg.Connection, request_id: UUID) -> list[Happening]:
    """Give what happened to a request, oldest first."""
    return [Happening(**row) for row in await conn.fetch(_QUERIES["history"], request_id)]


async def page(conn: asyncpg.Connection, wanted: Filter) -> list[Request]:
    """Give the requests that somebody may read for an organisation, newest first."""
    before = wanted.before or (None, None)
    rows = await conn.fetch(
        _QUERIES["page"],
        *astuple(wanted.scope),
        wanted.state,
        wanted.subject_id,
        wanted.awaited,
        *before,
        wanted.limit,
    )
    return await _requests(conn, rows)


async def add_preparation(conn: asyncpg.Connection, item: Preparation, at: datetime) -> None:
    """Keep what a person was given to sign."""
    prepared = item.prepared
    await conn.execute(
        _QUERIES["add_preparation"],
        item.preparation_id,
        item.request_id,
        item.number,
        item.person,
        item.base_sha256,
        item.document_key,
        prepared.digest,
        *prepared.place,
        prepared.attributes,
        prepared.certificate,
        list(prepared.chain),
        prepared.algorithm,
        at,
    )


async def last_preparation(conn: asyncpg.Connection, request_id: UUID, number: int, person: str) -> Preparation | None:
    """Give what this person was last given to sign for this step."""
    row = await conn.fetchrow(_QUERIES["last_preparation"], request_id, number, person)
    return _preparation(row) if row else None


async def preparation(conn: asyncpg.Connection, preparation_id: UUID) -> Preparation:
    """Read a preparation. Raises NotFound."""
    row = await conn.fetchrow(_QUERIES["preparation"], preparation_id)
    if row is None:
        raise NotFound("Préparation inconnue.", "Unknown preparation.")
    return _preparation(row)


async def keep_signature(conn: asyncpg.Connection, preparation_id: UUID, signature: bytes) -> None:
    """Keep the signature value that came back."""
    await conn.execute(_QUERIES["keep_signature"], preparation_id, signature)


def _circuit(row: asyncpg.Record) -> Circuit:
    steps = tuple(PlannedStep(Action(step["action"]), step["person"], step["function"]) for step in row["steps"])
    return Circuit(row["organisation"], row["version"], steps, row["updated_at"])


async def _found(conn: asyncpg.Connection, row: asyncpg.Record | None) -> Request:
    if row is None:
        raise NotFound("Demande de signature inconnue.", "Unknown signature request.")
    return (await _requests(conn, [row]))[0]


async def _requests(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[Request]:
    steps: dict[UUID, list[Step]] = defaultdict(list)
    for row in await conn.fetch(_QUERIES["steps"], [row["request_id"] for row in rows]):
        request_id, number, action, *done = row.values()
        steps[request_id].append(Step(number, Action(action), *done))
    return [_request(row, steps[row["request_id"]]) for row in rows]


def _request(row: asyncpg.Record, steps: Sequence[Step]) -> Request:
    content = dict(row) | {
        "state": State(row["state"]),
        "submitted": DocumentReference.model_validate(row["submitted"]),
        "document": DocumentReference.model_validate(row["document"]),
        "steps": tuple(steps),
    }
    return Request(**content)


async def _write_news(conn: asyncpg.Connection, request: Request) -> None:
    rows = [(request.request_id, item.at, item.event, item.step, item.detail) for item in request.news]
    await conn.executemany(_QUERIES["add_history"], rows)


def _preparation(row: asyncpg.Record) -> Preparation:
    prepared = Prepared(
        document=b"",
        digest=row["digest"],
        place=(row["place_start"], row["place_end"]),
        attributes=row["attributes"],
        certificate=row["certificate"],
        chain=tuple(row["chain"]),
        algorithm=row["algorithm"],
    )
    names = ("preparation_id", "request_id", "number", "person", "base_sha256", "document_key", "signature")
    return Preparation(prepared=prepared, **{name: row[name] for name in names})
