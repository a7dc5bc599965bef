"""What a bid is judged to be, and what is asked of a bidder; the words and the articles of each, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

__all__ = ["ASKS", "LEAST", "WORDS", "RequestKind", "Verdict"]


class Verdict(StrEnum):
    """Whether a bid may be ranked, and why not."""

    ADMISSIBLE = "admissible"
    IRREGULAR = "irregular"
    UNACCEPTABLE = "unacceptable"
    INAPPROPRIATE = "inappropriate"
    APPLICATION_REJECTED = "application-rejected"
    ABNORMALLY_LOW = "abnormally-low"


WORDS: Final[Mapping[Verdict, str]] = {
    Verdict.ADMISSIBLE: "Offre régulière, acceptable et appropriée",
    Verdict.IRREGULAR: "Offre irrégulière (art. L2152-2 CCP)",
    Verdict.UNACCEPTABLE: "Offre inacceptable (art. L2152-3 CCP)",
    Verdict.INAPPROPRIATE: "Offre inappropriée (art. L2152-4 CCP)",
    Verdict.APPLICATION_REJECTED: "Candidature irrecevable (art. R2144-7 CCP)",
    Verdict.ABNORMALLY_LOW: "Offre anormalement basse, explications insuffisantes (art. L2152-6 et R2152-4 CCP)",
}


class RequestKind(StrEnum):
    """What the buyer asks of a bidder after the opening."""

    APPLICATION = "application"
    PRECISION = "precision"
    REGULARISATION = "regularisation"
    EXPLANATION = "explanation"
    PROOFS = "proofs"


ASKS: Final[Mapping[RequestKind, str]] = {
    RequestKind.APPLICATION: "Complétez votre candidature (art. R2144-2 CCP)",
    RequestKind.PRECISION: "Précisez la teneur de votre offre (art. R2161-5 CCP)",
    RequestKind.REGULARISATION: "Régularisez votre offre (art. R2152-1 et R2152-2 CCP)",
    RequestKind.EXPLANATION: "Justifiez le montant de votre offre (art. L2152-6 et R2152-3 CCP)",
    RequestKind.PROOFS: "Justifiez de votre situation fiscale et sociale (art. R2144-4 et R2143-6 à R2143-10 CCP)",
}
LEAST: Final = timedelta(hours=24)
"""A bidder has a day at least: the law asks an appropriate and same delay for all (R2144-2, R2152-2)."""
