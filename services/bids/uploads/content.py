"""What a file is, once it came: its parts in order, as one stream of ciphertext; its hash; the envelope it is in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import UUID

import asyncpg

from libs.common.runtime import Runtime
from services.bids.sealing.names import EnvelopeName
from services.bids.uploads import store
from services.bids.uploads.store import QUERIES, Upload

__all__ = ["digest_file", "digest_files", "envelope_of_file", "sealed_content"]


async def sealed_content(
    runtime: Runtime, bid: UUID, file: int, start: int = 0, end: int | None = None
) -> AsyncIterator[bytes]:
    """Give the ciphertext of a file that was received, from one byte up to another (not included).

    Raises MissingDocumentError when the storage lost a part.
    """
    async with runtime.read() as conn:
        parts = await store.parts_of_file(conn, bid, file)
    place = 0
    for part in parts:
        first, last = max(start - place, 0), part.stored if end is None else min(end - place, part.stored)
        place += part.stored
        if first < last:
            async for chunk in runtime.storage.open(part.storage_key, first, last):
                yield chunk


async def envelope_of_file(conn: asyncpg.Connection, upload: Upload, fingerprint: str) -> EnvelopeName:
    """Give the name of the envelope that a file is announced in: what its segments are bound to."""
    number = await conn.fetchval(QUERIES["envelope_of_file"], upload.bid, upload.file)
    return EnvelopeName(upload.procedure, upload.bid, int(number), fingerprint)


async def digest_files(runtime: Runtime, bid: UUID) -> None:
    """Have the hash of every file that came: of what the storage gives back, where it is in several parts."""
    async with runtime.read() as conn:
        rows = await conn.fetch(QUERIES["undigested_files"], bid)
    for row in rows:
        await digest_file(runtime, bid, row["number"])


async def digest_file(runtime: Runtime, bid: UUID, file: int) -> None:
    """Read a file back and note its hash, unless another upload took its place meanwhile."""
    async with runtime.read() as conn:
        upload = await conn.fetchval(QUERIES["former_upload"], bid, file)
    digest = sha256()
    async for chunk in sealed_content(runtime, bid, file):
        await asyncio.to_thread(digest.update, chunk)
    async with runtime.uow() as uow:
        await uow.conn.execute(QUERIES["keep_digest"], bid, file, digest.hexdigest(), upload)
