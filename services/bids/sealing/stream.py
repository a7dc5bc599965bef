"""A segment as authenticated chunks: AES-256-GCM, 64 KiB each, a last one that is always shorter.

Nonce = index of the chunk (96 bits, big endian): the key is fresh for each segment, so no nonce repeats. Associated
data = SHA-256 of the segment's context, the index, and whether it is the last chunk. A chunk altered, moved, repeated,
taken from another bid, or a missing end does not authenticate.
"""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.bids.sealing.errors import TamperedError, TruncatedError

__all__ = ["CHUNK_SIZE", "TAG_SIZE", "Opener", "Sealer", "plain_size", "sealed_size"]

CHUNK_SIZE = 64 * 1024
"""Bytes of plaintext in a chunk; the last chunk holds 0 to CHUNK_SIZE - 1."""
TAG_SIZE = 16
"""Bytes of the authentication tag of each chunk."""
_SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE


def sealed_size(plain: int) -> int:
    """Give the bytes of ciphertext of a segment of `plain` bytes."""
    return plain + TAG_SIZE * (plain // CHUNK_SIZE + 1)


def plain_size(sealed: int) -> int:
    """Give the bytes of plaintext of a segment. Raises TruncatedError when no segment has that size."""
    chunks, rest = divmod(sealed, _SEALED_CHUNK)
    if rest < TAG_SIZE:
        raise TruncatedError(f"no segment has {sealed} bytes")
    return chunks * CHUNK_SIZE + rest - TAG_SIZE


class _Chunks:
    """What sealing and opening share: the key, the position, the bytes waiting for a whole chunk."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._cipher = AESGCM(key)
        self._context = sha256(context).digest()
        self._index = 0
        self._waiting = bytearray()

    def _take(self, size: int) -> bytes:
        chunk = bytes(self._waiting[:size])
        del self._waiting[:size]
        return chunk

    def _nonce_and_data(self, *, final: bool) -> tuple[bytes, bytes]:
        index = self._index
        self._index += 1
        return index.to_bytes(12, "big"), self._context + index.to_bytes(8, "big") + bytes([final])


class Sealer(_Chunks):
    """Seals one segment as its bytes come."""

    def update(self, data: bytes) -> bytes:
        """Take plaintext; give the ciphertext of the chunks that are full."""
        self._waiting += data
        sealed = bytearray()
        while len(self._waiting) >= CHUNK_SIZE:
            sealed += self._seal(self._take(CHUNK_SIZE), final=False)
        return bytes(sealed)

    def finish(self) -> bytes:
        """Give the last, short chunk."""
        return self._seal(self._take(CHUNK_SIZE), final=True)

    def _seal(self, chunk: bytes, *, final: bool) -> bytes:
        nonce, data = self._nonce_and_data(final=final)
        return self._cipher.encrypt(nonce, chunk, data)


class Opener(_Chunks):
    """Opens one segment as its bytes come. Plaintext it gives is authentic, but complete only after `finish`."""

    def update(self, data: bytes) -> bytes:
        """Take ciphertext; give the plaintext of the chunks that are whole. Raises TamperedError."""
        self._waiting += data
        opened = bytearray()
        while len(self._waiting) >= _SEALED_CHUNK:
            opened += self._open(self._take(_SEALED_CHUNK), final=False)
        return bytes(opened)

    def finish(self) -> bytes:
        """Give the plaintext of the last chunk. Raises TruncatedError when it is missing, TamperedError."""
        if len(self._waiting) < TAG_SIZE:
            raise TruncatedError("the last chunk is missing")
        try:
            return self._open(self._take(_SEALED_CHUNK), final=True)
        except TamperedError as error:
            raise TruncatedError("the last chunk is missing or altered") from error

    def _open(self, chunk: bytes, *, final: bool) -> bytes:
        nonce, data = self._nonce_and_data(final=final)
        try:
            return self._cipher.decrypt(nonce, chunk, data)
        except InvalidTag as error:
            raise TamperedError(f"chunk {self._index - 1} does not authenticate") from error
