"""What the Journal asks of the bids received for a lot: how many, from where, from firms of which size (BT-759, BT-760)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

__all__ = ["Size", "country_of", "submissions"]

Size = Literal["micro", "small", "medium", "large"]
_EEA: Final = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
"""ISO 3166-1 alpha-2 codes of the European Economic Area."""
_NORDIC: Final = {"NOR": "NO", "ISL": "IS", "LIE": "LI"}
"""Of the Area and outside the Union: known by a national number."""
_SIZES: Final[Mapping[Size, str]] = {"micro": "t-micro", "small": "t-small", "medium": "t-med", "large": "t-large"}
_FRENCH: Final = frozenset({"SIRET", "TAHITI", "RIDET", "FRWF", "IREP"})


def country_of(organisation: str) -> str | None:
    """Give the ISO 3166-1 alpha-2 code of the country that an identifier tells; None when it tells none we know."""
    scheme, _, value = organisation.partition(":")
    if scheme in _FRENCH:
        return "FR"
    if scheme in {"TVA", "HORS-UE"}:
        return {"EL": "GR", "XI": "GB"}.get(value[:2], value[:2])
    return _NORDIC.get(value[:3])


def submissions(bidders: Sequence[str], sizes: Mapping[str, Size]) -> dict[str, int]:
    """Count the bids received, by received-submission-type; `bidders` by organisation, one for each bid.

    All came by electronic means: they came here. Countries are counted where all are known, sizes where all were given.
    """
    counted = {"t-esubm": len(bidders)}
    countries = [country_of(each) for each in bidders]
    if None not in countries:
        counted["t-oth-eea"] = sum(each in _EEA and each != "FR" for each in countries)
        counted["t-no-eea"] = sum(each not in _EEA for each in countries)
    if bidders and all(each in sizes for each in bidders):
        told = [sizes[each] for each in bidders]
        counted |= {code: told.count(size) for size, code in _SIZES.items()}
        counted["t-sme"] = len(told) - told.count("large")
    return counted
