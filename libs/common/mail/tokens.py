"""The token of a link in a mail: who it is for, and since which wish of theirs; signed, so that nobody makes one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

__all__ = ["read_token", "write_token"]

_MAC = 16
_LENGTH = 16 + 4 + _MAC


def write_token(secret: str, person: UUID, generation: int, *, purpose: str = "unsubscribe") -> str:
    """Give the token of a person, for a wish of theirs and one purpose."""
    content = person.bytes + generation.to_bytes(4, "big")
    return base64.urlsafe_b64encode(content + _sign(secret, purpose, content)).rstrip(b"=").decode()


def read_token(secret: str, token: str, *, purpose: str = "unsubscribe") -> tuple[UUID, int] | None:
    """Give the person and the wish of a token; None when we did not make it for this purpose."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    content, mac = raw[:-_MAC], raw[-_MAC:]
    if len(raw) != _LENGTH or not hmac.compare_digest(mac, _sign(secret, purpose, content)):
        return None
    return UUID(bytes=content[:16]), int.from_bytes(content[16:], "big")


def _sign(secret: str, purpose: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), f"{purpose}:".encode() + content, hashlib.sha256)[:_MAC]
