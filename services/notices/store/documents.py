"""Tender documents in PostgreSQL: functions over a connection; the bytes are in object storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.base import DocumentReference

__all__ = [
    "PublishedDocument",
    "StoredDocument",
    "add_document",
    "document_versions",
    "documents",
    "documents_of",
    "keep_crc32",
    "published_documents",
    "remove_document",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One version of a tender document."""

    reference: DocumentReference
    version: int
    format: str | None = None
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """A version of a document of a procedure that is, or was, the public one."""

    document: StoredDocument
    notice_id: UUID
    published_at: datetime


async def documents(conn: asyncpg.Connection, notice_id: UUID) -> list[StoredDocument]:
    """Give the documents of a notice, each in its last version, by name."""
    return [_document(row) for row in await conn.fetch(_SQL["documents"], notice_id)]


async def document_versions(conn: asyncpg.Connection, notice_id: UUID) -> list[StoredDocument]:
    """Give every version of the documents of a notice, by name, the first one first."""
    return [_document(row) for row in await conn.fetch(_SQL["document_versions"], notice_id)]


async def add_document(
    conn: asyncpg.Connection, notice_id: UUID, document: StoredDocument, at: datetime
) -> StoredDocument:
    """Add a document to a locked notice, as a new version where the name is known."""
    reference = document.reference
    row = await conn.fetchrow(
        _SQL["document_add"],
        notice_id,
        reference.name,
        reference.key,
        reference.media_type,
        reference.size,
        reference.sha256,
        at,
        document.format,
        document.crc32,
    )
    return _document(row)


async def remove_document(conn: asyncpg.Connection, notice_id: UUID, name: str) -> bool:
    """Take a document with all its versions out of a locked draft; False when it has none of that name."""
    return bool(await conn.execute(_SQL["document_remove"], notice_id, name) != "DELETE 0")


async def keep_crc32(conn: asyncpg.Connection, sha256: str, crc32: int) -> None:
    """Keep the checksum of a content."""
    await conn.execute(_SQL["document_crc32"], sha256, crc32)


async def published_documents(conn: asyncpg.Connection, procedure_id: UUID) -> list[PublishedDocument]:
    """Give every version of the documents of a procedure that was public, by name, the first one first."""
    rows = await conn.fetch(_SQL["published_documents"], procedure_id)
    return [PublishedDocument(_document(row), row["notice_id"], row["published_at"]) for row in rows]


async def documents_of(conn: asyncpg.Connection, notice_ids: Sequence[UUID]) -> dict[UUID, list[DocumentReference]]:
    """Give the documents of several notices, each in its last version, by name."""
    found: dict[UUID, list[DocumentReference]] = {}
    for row in await conn.fetch(_SQL["documents_of"], notice_ids):
        found.setdefault(row["notice_id"], []).append(_document(row).reference)
    return found


def _document(row: Any) -> StoredDocument:  # noqa: ANN401  # a row of asyncpg
    reference = DocumentReference(
        key=row["key"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        stored_at=row["stored_at"],
    )
    return StoredDocument(reference, row["version"], row["format"], row["crc32"])
