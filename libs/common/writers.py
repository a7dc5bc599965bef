"""Writing a document as its bytes come, durable at the end: what a key holds is not known of before somebody notes it.

For parts of long uploads: each is written once, under a key of its own, and counts from the moment a row names it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol

from obstore import open_writer_async
from obstore.store import ObjectStore

__all__ = ["DocumentWriter", "FileWriter", "ObjectWriter"]

_BUFFER = 5 * 2**20  # bytes: the least that S3 takes as a part of a multipart upload


class DocumentWriter(Protocol):
    """Takes the bytes of one document."""

    def fileno(self) -> int:
        """Give a descriptor that another process may write to instead."""

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError, obstore's errors."""

    async def finish(self) -> None:
        """Have everything durable: it survives a loss of power from here on."""

    async def abandon(self) -> None:
        """Leave nothing behind."""


class FileWriter:
    """A document in a folder. It goes to its own place at once: whoever opens keys learns them from rows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def fileno(self) -> int:
        """Give the open file."""
        return self._file

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError: no room, for one."""
        await asyncio.to_thread(_write_all, self._file, data)

    async def finish(self) -> None:
        """Have the bytes and the name on the disk."""
        await asyncio.to_thread(self._sync)

    async def abandon(self) -> None:
        """Remove the file."""
        self._close()
        await asyncio.to_thread(self._path.unlink, missing_ok=True)

    def _sync(self) -> None:
        os.fsync(self._file)
        self._close()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class ObjectWriter:
    """A document in an object store: it appears at the end, whole."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._writer = open_writer_async(store, key, buffer_size=_BUFFER, max_concurrency=2)
        self._pumping: asyncio.Task[None] | None = None
        self._pipe = -1

    def fileno(self) -> int:
        """Give a pipe whose bytes go to the object: for a process that writes to descriptors."""
        if self._pumping is None:
            reading, self._pipe = os.pipe2(os.O_CLOEXEC)
            self._pumping = asyncio.get_running_loop().create_task(self._pump(reading))
        return self._pipe

    async def write(self, data: bytes) -> None:
        """Add bytes."""
        await self._writer.write(data)

    async def finish(self) -> None:
        """Complete the object."""
        await self._drain()
        await self._writer.close()

    async def abandon(self) -> None:
        """Let go of it: what was sent of an object that was not completed expires in the store."""
        await self._drain()
        del self._writer

    async def _drain(self) -> None:
        if self._pumping is not None:
            if self._pipe >= 0:
                os.close(self._pipe)
                self._pipe = -1
            await self._pumping

    async def _pump(self, reading: int) -> None:
        with os.fdopen(reading, "rb", buffering=0) as source:
            while data := await asyncio.to_thread(source.read, _BUFFER):
                await self._writer.write(data)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
