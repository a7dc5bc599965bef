"""What an endpoint answers: whether that is a success, when it wants to be asked again, what of its words is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["Answer", "kept", "retry_after"]

KEPT: Final = 512
"""Characters kept of an answer."""
_GONE = 410
_THROTTLED = frozenset({429, 503})
_SECRETS = re.compile(
    r"""whsec_\S+ | whsk_\S+ | v1a?,[A-Za-z0-9+/=]{20,}
      | (?:bearer|basic)\s+[\w.~+/=-]{8,}
      | eyJ[\w-]{8,}\.[\w-]+\.[\w-]*
      | -----BEGIN[^-]*-----.*?(?:-----END[^-]*-----|\Z)
      | (?<=://)[^\s/@]+@
      | authorization["']?\s*[:=]\s*["']?(?:\w+\s+)?[^\s"',;&<}]+
      | (?:pass\w*|mot_?de_?passe|secret\w*|\w*token|api[_-]?key|cookie|session\w*)["']?\s*[:=]\s*["']?[^\s"',;&<}]+
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint said: a status, or why there is none."""

    status: int | None
    error: str | None
    seconds: float
    retry_after: float | None = None
    """Seconds, as the endpoint asked."""
    text: str | None = None
    """The beginning of its answer, without what looks like a secret."""

    @property
    def accepted(self) -> bool:
        """Any 2xx; a redirect is a failure, never followed."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The endpoint wants nothing more, ever."""
        return self.status == _GONE

    @property
    def hold(self) -> float | None:
        """Seconds for which the endpoint wants to be left alone: it has too much to do (429, 503) and says until when."""
        return self.retry_after if self.status in _THROTTLED else None

    @property
    def outcome(self) -> str:
        """Give one word for figures: accepted, redirect, client, server, timeout, forbidden or unreachable."""
        if self.status is not None:
            return {2: "accepted", 3: "redirect", 4: "client"}.get(self.status // 100, "server")
        known = (self.error or "").partition(" ")[0]
        return known if known in {"timeout", "forbidden"} else "unreachable"


def retry_after(given: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date; None for what is neither, or past."""
    text = given.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 7 else 1e6
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return seconds if seconds > 0 else None


def kept(read: bytes) -> str | None:
    """Give what is kept of an answer: readable, short, without what looks like a secret."""
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", read.decode("utf-8", "replace"))
    return _SECRETS.sub("[...]", text[: 4 * KEPT])[:KEPT].strip() or None
