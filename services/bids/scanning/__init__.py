"""Malware scanning of what an opening found: ciphertext cannot be scanned, so it comes after (docs/openings.md)."""

from services.bids.scanning.port import NoScanner, Scanner, ScannerAwayError, Verdict

__all__ = ["NoScanner", "Scanner", "ScannerAwayError", "Verdict"]
