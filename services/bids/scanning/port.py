"""What scans a file, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["MALWARE_FOUND", "NoScanner", "Scanner", "ScannerAwayError", "Verdict"]

MALWARE_FOUND = "malware found"
"""The step of an opening that the journal of evidence keeps for a bid: it lets its backup copy be opened."""
ScanState = Literal["clean", "infected", "unscanned"]


class ScannerAwayError(Exception):
    """The scanner does not answer, or not to this file: it says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said of a file."""

    scan: ScanState
    threat: str | None = None
    """The name the scanner gives to what it found; None unless infected."""
    reason: str | None = None
    """Why it was not scanned; None otherwise."""


class Scanner(Protocol):
    """Looks for malware."""

    async def scan(self, content: AsyncIterator[bytes]) -> Verdict:
        """Scan a file as its bytes come. Raises ScannerAwayError."""


class NoScanner:
    """No scanner is configured (`HALLES_CLAMD`): files are served unscanned, and the report says so."""

    async def scan(self, content: AsyncIterator[bytes]) -> Verdict:
        """Give `unscanned`; the content is not read."""
        del content
        return Verdict("unscanned", reason="no scanner is configured")
