"""What everything in the scheme is bound to: consultation, bid, file, segment, written one way (RFC 8785)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import rfc8785

from services.bids.sealing.errors import EnvelopeError

__all__ = ["MANIFEST_FILE", "SCHEME", "BidName", "SegmentName", "canonical", "from_text", "to_text"]

SCHEME: Final = "halles-seal-1"
"""The name and version of the scheme; it stands in every binding."""
MANIFEST_FILE = 0
"""The file number of the sealed manifest."""


def canonical(value: Any) -> bytes:  # noqa: ANN401  # any JSON value
    """Give the one JSON text of a value (RFC 8785)."""
    return rfc8785.dumps(value)


def to_text(data: bytes) -> str:
    """Write bytes as base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """Read base64url without padding. Raises EnvelopeError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError("not base64url") from error


@dataclass(frozen=True, slots=True)
class BidName:
    """One bid of one consultation (its procedure's id), under one key set."""

    consultation: UUID
    bid: UUID
    fingerprint: str
    """Of the key set: hexadecimal SHA-256."""

    def segment(self, file: int, segment: int) -> SegmentName:
        """Name one of its segments; files and segments count from 1, file 0 is the sealed manifest."""
        return SegmentName(self, file, segment)


@dataclass(frozen=True, slots=True)
class SegmentName:
    """One segment of one file of a bid."""

    bid: BidName
    file: int
    segment: int

    def context(self, purpose: str, *more: str | int) -> bytes:
        """Give the binding of this segment for one purpose."""
        bid = self.bid
        place = [str(bid.consultation), str(bid.bid), self.file, self.segment]
        return canonical([SCHEME, purpose, bid.fingerprint, *place, *more])
