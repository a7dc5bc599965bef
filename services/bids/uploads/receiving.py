"""Receiving one request: its bytes become parts, each durable before it is acknowledged; whatever ends it, none is lost.

A part ends with the request, and every 64 MiB: so much is sent again at most after a loss of power. With a checksum,
nothing counts before the whole request is seen to be what its sender said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import ClientPayloadError, http_exceptions

from libs.common.db import DATABASE_AWAY
from libs.common.http.problems import RequestTimeout
from libs.common.storage import Storage
from services.bids.uploads.errors import ChecksumMismatch, UploadTooLarge
from services.bids.uploads.parts import AnyPart, OpenPart
from services.bids.uploads.protocol import Checksum
from services.bids.uploads.store import Part

__all__ = ["CUT", "ChunkReceiver", "HandedOverError", "Incoming", "Receiver"]

CUT = 64 * 2**20
"""Bytes of a part at most, as the client counts them."""
_GONE = (OSError, ClientPayloadError, http_exceptions.HttpProcessingError, RequestTimeout)

Commit = Callable[[Sequence[Part]], Awaitable[None]]
P = TypeVar("P", bound=AnyPart)


class HandedOverError(Exception):
    """Another connection goes on with this upload."""


_ENDINGS = (*_GONE, HandedOverError)


@dataclass
class Incoming:
    """What comes with one request."""

    room: int
    """Bytes that the upload still takes."""
    length: int | None
    """Content-Length."""
    checksum: Checksum | None = None
    received: int = 0
    """Bytes that came, kept or not."""
    ended_by: Exception | None = None
    """What ended it before its end."""
    matched: bool | None = None
    """What the process that took the bytes says of the checksum."""

    @property
    def expected(self) -> int:
        """Bytes that may come."""
        return self.room if self.length is None else self.length

    @property
    def altered(self) -> bool:
        """Whether the bytes are not those that the checksum tells."""
        if self.checksum is None:
            return False
        return not (self.checksum.matches if self.matched is None else self.matched)


class Receiver(Generic[P]):
    """Cuts what comes into parts and has them committed, in order.

    While a part is made durable the next one is already filled, and its process was started ahead.
    """

    def __init__(self, begin: Callable[[int], Awaitable[P]], storage: Storage, first: int, commit: Commit) -> None:
        self._begin_part = begin
        self._storage = storage
        self._segment = first
        self._begun = 0
        self._commit = commit
        self._part: P | None = None
        self._next: asyncio.Task[P] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._whole: list[Part] = []
        """Parts that are durable and wait for the checksum of the request, or that were not committed."""

    async def receive(self, incoming: Incoming, *, cut: int = CUT) -> None:
        """Take a request to its end, whatever ends it. Raises ChecksumMismatch, NoRoom, UploadTooLarge, UploadHeld."""
        try:
            await self._fill(incoming, cut)
            await self._end(incoming)
        except BaseException:
            await self._discard()
            raise
        finally:
            await self._drop_next()

    async def _fill(self, incoming: Incoming, cut: int) -> None:
        """Have the bytes in parts; what is left of the last one is `_part`."""
        raise NotImplementedError

    async def _cut(self, part: P, incoming: Incoming) -> None:
        """Have a full part made durable and committed meanwhile."""
        await self._settled()
        self._part = None
        self._closing = asyncio.create_task(self._close(part, incoming, wait=incoming.checksum is not None))

    async def _begin(self) -> P:
        opening, self._next = self._next, None
        self._part = await (self._open() if opening is None else opening)
        return self._part

    def _ahead(self, incoming: Incoming, cut: int) -> None:
        """Begin the part after this one, if there will be one."""
        if self._next is None and incoming.expected > cut * self._begun:
            self._next = asyncio.create_task(self._open())

    async def _open(self) -> P:
        segment, self._segment = self._segment, self._segment + 1
        self._begun += 1
        return await self._begin_part(segment)

    async def _settled(self) -> None:
        """Wait until the part before is durable and committed. Raises what kept it from being so."""
        closing, self._closing = self._closing, None
        if closing is not None:
            await closing

    async def _close(self, part: P, incoming: Incoming, *, wait: bool) -> None:
        try:
            self._whole.append(await part.finish())
        except BaseException:
            await part.abandon()
            raise
        if not wait:
            await self._keep()

    async def _end(self, incoming: Incoming) -> None:
        await self._settled()
        if self._part is None and not self._whole and incoming.room == 0 and not incoming.received:
            await self._begin()  # an empty file has one part too
        part, self._part = self._part, None
        if part is not None:
            await self._close(part, incoming, wait=True)
        if incoming.altered:
            await self._discard()
            if incoming.ended_by is None:
                raise ChecksumMismatch(
                    "Les octets reçus ne sont pas ceux annoncés : rien n'en a été conservé, renvoyez cette partie.",
                    "The bytes received are not those told: none was kept, send this part again.",
                )
        await self._keep()

    async def _keep(self) -> None:
        done, self._whole = self._whole, []
        if not done:
            return
        try:
            await self._commit(done)
        except DATABASE_AWAY:
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
            await self._storage.delete(each.storage_key)
        self._whole = []

    async def _drop_next(self) -> None:
        opening, self._next = self._next, None
        if opening is not None:
            with suppress(Exception):  # there was no room for it
                await (await opening).abandon()


class ChunkReceiver(Receiver[OpenPart]):
    """Receives what this process reads, chunk by chunk."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        begin: Callable[[int], Awaitable[OpenPart]],
        storage: Storage,
        first: int,
        commit: Commit,
    ) -> None:
        super().__init__(begin, storage, first, commit)
        self._chunks = chunks

    async def _fill(self, incoming: Incoming, cut: int) -> None:
        async for chunk in self._arriving(incoming):
            await self._take(chunk, cut, incoming)

    async def _arriving(self, incoming: Incoming) -> AsyncIterator[bytes]:
        """Give the bytes; what interrupts them ends them, and is kept in `ended_by`. Raises UploadTooLarge."""
        try:
            async for chunk in self._chunks:
                incoming.received += len(chunk)
                if incoming.received > incoming.room:
                    raise too_long(incoming.room)
                if incoming.checksum is not None:
                    incoming.checksum.update(chunk)
                yield chunk
        except _ENDINGS as error:
            incoming.ended_by = error

    async def _take(self, chunk: bytes, cut: int, incoming: Incoming) -> None:
        rest = memoryview(chunk)
        while rest:
            part = self._part or await self._begin()
            taken = rest[: cut - part.size]
            await part.write(bytes(taken) if len(taken) < len(chunk) else chunk)
            rest = rest[len(taken) :]
            if part.size >= cut // 2:
                self._ahead(incoming, cut)
            if part.size == cut:
                await self._cut(part, incoming)


def too_long(room: int) -> UploadTooLarge:
    """Give the refusal of more bytes than were announced."""
    return UploadTooLarge(
        f"Cet envoi n'attend plus que {room} octets : vérifiez le fichier, rien de plus n'est conservé.",
        f"This upload takes {room} more bytes only: check the file, nothing more is kept.",
    )
