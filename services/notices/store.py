"""Notices, procedures, documents and timeline in PostgreSQL: functions over a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.errors import FieldError
from libs.common.messages.base import DocumentReference
from services.notices import search as words
from services.notices.content import NoticeContent
from services.notices.domain import Notice, NoticeState, Procedure, ProcedureState

__all__ = [
    "Criteria",
    "NoticeLine",
    "StoredDocument",
    "TimelineEntry",
    "TimelineRow",
    "VersionRow",
    "add_document",
    "add_notice",
    "add_timeline",
    "add_version",
    "documents",
    "drafts",
    "due_procedures",
    "ensure_procedure",
    "get_notice",
    "get_procedure",
    "lock_notice",
    "lock_procedure",
    "procedure_notices",
    "save_notice",
    "save_procedure",
    "search",
    "text_query",
    "timeline",
    "versions",
]

_SQL: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One version of a tender document."""

    reference: DocumentReference
    version: int


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice, in the list of its procedure."""

    notice_id: UUID
    kind: str
    state: str
    title: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A state that a notice went through."""

    version: int
    state: str
    content: NoticeContent
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search; None: any."""

    query: str | None = None
    """As text of a tsquery, see `text_query`."""
    branches: tuple[str, ...] | None = None
    """CPV prefixes"""
    departments: tuple[str, ...] | None = None
    deadline_after: datetime | None = None
    deadline_before: datetime | None = None
    kinds: tuple[str, ...] | None = None
    buyer: str | None = None
    procedure_type: str | None = None
    procedure_id: UUID | None = None
    after: tuple[datetime, UUID] | None = None
    """The last notice of the page before."""
    limit: int = 20

    @property
    def is_selective(self) -> bool:
        """Whether a criterion with an index of its own is given."""
        return bool(self.query or self.branches or self.departments)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An event of a procedure, to be kept for its timeline."""

    event_id: UUID
    procedure_id: UUID
    type: str
    occurred_at: datetime
    audience: str
    organisation: str
    buyer: str | None
    buyer_after: str | None
    summary: str
    summary_en: str
    reference: UUID


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An entry of the timeline, as a reader sees it."""

    event_id: UUID
    position: int
    type: str
    occurred_at: datetime
    audience: str
    summary: str
    summary_en: str
    reference: UUID


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


async def add_notice(conn: asyncpg.Connection, notice: Notice) -> bool:
    """Write a new notice and its first version; False when its identifier is already known."""
    found = await conn.fetchval(
        _SQL["notice_insert"],
        notice.notice_id,
        notice.procedure_id,
        notice.organisation,
        notice.state,
        notice.version,
        notice.content.kind,
        notice.content.model_dump(mode="json"),
        [[fault.where, fault.message, fault.message_en] for fault in notice.warnings],
        notice.source.model_dump(mode="json") if notice.source else None,
        notice.created_at,
        notice.published_at,
        *_searched(notice.content),
    )
    if found is not None:
        await add_version(conn, notice, notice.published_at or notice.created_at)
    return found is not None


async def save_notice(conn: asyncpg.Connection, notice: Notice, at: datetime) -> None:
    """Write a locked notice back, and its new version."""
    await conn.execute(
        _SQL["notice_save"],
        notice.notice_id,
        notice.state,
        notice.version,
        notice.content.model_dump(mode="json"),
        notice.published_at,
        *_searched(notice.content),
    )
    await add_version(conn, notice, at)


def _searched(content: NoticeContent) -> tuple[Any, ...]:
    body = words.body_text(content)
    return (
        content.procedure_type,
        content.deadline,
        words.cpv_branches(content),
        content.departments,
        content.title,
        words.fold(content.title),
        body,
        words.fold(body),
    )


async def add_version(conn: asyncpg.Connection, notice: Notice, at: datetime) -> None:
    """Keep the present state of a notice."""
    content = notice.content.model_dump(mode="json")
    await conn.execute(_SQL["version_add"], notice.notice_id, notice.version, notice.state, content, at)


async def versions(conn: asyncpg.Connection, notice_id: UUID, *, drafts_too: bool, until: datetime) -> list[VersionRow]:
    """Give the states a notice went through up to an instant, oldest first."""
    rows = await conn.fetch(_SQL["versions"], notice_id, drafts_too, until)
    return [
        VersionRow(row["version"], row["state"], NoticeContent.model_validate(row["content"]), row["recorded_at"])
        for row in rows
    ]


async def lock_notice(conn: asyncpg.Connection, notice_id: UUID) -> Notice | None:
    """Give a notice with its documents, and keep it until the end of the transaction."""
    return await _with_documents(conn, await conn.fetchrow(_SQL["notice_lock"], notice_id))


async def get_notice(conn: asyncpg.Connection, notice_id: UUID) -> Notice | None:
    """Give a notice with its documents."""
    return await _with_documents(conn, await conn.fetchrow(_SQL["notice_get"], notice_id))


async def _with_documents(conn: asyncpg.Connection, row: asyncpg.Record | None) -> Notice | None:
    if row is None:
        return None
    found = await documents(conn, row["notice_id"])
    return replace(_notice(row), documents=tuple(document.reference for document in found))


async def documents(conn: asyncpg.Connection, notice_id: UUID) -> list[StoredDocument]:
    """Give the documents of a notice, each in its last version, by name."""
    return [_document(row) for row in await conn.fetch(_SQL["documents"], notice_id)]


async def add_document(
    conn: asyncpg.Connection, notice_id: UUID, document: DocumentReference, at: datetime
) -> StoredDocument:
    """Add a document to a locked notice, as a new version where the name is known."""
    row = await conn.fetchrow(
        _SQL["document_add"],
        notice_id,
        document.name,
        document.key,
        document.media_type,
        document.size,
        document.sha256,
        at,
    )
    return _document(row)


async def text_query(conn: asyncpg.Connection, terms: Sequence[words.Term]) -> str | None:
    """Give the tsquery of some terms, as text; None when nothing is left of them (stop words alone)."""
    found: str | None = await conn.fetchval(_SQL["text_query"], [term.as_json() for term in terms])
    return found


async def search(conn: asyncpg.Connection, criteria: Criteria) -> list[Notice]:
    """Give published notices, newest first."""
    published_at, notice_id = criteria.after or (None, None)
    async with conn.transaction(readonly=True):
        # the plan depends on which criteria are given: a plan for all cases would use no index
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        rows = await conn.fetch(
            _SQL["search_selective" if criteria.is_selective else "search"],
            criteria.query,
            criteria.branches,
            criteria.departments,
            criteria.deadline_after,
            criteria.deadline_before,
            criteria.kinds,
            criteria.buyer,
            criteria.procedure_type,
            criteria.procedure_id,
            published_at,
            notice_id,
            criteria.limit,
        )
        return await _all_with_documents(conn, rows)


async def drafts(
    conn: asyncpg.Connection, organisation: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[Notice]:
    """Give the drafts of an organisation, newest first."""
    created_at, notice_id = after or (None, None)
    rows = await conn.fetch(_SQL["drafts"], organisation, created_at, notice_id, limit)
    return await _all_with_documents(conn, rows)


async def _all_with_documents(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[Notice]:
    found: dict[UUID, list[DocumentReference]] = {}
    for row in await conn.fetch(_SQL["documents_of"], [row["notice_id"] for row in rows]):
        found.setdefault(row["notice_id"], []).append(_document(row).reference)
    return [replace(_notice(row), documents=tuple(found.get(row["notice_id"], ()))) for row in rows]


async def add_timeline(conn: asyncpg.Connection, entry: TimelineEntry) -> None:
    """Add an event to the timeline of its procedure, once."""
    await conn.execute(
        _SQL["timeline_add"],
        entry.event_id,
        entry.procedure_id,
        entry.type,
        entry.occurred_at,
        entry.audience,
        entry.organisation,
        entry.buyer,
        entry.buyer_after,
        entry.summary,
        entry.summary_en,
        entry.reference,
    )


async def timeline(
    conn: asyncpg.Connection, procedure_id: UUID, *, reader: str | None, after: tuple[datetime, int] | None, limit: int
) -> list[TimelineRow]:
    """Give what a reader may know of a procedure, in order; `reader` None is anybody."""
    occurred_at, position = after or (None, None)
    rows = await conn.fetch(_SQL["timeline"], procedure_id, reader, occurred_at, position, limit)
    return [TimelineRow(**dict(row)) for row in rows]


def _procedure(row: asyncpg.Record | None) -> Procedure | None:
    return None if row is None else _to_procedure(row)


def _to_procedure(row: asyncpg.Record) -> Procedure:
    values = dict(row)
    return Procedure(**{**values, "state": ProcedureState(values["state"]), "lots": tuple(values["lots"])})


def _notice(row: asyncpg.Record) -> Notice:
    return Notice(
        notice_id=row["notice_id"],
        procedure_id=row["procedure_id"],
        organisation=row["organisation"],
        state=NoticeState(row["state"]),
        version=row["version"],
        content=NoticeContent.model_validate(row["content"]),
        created_at=row["created_at"],
        warnings=tuple(FieldError(*fault) for fault in row["warnings"]),
        source=DocumentReference.model_validate(row["source"]) if row["source"] else None,
        published_at=row["published_at"],
    )


def _document(row: asyncpg.Record) -> StoredDocument:
    reference = DocumentReference(
        key=row["key"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        stored_at=row["stored_at"],
    )
    return StoredDocument(reference, row["version"])
