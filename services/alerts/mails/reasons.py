"""Why a search found a notice, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["tell"]

_WORDS: dict[str, tuple[str, str]] = {
    "words": ("mot « {found} »", "word “{found}”"),
    "any": ("mot « {found} »", "word “{found}”"),
    "phrases": ("expression « {found} »", "phrase “{found}”"),
    "either": ("« {found} »", "“{found}”"),
    "cpv": ("code CPV {found}", "CPV code {found}"),
    "departments": ("département {found}", "department {found}"),
    "regions": ("région {found}", "region {found}"),
    "communes": ("commune {found}", "commune {found}"),
    "national": ("sans lieu d'exécution désigné", "no place of performance told"),
    "near": ("à {found}", "{found} away"),
    "procedures": ("procédure {found}", "procedure {found}"),
    "natures": ("nature {found}", "nature {found}"),
    "contracts": ("type de contrat {found}", "kind of contract {found}"),
    "techniques": ("technique {found}", "technique {found}"),
    "clauses": ("clause {found}", "clause {found}"),
    "languages": ("langue {found}", "language {found}"),
    "buyers": ("acheteur {found}", "buyer {found}"),
    "deadline_days": ("{found} jours avant la date limite", "{found} days before the deadline"),
    "value": ("montant {found} € HT", "value {found} EUR excl. tax"),
}
_UNKNOWN_VALUE = ("montant inconnu", "unknown value")


def tell(reasons: Sequence[Mapping[str, Any]], language: str) -> str:
    """Give the reasons of a match in one line."""
    column = 0 if language == "fr" else 1
    return ", ".join(dict.fromkeys(_tell(reason, column) for reason in reasons))


def _tell(reason: Mapping[str, Any], column: int) -> str:
    if reason["criterion"] == "value" and reason["found"] == "unknown":
        return _UNKNOWN_VALUE[column]
    return _WORDS[reason["criterion"]][column].format(found=reason["found"])
