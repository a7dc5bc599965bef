"""What the old formats leave to their time and place: countries, languages, zones, and the regions (NUTS) of before 2018."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from libs.common.reference import nuts

__all__ = ["Country", "country", "language", "present_region"]

_LANGUAGES: Final = {
    "BG": "BUL", "CS": "CES", "DA": "DAN", "DE": "DEU", "EL": "ELL", "EN": "ENG", "ES": "SPA", "ET": "EST", "FI": "FIN",
    "FR": "FRA", "GA": "GLE", "HR": "HRV", "HU": "HUN", "IS": "ISL", "IT": "ITA", "LT": "LIT", "LV": "LAV", "MK": "MKD",
    "MT": "MLT", "NL": "NLD", "NO": "NOR", "PL": "POL", "PT": "POR", "RO": "RON", "SK": "SLK", "SL": "SLV", "SV": "SWE",
}  # fmt: skip
"""ISO 639-1 to 639-3."""
_REGIONS: Final = {
    "FR21": "FRF2", "FR22": "FRE2", "FR23": "FRD2", "FR24": "FRB0", "FR25": "FRD1", "FR26": "FRC1", "FR30": "FRE1",
    "FR3": "FRE1", "FR41": "FRF3", "FR42": "FRF1", "FR43": "FRC2", "FR51": "FRG0", "FR52": "FRH0", "FR53": "FRI3",
    "FR61": "FRI1", "FR62": "FRJ2", "FR63": "FRI2", "FR71": "FRK2", "FR72": "FRK1", "FR81": "FRJ1", "FR82": "FRL0",
    "FR83": "FRM0", "FR91": "FRY1", "FR92": "FRY2", "FR93": "FRY3", "FR94": "FRY4", "FRA1": "FRY1", "FRA2": "FRY2",
    "FRA3": "FRY3", "FRA4": "FRY4", "FRA5": "FRY5",
}  # fmt: skip
"""French regions of NUTS 2010 and 2013 to those of 2016 (regulation (EU) 2016/2066): the last figure of a department stays."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country."""

    alpha3: str
    zone: ZoneInfo


@cache
def _countries() -> dict[str, Country]:
    lines = Path(__file__).with_name("countries.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {code: Country(alpha3, ZoneInfo(zone)) for code, alpha3, zone in rows}


def country(code: str | None) -> Country | None:
    """Give a country by the code that TED wrote (UK, EL too); None for one that we do not know."""
    return _countries().get((code or "").strip().upper())


def language(code: str | None) -> str | None:
    """Give a language as eForms writes it: FR gives FRA."""
    return _LANGUAGES.get((code or "").strip().upper())


def present_region(code: str) -> str:
    """Give the present code of a French region of before 2018 (FR716 gives FRK26); any other code as it is."""
    if nuts.exists(code):
        return code
    head = next((old for old in (code[:4], code[:3]) if old in _REGIONS and len(code) - len(old) <= 1), None)
    present = _REGIONS[head] + code[len(head) :] if head else code
    return present if nuts.exists(present) else code
