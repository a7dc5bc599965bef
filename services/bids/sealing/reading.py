"""The chunks of a segment, opened into buffers that are used again: whole files in order, or only the chunks asked for.

Authenticity is that of the chunks (docs/sealing.md, 3.6): what was altered, moved, cut or added does not authenticate.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.bids.sealing import dealing
from services.bids.sealing.errors import TamperedError, TruncatedError
from services.bids.sealing.manifest import SealedFile
from services.bids.sealing.names import EnvelopeName, SegmentName
from services.bids.sealing.stream import CHUNK_SIZE, TAG_SIZE, plain_size

__all__ = ["BATCH", "SEALED_CHUNK", "SegmentOpener", "Source", "open_file"]

SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE
BATCH = 16
"""Chunks opened before their plaintext is given: 1 MiB."""


class Source(Protocol):
    """Stored bytes, in order: a file, or what reads like one."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a buffer as far as there are bytes; give how many."""


class SegmentOpener:
    """Opens chunks of one segment, in any order."""

    def __init__(self, secret: bytes, name: SegmentName, sealed: int) -> None:
        """Take its secret and its bytes of ciphertext. Raises TruncatedError when no segment has that size."""
        self._cipher = AESGCM(dealing.chunk_key(secret, name))
        self._context = sha256(name.context("chunk")).digest()
        self._last = plain_size(sealed) // CHUNK_SIZE

    def open_into(self, first: int, sealed: memoryview, plain: memoryview) -> int:
        """Open the chunks from number `first` on (from 0) into `plain`; give the bytes. Raises TamperedError."""
        place = 0
        for index, start in enumerate(range(0, len(sealed), SEALED_CHUNK), first):
            place += self._open(index, sealed[start : start + SEALED_CHUNK], plain[place:])
        return place

    def _open(self, index: int, sealed: memoryview, plain: memoryview) -> int:
        told = self._context + index.to_bytes(8, "big") + bytes([index == self._last])
        size = len(sealed) - TAG_SIZE
        try:
            self._cipher.decrypt_into(index.to_bytes(12, "big"), sealed, told, plain[:size])
        except (InvalidTag, ValueError) as error:
            kind = TruncatedError if index == self._last else TamperedError
            raise kind(f"chunk {index} does not authenticate") from error
        return size


def open_file(
    file: SealedFile, envelope: EnvelopeName, secrets: tuple[bytes, ...], source: Source
) -> Iterator[memoryview]:
    """Give the plaintext of a file in order, each piece good until the next is asked for; wiped at the end.

    Raises TamperedError when the stored bytes are not those that were sealed.
    """
    sealed, plain = memoryview(bytearray(BATCH * SEALED_CHUNK)), memoryview(bytearray(BATCH * CHUNK_SIZE))
    try:
        for segment, secret in zip(file.segments, secrets, strict=True):
            opener = SegmentOpener(secret, envelope.segment(*segment.place), segment.size)
            for start in range(0, segment.size, len(sealed)):
                wanted = sealed[: min(len(sealed), segment.size - start)]
                _fill(source, wanted)
                yield plain[: opener.open_into(start // SEALED_CHUNK, wanted, plain)]
        if source.readinto(sealed[:1]):
            raise TamperedError("there are more bytes than the envelope names")
    finally:
        plain[:] = bytes(len(plain))


def _fill(source: Source, wanted: memoryview) -> None:
    while wanted:
        got = source.readinto(wanted)
        if not got:
            raise TruncatedError("the stored bytes end too early")
        wanted = wanted[got:]
