"""Uploads and their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.db import Queries, load_queries
from services.bids.domain.states import BidState
from services.bids.uploads.protocol import Kind

__all__ = ["QUERIES", "Announced", "Part", "Upload", "add", "add_parts", "announced", "find", "parts", "parts_of_file"]

QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Upload:
    """An upload, with what is needed of its bid."""

    id: UUID
    bid: UUID
    file: int
    kind: Kind
    length: int
    received: int
    part: int
    """What its segments are sealed under."""
    metadata: str
    concat: str | None
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    depositor: str
    procedure: UUID
    bid_state: BidState
    sealed_by: str

    @property
    def folder(self) -> str:
        """Below which its parts are stored."""
        return f"bids/sealed/{self.bid}/{self.file}/{self.id}"


@dataclass(frozen=True)
class Part:
    """What one request, or 64 MiB of it, brought."""

    part: int
    segment: int
    size: int
    """Bytes as the client counts them."""
    stored: int
    """Bytes of ciphertext."""
    sha256: str
    storage_key: str
    sealed: dict[str, Any] | None = None
    """Sealed by the platform: key commitment and shares."""
    place: int = 0


@dataclass(frozen=True)
class Announced:
    """What was announced of a file."""

    size: int
    sealed_by: str


async def announced(conn: asyncpg.Connection, bid: UUID, file: int) -> Announced | None:
    """Give what was announced of a file, held until the end of the transaction."""
    row = await conn.fetchrow(QUERIES["announced_file"], bid, file)
    return None if row is None else Announced(**dict(row))


async def add(conn: asyncpg.Connection, upload: Upload) -> None:
    """Keep a new upload."""
    await conn.execute(
        QUERIES["add_upload"], upload.id, upload.bid, upload.file, upload.kind, upload.length, upload.part,
        upload.metadata, upload.concat, upload.created_at, upload.expires_at,
    )  # fmt: skip


async def find(conn: asyncpg.Connection, upload: UUID) -> Upload | None:
    """Give an upload."""
    row = await conn.fetchrow(QUERIES["find_upload"], upload)
    return None if row is None else Upload(**dict(row) | {"bid_state": BidState(row["bid_state"])})


async def add_parts(conn: asyncpg.Connection, upload: UUID, new: Sequence[Part]) -> None:
    """Add parts after those there are."""
    before = await conn.fetchval(QUERIES["count_parts"], upload)
    rows = [
        (upload, place, each.part, each.segment, each.size, each.stored, each.sha256, each.storage_key, each.sealed)
        for place, each in enumerate(new, before + 1)
    ]
    await conn.executemany(QUERIES["add_part"], rows)


async def parts(conn: asyncpg.Connection, upload: UUID) -> list[Part]:
    """Give the parts of an upload, in order."""
    return [Part(**dict(row)) for row in await conn.fetch(QUERIES["parts_of_upload"], upload)]


async def parts_of_file(conn: asyncpg.Connection, bid: UUID, file: int) -> list[Part]:
    """Give the parts of a file that was received, in order."""
    return [Part(**dict(row)) for row in await conn.fetch(QUERIES["parts_of_file"], bid, file)]
