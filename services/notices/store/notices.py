"""Notices and their versions in PostgreSQL: functions over a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from libs.common.db import load_queries
from libs.common.errors import FieldError
from libs.common.messages.base import DocumentReference
from libs.common.search import notice as said
from libs.common.search import words
from services.notices.content import NoticeContent
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.roles import Scope
from services.notices.domain.withheld import Withheld, next_day
from services.notices.store.documents import documents, documents_of

__all__ = [
    "VersionRow",
    "add_notice",
    "add_notices",
    "add_version",
    "date_sending",
    "drafts",
    "get_notice",
    "known_notices",
    "lock_notice",
    "save_notice",
    "to_reveal",
    "versions",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))
_WITHHELD: Final = TypeAdapter(tuple[Withheld, ...])


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A state that a notice went through."""

    version: int
    state: str
    content: NoticeContent
    recorded_at: datetime


async def add_notice(conn: asyncpg.Connection, notice: Notice) -> bool:
    """Write a new notice and its first version; False when its identifier is already known."""
    found = await conn.fetchval(_SQL["notice_insert"], *_inserted(notice))
    if found is not None:
        await add_version(conn, notice, notice.published_at or notice.created_at)
    return found is not None


async def add_notices(conn: asyncpg.Connection, notices: Sequence[Notice]) -> None:
    """Write new notices and their first versions together. Raises UniqueViolationError for one that is already known."""
    await conn.executemany(_SQL["notice_insert"], [_inserted(notice) for notice in notices])
    await conn.execute(_SQL["versions_first"], [notice.notice_id for notice in notices])


async def known_notices(conn: asyncpg.Connection, notice_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give the procedures of those of the notices that are known."""
    return {row["notice_id"]: row["procedure_id"] for row in await conn.fetch(_SQL["notices_known"], notice_ids)}


def _inserted(notice: Notice) -> tuple[Any, ...]:
    return (
        notice.notice_id,
        notice.procedure_id,
        notice.organisation,
        notice.state,
        notice.version,
        notice.content.kind,
        notice.content.model_dump_json(),
        [[fault.where, fault.message, fault.message_en] for fault in notice.warnings],
        notice.source.model_dump(mode="json") if notice.source else None,
        notice.created_at,
        notice.published_at,
        notice.sent_at,
        *_searched(notice),
    )


async def save_notice(conn: asyncpg.Connection, notice: Notice, at: datetime) -> None:
    """Write a locked notice back, and its new version."""
    await conn.execute(
        _SQL["notice_save"],
        notice.notice_id,
        notice.state,
        notice.version,
        notice.content.model_dump(mode="json"),
        notice.published_at,
        notice.sent_at,
        *_searched(notice),
        _WITHHELD.dump_python(notice.withheld, mode="json"),
        notice.whole.model_dump(mode="json") if notice.whole else None,
        next_day(notice.withheld),
    )
    await add_version(conn, notice, at)


async def to_reveal(conn: asyncpg.Connection, at: datetime, limit: int) -> list[UUID]:
    """Give the notices with a withheld value whose day of disclosure came, the longest due first."""
    return [row["notice_id"] for row in await conn.fetch(_SQL["notices_to_reveal"], at, limit)]


async def date_sending(conn: asyncpg.Connection, notice_id: UUID, sent_at: datetime) -> None:
    """Date the sending of a locked notice: its text is the same, and so is its version."""
    await conn.execute(_SQL["notice_date_sending"], notice_id, sent_at)


def _searched(notice: Notice) -> tuple[Any, ...]:
    """Give what a search asks; of what is not public, no words nor codes: nobody searches it, and they cost much to write."""
    content = notice.content
    if not notice.is_public:
        return (content.procedure_type, content.deadline, [], [], "", "", "", "")
    title, body = words.plain(content.title), said.body_text(content)
    return (
        content.procedure_type,
        content.deadline,
        said.cpv_branches(content),
        said.departments(content),
        title,
        words.fold(title),
        body,
        words.fold(body),
    )


async def add_version(conn: asyncpg.Connection, notice: Notice, at: datetime) -> None:
    """Keep the present state of a notice."""
    content = notice.content.model_dump(mode="json")
    await conn.execute(_SQL["version_add"], notice.notice_id, notice.version, notice.state, content, at)


async def versions(
    conn: asyncpg.Connection, notice_id: UUID, *, drafts_too: bool, until: datetime, first: int, limit: int
) -> list[VersionRow]:
    """Give the states a notice went through up to an instant, oldest first, from a version on."""
    rows = await conn.fetch(_SQL["versions"], notice_id, drafts_too, until, first, limit)
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


async def drafts(
    conn: asyncpg.Connection, scope: Scope, after: tuple[datetime, UUID] | None, limit: int
) -> list[Notice]:
    """Give the notices of an organisation that are not public and may be read, newest first."""
    created_at, notice_id = after or (None, None)
    rows = await conn.fetch(
        _SQL["drafts"], scope.organisation, created_at, notice_id, limit, scope.procedures, scope.shared
    )
    return await all_with_documents(conn, rows)


async def all_with_documents(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[Notice]:
    """Give the notices of some rows, each with its documents."""
    found = await documents_of(conn, [row["notice_id"] for row in rows])
    return [replace(_notice(row), documents=tuple(found.get(row["notice_id"], ()))) for row in rows]


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
        sent_at=row["sent_at"],
        withheld=_WITHHELD.validate_python(row["withheld"]),
        whole=NoticeContent.model_validate(row["whole"]) if row["whole"] else None,
    )
