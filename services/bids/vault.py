"""What wraps the keys of openings: a port, so that a key management system can be put behind it.

Each opening has a key of its own, wrapped here; the database alone opens nothing. Destroying a wrapped key destroys what
its opening found.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

__all__ = ["KeyVault", "LocalVault", "VaultError", "unwrap", "wrap"]

_NONCE = 12
_KEY = 32  # bytes


class VaultError(Exception):
    """No key of the vault opens this: it was wrapped by another one, or altered."""


class KeyVault(Protocol):
    """Wraps 32-byte keys under one that never leaves it."""

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap a key, bound to its context."""

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give a key back. Raises VaultError."""


class LocalVault:
    """Keys of this machine, the newest first: of a file, or derived from the platform's secret where there is none."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def load(cls, path: Path, secrets: Sequence[SecretStr] = ()) -> Self:
        """Read keys of 32 bytes in base64, one a line; the first one wraps, all unwrap, those derived from `secrets` too.

        Raises ValueError, OSError.
        """
        keys = [b64decode(line, validate=True) for line in path.read_text().split()]
        if not keys or any(len(each) != _KEY for each in keys):
            raise ValueError(f"{path}: lines of 32 bytes in base64 are expected")
        return cls([*keys, *map(_derived, secrets)])

    @classmethod
    def derived(cls, secrets: Sequence[SecretStr]) -> Self:
        """Derive keys from the platform's secrets, the present one first."""
        return cls([_derived(each) for each in secrets])

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap a key, bound to its context."""
        return wrap(self._keys[0], key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Give a key back. Raises VaultError."""
        for each in self._keys:
            with suppress(VaultError):
                return unwrap(each, wrapped, context)
        raise VaultError("no key of the vault opens this")


def _derived(secret: SecretStr) -> bytes:
    return hmac.digest(secret.get_secret_value().encode(), b"bids:openings", hashlib.sha256)


def wrap(key: bytes, content: bytes, context: bytes) -> bytes:
    """Seal secrets under a key: a random nonce, then AES-256-GCM."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, context)


def unwrap(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Give back what `wrap` sealed. Raises VaultError."""
    try:
        return AESGCM(key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise VaultError("another key, or altered") from error
