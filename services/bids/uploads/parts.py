"""Parts: where the bytes of a request go. As they come, when the bidder sealed them; else sealed by a process each."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

from obstore.exceptions import BaseError

from libs.common.messages.notices import OpeningKeySet
from libs.common.storage import Storage
from libs.common.writers import DocumentWriter
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.onfly import Order
from services.bids.sealing.onfly_process import ConnectedProcess, SealingProcess, Wire
from services.bids.sealing.onfly_sources import Ending
from services.bids.uploads.errors import NoRoom
from services.bids.uploads.store import Part, Upload

__all__ = ["AnyPart", "ConnectedPart", "Destination", "OpenPart", "no_room"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class AnyPart(Protocol):
    """A part that is being filled."""

    size: int
    """Bytes taken, as the client counts them."""

    async def finish(self) -> Part:
        """Have it durable and give what is noted of it. Raises NoRoom."""

    async def abandon(self) -> None:
        """Leave nothing behind."""


class OpenPart(AnyPart, Protocol):
    """A part that is being written."""

    async def write(self, data: bytes) -> None:
        """Take bytes. Raises NoRoom."""


@dataclass(frozen=True)
class Destination:
    """Where the parts of one upload go."""

    storage: Storage
    upload: Upload
    envelope: EnvelopeName | None
    """None: what comes is ciphertext."""
    keys: OpeningKeySet

    async def open(self, segment: int) -> OpenPart:
        """Begin a part. Raises NoRoom."""
        key, writer = await self._place(segment)
        if self.envelope is None:
            return _Kept(writer, key, self.upload.part, segment)
        order = self._order(self.envelope, segment)
        try:
            return _Sealed(writer, await SealingProcess.start(order, writer.fileno()), key, order)
        except OSError as error:
            await writer.abandon()
            raise no_room(error) from error

    async def connect(self, segment: int, wire: Wire) -> ConnectedPart:
        """Begin a part whose process reads the client's connection. Raises NoRoom."""
        assert self.envelope is not None  # noqa: S101  # the caller looked
        key, writer = await self._place(segment)
        order = self._order(self.envelope, segment)
        try:
            process = await ConnectedProcess.connect(order, writer.fileno(), wire)
        except OSError as error:
            await writer.abandon()
            raise no_room(error) from error
        return ConnectedPart(writer, process, key, order)

    async def _place(self, segment: int) -> tuple[str, DocumentWriter]:
        key = f"{self.upload.folder}/{segment:05d}-{uuid4().hex[:12]}"
        try:
            return key, await asyncio.to_thread(self.storage.writer, key)
        except OSError as error:
            raise no_room(error) from error

    def _order(self, envelope: EnvelopeName, segment: int) -> Order:
        return Order(envelope.segment(self.upload.part, segment), self.keys)


class _Kept:
    """Ciphertext as it comes."""

    def __init__(self, writer: DocumentWriter, key: str, part: int, segment: int) -> None:
        self.size = 0
        self._writer = writer
        self._place = (key, part, segment)
        self._digest = sha256()

    async def write(self, data: bytes) -> None:
        self.size += len(data)
        self._digest.update(data)
        try:
            await self._writer.write(data)
        except (OSError, BaseError) as error:
            raise no_room(error) from error

    async def finish(self) -> Part:
        key, part, segment = self._place
        try:
            await self._writer.finish()
        except (OSError, BaseError) as error:
            raise no_room(error) from error
        return Part(part, segment, self.size, self.size, self._digest.hexdigest(), key)

    async def abandon(self) -> None:
        await self._writer.abandon()


class _Sealing:
    """A part that a process of its own seals."""

    def __init__(self, writer: DocumentWriter, process: SealingProcess, key: str, order: Order) -> None:
        self.size = 0
        self.matches: bool | None = None
        """What the process says of the checksum of the request, once the part is finished."""
        self._writer = writer
        self._process = process
        self._key = key
        self._order = order

    async def finish(self) -> Part:
        """Have it durable and give what is noted of it. Raises NoRoom."""
        try:
            paper = await self._process.finish()
            await self._writer.finish()
        except (OSError, BaseError) as error:
            raise no_room(error) from error
        if paper["plain"] != self.size:
            raise RuntimeError("the process of a segment sealed another number of bytes than it was given")
        self.matches = paper["matches"]
        sealed = {"key_commitment": paper["key_commitment"], "shares": paper["shares"]}
        name = self._order.name
        return Part(name.part, name.segment, self.size, paper["size"], paper["sha256"], self._key, sealed)

    async def abandon(self) -> None:
        """Leave nothing behind."""
        await self._process.abandon()
        await self._writer.abandon()


class _Sealed(_Sealing):
    """Plaintext, which goes to the process of its segment and nowhere else."""

    async def write(self, data: bytes) -> None:
        self.size += len(data)
        try:
            await self._process.write(data)
        except OSError as error:
            raise no_room(error) from error


class ConnectedPart(_Sealing):
    """Plaintext that only the process of its segment sees: it reads the client's connection."""

    def __init__(self, writer: DocumentWriter, process: ConnectedProcess, key: str, order: Order) -> None:
        super().__init__(writer, process, key, order)
        self._reader = process

    async def take(self, wire: Wire, most: int) -> Ending:
        """Take so many bytes of the connection; give what ended it. Raises NoRoom."""
        try:
            self.size, ending = await self._reader.take(wire, most)
        except OSError as error:
            raise no_room(error) from error
        return ending


def no_room(error: Exception) -> NoRoom:
    """Give the refusal of bytes that the storage did not take."""
    full = isinstance(error, OSError) and error.errno in _FULL
    french = "Le stockage est plein" if full else "Le stockage ne répond pas"
    english = "The storage is full" if full else "The storage does not answer"
    return NoRoom(
        f"{french} : ce qui était confirmé est conservé, reprenez l'envoi dans quelques minutes.",
        f"{english}: what was acknowledged is kept, resume in some minutes.",
    )
