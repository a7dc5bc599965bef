"""What can be wrong with a sealed bid, its shares or its tools.

SealingError
├─ TamperedError          a chunk does not authenticate
│  └─ TruncatedError      the authenticated last chunk is missing
├─ EnvelopeError          the envelope contradicts itself or the consultation
├─ ShareError             a share is not the one that was dealt: says whose
├─ TooFewSharesError      fewer than k: says how many are missing
├─ BadlySealedError       its maker sealed it badly: carries the proof
└─ ProofError             no valid proof that the deadline has passed
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "BadlySealedError",
    "EnvelopeError",
    "ProofError",
    "SealingError",
    "ShareError",
    "TamperedError",
    "TooFewSharesError",
    "TruncatedError",
]


class SealingError(Exception):
    """The base of all of them."""


class TamperedError(SealingError):
    """A chunk does not authenticate: altered, moved, of another bid, or sealed with another key."""


class TruncatedError(TamperedError):
    """The ciphertext ends before its authenticated last chunk."""


class EnvelopeError(SealingError):
    """The envelope contradicts itself, its bid or the key set of the consultation."""


class ShareError(SealingError):
    """A share is not the one that was dealt to this officer."""

    def __init__(self, officer: str, message: str) -> None:
        super().__init__(f"{officer}: {message}")
        self.officer = officer


class TooFewSharesError(SealingError):
    """Fewer shares than the threshold asks for."""

    def __init__(self, present: int, threshold: int) -> None:
        super().__init__(f"{present} of {threshold} shares")
        self.missing = threshold - present


class BadlySealedError(SealingError):
    """The bidder's dealing is not the one that the scheme prescribes; `proof` lets anybody check it again."""

    def __init__(self, message: str, proof: Mapping[str, object]) -> None:
        super().__init__(message)
        self.proof = dict(proof)


class ProofError(SealingError):
    """There is no valid time stamp later than the deadline: the shares stay closed."""
