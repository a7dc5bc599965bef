"""One file of the archive: the events of a range of the log, a line each, compressed; and the manifest beside it.

Written once under a name that tells no position, read back and compared before anything relies on it.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg
import pydantic_core

from libs.common.db import load_queries
from libs.common.messages.envelope import CloudEvent
from libs.common.storage import AlreadyStoredError

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["GZIP", "QUERIES", "Audience", "Range", "UnverifiedFileError", "Written", "lines", "write"]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
GZIP = "application/gzip"
_PREFETCH = 500

Audience = Literal["public", "internal"]


class UnverifiedFileError(Exception):
    """What was read back is not what the log holds: nothing may be dropped."""


@dataclass(frozen=True, slots=True)
class Range:
    """Positions of one file, ends included, and the partition they are in."""

    part: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written and read back."""

    name: str
    key: str
    events: int
    size: int
    sha256: str
    from_time: datetime
    to_time: datetime


class _Lines:
    """Counts and hashes the lines that pass."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()

    def add(self, content: bytes) -> bytes:
        self.count += content.count(b"\n")
        self._digest.update(content)
        return content

    @property
    def state(self) -> tuple[int, str]:
        return self.count, self._digest.hexdigest()


async def write(
    runtime: Runtime, conn: asyncpg.Connection, where: Range, audience: Audience, types: Sequence[str] | None
) -> Written:
    """Write the events of a range, of these types or of all, and read them back. Raises UnverifiedFileError.

    The same again, after a crash, finds the file it wrote and goes on.
    """
    times = await conn.fetchrow(QUERIES["began"], where.first, where.last, types)
    name = _name(runtime, where, audience, times["from_time"])
    key = f"{runtime.service.name}/archive/{audience}/{name}"
    sent = _Lines()
    with suppress(AlreadyStoredError):  # compressed by another version, maybe: what is in it decides
        await runtime.storage.put(key, _compressed(_bodies(conn, where, types, sent)), media_type=GZIP, name=name)
    found = await _read_back(runtime, key)
    if found.lines.state != sent.state:
        raise UnverifiedFileError(f"{key}: {found.lines.count} events read back, {sent.count} in the log")
    written = Written(name, key, sent.count, found.size, found.sha256, times["from_time"], times["to_time"])
    await _write_manifest(runtime, written, audience)
    return written


def _name(runtime: Runtime, where: Range, audience: Audience, since: datetime) -> str:
    """Give a name that is always the same for a range, sorts by day and tells no position."""
    secret = runtime.settings.secret.get_secret_value().encode()
    said = f"archive:{runtime.service.name}:{audience}:{where.first}:{where.last}"
    return f"{since:%Y-%m-%d}-{hmac.digest(secret, said.encode(), hashlib.sha256).hex()[:16]}.jsonl.gz"


async def _write_manifest(runtime: Runtime, written: Written, audience: Audience) -> None:
    """Say beside the file what it is, so that it can be checked without the database."""
    manifest = {
        "service": runtime.service.name,
        "audience": audience,
        "name": written.name,
        "events": written.events,
        "size": written.size,
        "sha256": written.sha256,
        "from": written.from_time,
        "to": written.to_time,
    }
    name = written.name.removesuffix(".jsonl.gz") + ".manifest.json"
    await runtime.storage.put(
        f"{runtime.service.name}/archive/{audience}/{name}",
        pydantic_core.to_json(manifest),
        media_type="application/json",
        name=name,
    )


async def _bodies(
    conn: asyncpg.Connection, where: Range, types: Sequence[str] | None, sent: _Lines
) -> AsyncIterator[bytes]:
    query, more = (QUERIES["bodies"], ()) if types is None else (QUERIES["bodies_of"], (list(types),))
    async with conn.transaction(readonly=True):
        async for row in conn.cursor(query, where.first, where.last, *more, prefetch=_PREFETCH):
            yield sent.add((row["body"].encode() if types is None else _without_sequence(row["body"])) + b"\n")


def _without_sequence(body: str) -> bytes:
    """Give an event as the feed tells it: positions count what a partner may not know of."""
    return CloudEvent.from_json(body.encode()).model_copy(update={"sequence": None}).to_json()


async def _compressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compress as gzip without a date: the same events give the same bytes."""
    packer = zlib.compressobj(6, wbits=31)
    async for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


class _ReadBack:
    def __init__(self) -> None:
        self.lines = _Lines()
        self.size = 0
        self._digest = hashlib.sha256()

    def add(self, chunk: bytes) -> bytes:
        self.size += len(chunk)
        self._digest.update(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


async def _read_back(runtime: Runtime, key: str) -> _ReadBack:
    found = _ReadBack()
    async for content in _unpacked(_through(runtime, key, found)):
        found.lines.add(content)
    return found


async def _through(runtime: Runtime, key: str, found: _ReadBack) -> AsyncIterator[bytes]:
    async for chunk in runtime.storage.open(key):
        yield found.add(chunk)


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the content of a gzip file as it comes. Raises UnverifiedFileError when it is broken or cut."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        async for chunk in chunks:
            yield unpacker.decompress(chunk)
    except zlib.error as error:
        raise UnverifiedFileError(f"not gzip: {error}") from error
    if not unpacker.eof:
        raise UnverifiedFileError("a gzip file without its end")


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the lines of a gzip file. Raises UnverifiedFileError when it is broken or cut."""
    rest = b""
    async for content in _unpacked(chunks):
        *whole, rest = (rest + content).split(b"\n")
        for line in whole:
            yield line
    if rest:
        raise UnverifiedFileError("a last line without its end")
