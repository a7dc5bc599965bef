"""Documents in object storage: a local folder or S3. Streamed, hashed while written, written once, never half visible."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime, timedelta
from io import RawIOBase
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import ObjectStore, from_url

from libs.common.errors import TooLarge
from libs.common.messages.base import DocumentReference
from libs.common.readers import ObjectReader
from libs.common.writers import DocumentWriter, FileWriter, ObjectWriter

__all__ = ["AlreadyStoredError", "MissingDocumentError", "Storage", "too_large"]

SMALL = 4 * 2**20
"""bytes: what is smaller is written in one request, what is larger streams to a hidden place first."""
CHUNK = 2**20
"""bytes read from storage at a time"""

_KEY = re.compile(r"[a-z][a-z0-9-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_HIDDEN = "incoming"
_log = structlog.get_logger(__name__)

Chunks = AsyncIterable[bytes] | bytes


class AlreadyStoredError(Exception):
    """The key holds another content: documents are written once."""


class MissingDocumentError(LookupError):
    """No document has that key."""


def too_large(limit: int) -> TooLarge:
    """Give the refusal of a content over `limit` bytes."""
    return TooLarge(
        f"Le contenu dépasse la taille permise : {limit} octets au plus.",
        f"The content is larger than allowed: {limit} bytes at most.",
    )


class _Measured:
    """Passes chunks on while it counts and hashes them; stops at the first byte over the limit."""

    def __init__(self, chunks: Chunks, limit: int | None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._digest = hashlib.sha256()
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in _iterate(self._chunks):
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise too_large(self._limit)
            self._digest.update(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Storage:
    """The documents a service may reach: its own (`<service>/...`) and those passed by reference (`exchange/...`).

    Keys are made by the services (identifiers, hashes), never of a user's file name.
    """

    def __init__(self, url: str, *, service: str | None = None) -> None:
        self._store = _open_store(url)
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._folders = None if service is None else (service, "exchange")

    async def put(
        self, key: str, chunks: Chunks, *, media_type: str, name: str, limit: int | None = None
    ) -> DocumentReference:
        """Write a document and give its reference; the same content again is no fault, so a job may be tried again.

        Raises AlreadyStoredError when the key holds another content, TooLarge over `limit` bytes; nothing is visible then.
        """
        self._check(key)
        measured = _Measured(chunks, limit)
        await self._write(key, measured)
        return DocumentReference(key=key, name=name, media_type=media_type, size=measured.size, sha256=measured.sha256)

    def writer(self, key: str) -> DocumentWriter:
        """Give what writes a part of a long upload under a key that was never used; the caller notes it when it is durable.

        Raises FileExistsError, OSError where the storage is a folder.
        """
        self._check(key)
        return ObjectWriter(self._store, key) if self._folder is None else FileWriter(self._folder / key)

    def reader(self, key: str) -> RawIOBase:
        """Open a document to be read into buffers, by a thread. Raises MissingDocumentError."""
        self._check(key)
        try:
            return (
                ObjectReader(self._store, key) if self._folder is None else (self._folder / key).open("rb", buffering=0)
            )
        except (NotFoundError, FileNotFoundError):
            raise MissingDocumentError(key) from None

    async def keys(self, prefix: str) -> list[str]:
        """Give the keys below a prefix: `bids/sealed/<bid>`."""
        self._check(prefix)
        return [str(found["path"]) async for batch in obstore.list(self._store, prefix=prefix) for found in batch]

    async def exchange(
        self, chunks: Chunks, *, media_type: str, name: str, limit: int | None = None
    ) -> DocumentReference:
        """Write a document for other services to read, under the key of its content: `exchange/<sha256>`."""
        measured = _Measured(chunks, limit)
        hidden = await self._stream(measured)
        key = f"exchange/{measured.sha256}"
        await self._reveal(hidden, key, measured)
        return DocumentReference(key=key, name=name, media_type=media_type, size=measured.size, sha256=measured.sha256)

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Give the bytes from `start` up to `end` (not included), chunk by chunk. Raises MissingDocumentError."""
        self._check(key)
        size = await self.size(key)
        stop = size if end is None else min(end, size)
        if start <= 0 and stop == size:
            async for chunk in await self._whole(key):
                yield bytes(chunk)
            return
        for position in range(max(start, 0), stop, CHUNK):
            part = await obstore.get_range_async(self._store, key, start=position, end=min(position + CHUNK, stop))
            yield bytes(part)

    async def read(self, key: str, limit: int) -> bytes:
        """Give a whole document of at most `limit` bytes. Raises MissingDocumentError, TooLarge."""
        self._check(key)
        if await self.size(key) > limit:
            raise too_large(limit)
        return b"".join([chunk async for chunk in self.open(key)])

    async def size(self, key: str) -> int:
        """Give the size of a document in bytes. Raises MissingDocumentError."""
        self._check(key)
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except (NotFoundError, FileNotFoundError):
            raise MissingDocumentError(key) from None

    async def exists(self, key: str) -> bool:
        """Say whether a document has that key."""
        try:
            await self.size(key)
        except MissingDocumentError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove a document; no fault when it is not there."""
        self._check(key)
        await _delete(self._store, key)

    def _check(self, key: str) -> None:
        if len(key) > 500 or not _KEY.fullmatch(key):
            raise ValueError(f"not a storage key: {key[:100]!r}")
        if self._folders is not None and key.split("/", 1)[0] not in self._folders:
            raise ValueError(f"{key!r} belongs to another service")

    async def _whole(self, key: str) -> AsyncIterable[bytes]:
        result = await obstore.get_async(self._store, key)
        return result.stream(min_chunk_size=CHUNK)

    async def _write(self, key: str, measured: _Measured) -> None:
        source = aiter(measured)
        head = await _head(source)
        if measured.size <= SMALL:
            await self._create(key, head, measured)
            return
        hidden = await self._stream(_chain(head, source))
        await self._reveal(hidden, key, measured)

    async def _create(self, key: str, content: bytes, measured: _Measured) -> None:
        try:
            await obstore.put_async(self._store, key, content, mode="create")
        except (AlreadyExistsError, FileExistsError):
            await self._same(key, measured)

    async def _stream(self, chunks: AsyncIterable[bytes]) -> str:
        """Write to a hidden place; whatever goes wrong, nothing of it stays."""
        hidden = f"{_HIDDEN}/{uuid4().hex}"
        try:
            async with obstore.open_writer_async(self._store, hidden) as writer:
                async for chunk in chunks:
                    await writer.write(chunk)
        except BaseException:
            await self._discard(hidden)
            raise
        return hidden

    async def _reveal(self, hidden: str, key: str, measured: _Measured) -> None:
        try:
            await obstore.rename_async(self._store, hidden, key, overwrite=False)
        except (AlreadyExistsError, FileExistsError):
            await self._same(key, measured)
        finally:
            await self._discard(hidden)

    async def _discard(self, hidden: str) -> None:
        """Remove what stays hidden; when the store refuses, `sweep` will."""
        try:
            await _delete(self._store, hidden)
        except BaseError as error:
            _log.warning("hidden_document_left", error=type(error).__name__)

    async def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Remove what processes that were killed left half written; gives how many."""
        removed = 0
        async for batch in obstore.list(self._store, prefix=_HIDDEN):
            for found in batch:
                if datetime.now(UTC) - found["last_modified"] > older_than:
                    await _delete(self._store, found["path"])
                    removed += 1
        return removed

    async def _same(self, key: str, measured: _Measured) -> None:
        digest = hashlib.sha256()
        async for chunk in self.open(key):
            digest.update(chunk)
        if digest.hexdigest() != measured.sha256:
            raise AlreadyStoredError(key)


def _open_store(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme == "file":
        Path(unquote(parts.path)).mkdir(parents=True, exist_ok=True)
        return from_url(url, automatic_cleanup=False)
    if parts.scheme == "s3":
        return from_url(url, config={"copy_if_not_exists": "multipart"})
    raise ValueError(f"storage is file:///folder or s3://bucket, not {parts.scheme}://")


async def _iterate(chunks: Chunks) -> AsyncIterator[bytes]:
    if isinstance(chunks, bytes):
        yield chunks
        return
    async for chunk in chunks:
        yield chunk


async def _head(source: AsyncIterator[bytes]) -> bytes:
    """Take chunks until there are more than SMALL bytes, or no more."""
    head = bytearray()
    async for chunk in source:
        head += chunk
        if len(head) > SMALL:
            break
    return bytes(head)


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk


async def _delete(store: ObjectStore, key: str) -> None:
    try:
        await obstore.delete_async(store, key)
    except (NotFoundError, FileNotFoundError):
        return
