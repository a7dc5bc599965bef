"""Receiving one request: its bytes become parts, each durable before it is acknowledged; whatever ends it, none is lost.

A part ends with the request, and every 64 MiB: so much is sent again at most after a loss of power. With a checksum,
nothing counts before the whole request is seen to be what its sender said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
from aiohttp import ClientPayloadError, http_exceptions

from libs.common.http.problems import RequestTimeout
from services.bids.uploads.errors import ChecksumMismatch, UploadTooLarge
from services.bids.uploads.parts import Destination, OpenPart
from services.bids.uploads.protocol import Checksum
from services.bids.uploads.store import Part

__all__ = ["CUT", "HandedOverError", "Incoming", "Receiver"]

CUT = 64 * 2**20
"""Bytes of a part at most, as the client counts them."""
_GONE = (OSError, ClientPayloadError, http_exceptions.HttpProcessingError, RequestTimeout)

Commit = Callable[[Sequence[Part]], Awaitable[None]]


class HandedOverError(Exception):
    """Another connection goes on with this upload."""


_ENDINGS = (*_GONE, HandedOverError)


@dataclass
class Incoming:
    """The bytes of one request."""

    chunks: AsyncIterator[bytes]
    room: int
    """Bytes that the upload still takes."""
    checksum: Checksum | None = None
    received: int = 0
    """Bytes that came, kept or not."""
    ended_by: Exception | None = field(default=None)
    """What ended it before its end."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the bytes; what interrupts them ends them, and is kept in `ended_by`. Raises UploadTooLarge."""
        try:
            async for chunk in self.chunks:
                self.received += len(chunk)
                if self.received > self.room:
                    raise too_long(self.room)
                if self.checksum is not None:
                    self.checksum.update(chunk)
                yield chunk
        except _ENDINGS as error:
            self.ended_by = error


class Receiver:
    """Cuts what comes into parts and has them committed, in order.

    While a part is made durable the next one is already filled, and its process was started ahead.
    """

    def __init__(self, destination: Destination, first: int, commit: Commit) -> None:
        self._destination = destination
        self._segment = first
        self._commit = commit
        self._part: OpenPart | None = None
        self._next: asyncio.Task[OpenPart] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._whole: list[Part] = []
        """Parts that are durable and wait for the checksum of the request, or that were not committed."""

    async def receive(self, incoming: Incoming, *, cut: int = CUT) -> None:
        """Take a request to its end, whatever ends it. Raises ChecksumMismatch, NoRoom, UploadTooLarge, UploadHeld."""
        try:
            async for chunk in incoming:
                await self._take(chunk, cut, incoming)
            await self._end(incoming)
        except BaseException:
            await self._discard()
            raise
        finally:
            await self._drop_next()

    async def _take(self, chunk: bytes, cut: int, incoming: Incoming) -> None:
        rest = memoryview(chunk)
        while rest:
            part = self._part or await self._begin()
            taken = rest[: cut - part.size]
            await part.write(bytes(taken) if len(taken) < len(chunk) else chunk)
            rest = rest[len(taken) :]
            if self._next is None and part.size >= cut // 2 and incoming.room > cut:
                self._next = asyncio.create_task(self._open())
            if part.size == cut:
                await self._settled()
                self._part = None
                self._closing = asyncio.create_task(self._close(part, wait=incoming.checksum is not None))

    async def _begin(self) -> OpenPart:
        opening, self._next = self._next, None
        self._part = await (self._open() if opening is None else opening)
        return self._part

    async def _open(self) -> OpenPart:
        segment, self._segment = self._segment, self._segment + 1
        return await self._destination.open(segment)

    async def _settled(self) -> None:
        """Wait until the part before is durable and committed. Raises what kept it from being so."""
        closing, self._closing = self._closing, None
        if closing is not None:
            await closing

    async def _close(self, part: OpenPart, *, wait: bool) -> None:
        try:
            self._whole.append(await part.finish())
        except BaseException:
            await part.abandon()
            raise
        if not wait:
            await self._keep()

    async def _end(self, incoming: Incoming) -> None:
        await self._settled()
        told = incoming.checksum
        if told is not None and (incoming.ended_by is not None or not told.matches):
            await self._discard()
            if incoming.ended_by is None:
                raise ChecksumMismatch(
                    "Les octets reçus ne sont pas ceux annoncés : rien n'en a été conservé, renvoyez cette partie.",
                    "The bytes received are not those told: none was kept, send this part again.",
                )
            return
        if self._part is None and not self._whole and incoming.room == 0 and not incoming.received:
            await self._begin()  # an empty file has one part too
        part, self._part = self._part, None
        if part is not None:
            await self._close(part, wait=True)
        await self._keep()

    async def _keep(self) -> None:
        done, self._whole = self._whole, []
        if not done:
            return
        try:
            await self._commit(done)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            raise  # it may have been committed all the same: a job removes what no row names
        except BaseException:
            self._whole = done
            raise

    async def _discard(self) -> None:
        """Leave nothing of what was not committed; what is being committed is."""
        with suppress(Exception):  # the request tells its own error, which came first
            await self._settled()
        if self._part is not None:
            await self._part.abandon()
            self._part = None
        for each in self._whole:
            await self._destination.storage.delete(each.storage_key)
        self._whole = []

    async def _drop_next(self) -> None:
        opening, self._next = self._next, None
        if opening is not None:
            with suppress(Exception):  # there was no room for it
                await (await opening).abandon()


def too_long(room: int) -> UploadTooLarge:
    """Give the refusal of more bytes than were announced."""
    return UploadTooLarge(
        f"Cet envoi n'attend plus que {room} octets : vérifiez le fichier, rien de plus n'est conservé.",
        f"This upload takes {room} more bytes only: check the file, nothing more is kept.",
    )
