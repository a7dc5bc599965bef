"""What everything in the scheme is bound to: consultation, bid, envelope, part, segment, written one way (RFC 8785)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import rfc8785

from services.bids.sealing.errors import EnvelopeError

__all__ = ["MANIFEST_FILE", "SCHEME", "EnvelopeName", "SegmentName", "canonical", "from_text", "to_text"]

SCHEME: Final = "halles-seal-2"
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
class EnvelopeName:
    """One envelope of one bid of one consultation (its procedure's id), under one key set."""

    consultation: UUID
    bid: UUID
    number: int
    """Of the envelope in its bid, from 1."""
    fingerprint: str
    """Of the key set: hexadecimal SHA-256."""

    def segment(self, part: int, segment: int) -> SegmentName:
        """Name one of its segments.

        `part` is the number of the upload under which it was sealed: its file's, unless the file was put together from
        several uploads. Parts and segments count from 1; part 0 is the sealed manifest.
        """
        return SegmentName(self, part, segment)


@dataclass(frozen=True, slots=True)
class SegmentName:
    """One segment of one part of an envelope."""

    envelope: EnvelopeName
    part: int
    segment: int

    def context(self, purpose: str, *more: str | int) -> bytes:
        """Give the binding of this segment for one purpose."""
        within = self.envelope
        place = [str(within.consultation), str(within.bid), within.number, self.part, self.segment]
        return canonical([SCHEME, purpose, within.fingerprint, *place, *more])
