"""Malware scanning of what an opening found: ciphertext cannot be scanned, so it comes after (docs/openings.md)."""

from services.bids.scanning.port import MALWARE_FOUND, NoScanner, Scanner, ScannerAwayError, Verdict

__all__ = ["MALWARE_FOUND", "NoScanner", "Scanner", "ScannerAwayError", "Verdict"]
