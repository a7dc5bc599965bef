"""What an opening found, without any copy of it: the ciphertext stays where it is and is decrypted as it is read.

The secrets of the segments are sealed under the key of the opening, which the key vault wraps (docs/openings.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import RawIOBase
from uuid import UUID

import asyncpg

from libs.common.runtime import Runtime
from libs.common.storage import MissingDocumentError
from services.bids.errors import InQuarantine
from services.bids.sealing import shamir
from services.bids.sealing.errors import TruncatedError
from services.bids.sealing.manifest import SealedFile, SealedSegment
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.reading import BATCH, SEALED_CHUNK, SegmentOpener
from services.bids.sealing.recovery import FileKeys
from services.bids.sealing.stream import CHUNK_SIZE, plain_size
from services.bids.store import bids as bid_store
from services.bids.store import openings as store
from services.bids.store.openings import OpenedFile
from services.bids.uploads import store as upload_store
from services.bids.uploads.content import sealed_content
from services.bids.uploads.store import Part
from services.bids.vault import KeyVault, unwrap, wrap

__all__ = [
    "Sealed",
    "StoredFile",
    "key_of",
    "new_key",
    "opened",
    "opened_content",
    "require_confirmation",
    "seal_secrets",
]


@dataclass(frozen=True)
class Sealed:
    """A file that is sealed, with the secrets that open it."""

    envelope: EnvelopeName
    file: SealedFile
    secrets: FileKeys


async def new_key(runtime: Runtime, opening: UUID, key: bytes) -> bytes:
    """Wrap the new key of an opening."""
    return await _vault(runtime).wrap(key, opening.bytes)


async def key_of(runtime: Runtime, conn: asyncpg.Connection, opening: UUID) -> bytes:
    """Give the key of an opening. Raises LookupError when it was destroyed, VaultError."""
    wrapped = await store.wrapped_key(conn, opening)
    if wrapped is None:
        raise LookupError(f"opening {opening} has no key any more")
    return await _vault(runtime).unwrap(wrapped, opening.bytes)


def seal_secrets(key: bytes, opening: UUID, sealed: Sealed) -> bytes:
    """Seal the secrets of a file under the key of its opening."""
    return wrap(key, b"".join(sealed.secrets), _place(opening, sealed.envelope.bid, sealed.file.number))


async def opened(runtime: Runtime, opening: UUID, bid: UUID, number: int) -> tuple[OpenedFile, Sealed] | None:
    """Give a file that an opening found, with what opens it; None when there is none, or its key was destroyed.

    Raises VaultError when the vault has another key.
    """
    async with runtime.read() as conn:
        found = await store.find_file(conn, opening, bid, number)
        if found is None or await store.wrapped_key(conn, opening) is None:
            return None
        key = await key_of(runtime, conn, opening)
        envelope = await bid_store.paper(conn, bid, found.envelope)
    (file,) = (each for each in envelope.files if each.number == number)
    joined = unwrap(key, found.secrets, _place(opening, bid, number))
    secrets = tuple(joined[at : at + shamir.SECRET_SIZE] for at in range(0, len(joined), shamir.SECRET_SIZE))
    return found, Sealed(envelope.name, file, secrets)


async def opened_content(runtime: Runtime, sealed: Sealed, start: int, end: int) -> AsyncIterator[bytes]:
    """Give the plaintext of a file from one byte up to another (not included), decrypted as it is read.

    Raises TamperedError, MissingDocumentError when the stored bytes are no longer those that were opened.
    """
    plain = stored = 0
    for segment, secret in zip(sealed.file.segments, sealed.secrets, strict=True):
        size = plain_size(segment.size)
        low, high = max(start - plain, 0), min(end - plain, size)
        if low < high:
            reading = _Reading(runtime, sealed, segment, stored)
            async for part in reading.run(secret, low, high):
                yield part
        plain, stored = plain + size, stored + segment.size


@dataclass(frozen=True)
class _Reading:
    """Some bytes of one segment."""

    runtime: Runtime
    sealed: Sealed
    segment: SealedSegment
    begins: int
    """Where the segment begins in its file."""

    async def run(self, secret: bytes, low: int, high: int) -> AsyncIterator[bytes]:
        """Give the plaintext from byte `low` to `high` of the segment."""
        opener = SegmentOpener(secret, self.sealed.envelope.segment(*self.segment.place), self.segment.size)
        first, after = low // CHUNK_SIZE, (high - 1) // CHUNK_SIZE + 1
        place = first * CHUNK_SIZE
        async for batch in self._batches(first, min(after * SEALED_CHUNK, self.segment.size)):
            plain = memoryview(bytearray(BATCH * CHUNK_SIZE))
            size = opener.open_into(place // CHUNK_SIZE, memoryview(batch), plain)
            yield bytes(plain[max(low - place, 0) : min(high - place, size)])
            place += size

    async def _batches(self, first: int, stop: int) -> AsyncIterator[bytes]:
        waiting, whole = bytearray(), BATCH * SEALED_CHUNK
        start = first * SEALED_CHUNK
        bid, number = self.sealed.envelope.bid, self.sealed.file.number
        async for data in sealed_content(self.runtime, bid, number, self.begins + start, self.begins + stop):
            waiting += data
            while len(waiting) >= whole:
                yield bytes(waiting[:whole])
                del waiting[:whole]
            start += len(data)
        if start != stop:
            raise TruncatedError("the stored bytes end too early")
        if waiting:
            yield bytes(waiting)


class StoredFile:
    """The ciphertext of a file that was received, read by a thread."""

    def __init__(self, runtime: Runtime, parts: list[Part]) -> None:
        self._storage = runtime.storage
        self._parts = iter(parts)
        self._left = 0
        self._reader: RawIOBase | None = None

    @classmethod
    async def find(cls, runtime: Runtime, bid: UUID, file: int) -> StoredFile:
        """Find the parts of a file."""
        async with runtime.read() as conn:
            return cls(runtime, await upload_store.parts_of_file(conn, bid, file))

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as there are bytes. Raises MissingDocumentError when the storage lost a part."""
        while self._reader is None or self._left == 0:
            part = next(self._parts, None)
            if part is None:
                return 0
            self.close()
            self._reader, self._left = self._storage.reader(part.storage_key), part.stored
        got = self._reader.readinto(buffer[: self._left]) or 0
        if got == 0:
            raise MissingDocumentError("a part is shorter than it was")
        self._left -= got
        return got

    def close(self) -> None:
        """Let go of the part in hand."""
        if self._reader is not None:
            self._reader.close()


def require_confirmation(file: OpenedFile, told: str | None) -> None:
    """Let pass who confirms that a file in quarantine is wanted. Raises InQuarantine that says how."""
    if told == file.sha256:
        return
    raise InQuarantine(
        f"L'antivirus a trouvé « {file.verdict.threat} » dans ce fichier : il est en quarantaine. Ouvrez plutôt la copie de "
        f"sauvegarde. Pour l'analyser sur un poste isolé, redemandez-le avec ?confirm={file.sha256} ; la lecture est journalisée.",
        f"The scanner found {file.verdict.threat}. To get the file all the same, ask again with ?confirm={file.sha256}.",
    )


def _place(opening: UUID, bid: UUID, number: int) -> bytes:
    return f"{opening}/{bid}/{number}".encode()


def _vault(runtime: Runtime) -> KeyVault:
    return runtime.port(KeyVault)  # type: ignore[type-abstract]  # a port is a protocol
