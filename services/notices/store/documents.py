"""Tender documents in PostgreSQL: functions over a connection; the bytes are in object storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from libs.common.messages.base import DocumentReference

__all__ = ["StoredDocument", "add_document", "documents"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One version of a tender document."""

    reference: DocumentReference
    version: int


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


async def documents_of(conn: asyncpg.Connection, notice_ids: Sequence[UUID]) -> dict[UUID, list[DocumentReference]]:
    """Give the documents of several notices, each in its last version, by name."""
    found: dict[UUID, list[DocumentReference]] = {}
    for row in await conn.fetch(_SQL["documents_of"], notice_ids):
        found.setdefault(row["notice_id"], []).append(_document(row).reference)
    return found
