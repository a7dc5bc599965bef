"""Documents of companies, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.db import Queries, load_queries
from libs.common.messages.base import DocumentReference

__all__ = ["CompanyDocument", "add", "count", "document", "documents", "erase"]

_QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class CompanyDocument:
    """A version of a document."""

    document_id: UUID
    version: int
    company: str
    kind: str
    label: str
    valid_until: date | None
    name: str
    media_type: str
    size: int
    sha256: str
    key: str
    added_at: datetime
    added_by: str

    @property
    def reference(self) -> DocumentReference:
        """Give where its content is."""
        return DocumentReference(
            key=self.key, name=self.name, media_type=self.media_type, size=self.size, sha256=self.sha256
        )


async def add(conn: asyncpg.Connection, new: CompanyDocument) -> None:
    """Write a version."""
    await conn.execute(
        _QUERIES["add_document"], new.document_id, new.version, new.company, new.kind, new.label, new.valid_until, new.name,
        new.media_type, new.size, new.sha256, new.key, new.added_at, new.added_by,
    )  # fmt: skip


async def document(
    conn: asyncpg.Connection, company: str, document_id: UUID, version: int | None = None
) -> CompanyDocument | None:
    """Give a version of a document of a company; the last one if none is told."""
    row = await conn.fetchrow(_QUERIES["document"], company, document_id, version)
    return None if row is None else CompanyDocument(**dict(row))


async def documents(
    conn: asyncpg.Connection, company: str, after: tuple[UUID, int] | None, limit: int, *, versions: bool
) -> list[CompanyDocument]:
    """Give a page of the documents of a company: the last version of each, or all."""
    rows = await conn.fetch(_QUERIES["documents"], company, versions, *(after or (None, None)), limit)
    return [CompanyDocument(**dict(row)) for row in rows]


async def count(conn: asyncpg.Connection, company: str) -> int:
    """Count the versions that a company keeps."""
    return int(await conn.fetchval(_QUERIES["count_versions"], company))


async def erase(conn: asyncpg.Connection, company: str, document_id: UUID | None = None) -> list[str]:
    """Erase a document, every version, or all of a company; give the keys of their contents."""
    return [row["key"] for row in await conn.fetch(_QUERIES["erase_document"], company, document_id)]
