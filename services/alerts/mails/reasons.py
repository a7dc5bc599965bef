"""Why a search found a notice, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["tell"]

_WORDS: dict[str, tuple[str, str]] = {
    "words": ("mot « {found} »", "word “{found}”"),
    "any": ("mot « {found} »", "word “{found}”"),
    "phrases": ("expression « {found} »", "phrase “{found}”"),
    "cpv": ("code CPV {found}", "CPV code {found}"),
    "departments": ("département {found}", "department {found}"),
    "near": ("à {found}", "{found} away"),
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
