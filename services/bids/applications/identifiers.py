"""Identifiers of companies, French and foreign, in the schemes of the French essential data (DECP). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["EUROPEAN_UNION", "identifier_problem", "luhn"]

Problem = tuple[str, str]
"""What is wrong, in French and in English."""

LA_POSTE: Final = "356000000"
"""SIREN whose establishments may follow a rule of their own: the sum of the 14 digits is a multiple of 5 (INSEE)."""

_VAT: Final[Mapping[str, str]] = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}",
    "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}", "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"\d[A-Z0-9]\d{5}[A-Z]|\d{7}[A-W][A-I]",
    "IT": r"\d{11}", "LT": r"\d{9}|\d{12}", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}",
    "XI": r"\d{9}|\d{12}|GD\d{3}|HA\d{3}",
}  # fmt: skip
"""The form of a VAT number after its country (VIES); Greece writes EL, Northern Ireland XI (directive 2006/112/EC, 215)."""
EUROPEAN_UNION: Final = frozenset(_VAT) - {"XI", "EL"} | {"GR"}
"""ISO 3166-1 alpha-2 codes of the member states."""


def luhn(digits: str) -> bool:
    """Check the last digit of a SIREN or SIRET (ISO/IEC 7812-1)."""
    numbers = [int(each) for each in reversed(digits)]
    doubled = [each * 2 for each in numbers[1::2]]
    return (sum(numbers[::2]) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0


def identifier_problem(organisation: str) -> Problem | None:
    """Say what is wrong with `scheme:identifier`, beyond its form; None when it is fit.

    Checked: the key of a SIRET, the form of a VAT number in its country and the key of a French one, that a company named
    outside the Union is. Other schemes have no public key to check.
    """
    scheme, _, value = organisation.partition(":")
    checks = {"SIRET": _siret, "TVA": _vat, "HORS-UE": _outside}
    return checks[scheme](value) if scheme in checks else None


def _siret(value: str) -> Problem | None:
    if not re.fullmatch(r"[0-9]{14}", value):
        return "un SIRET a 14 chiffres", "a SIRET has 14 digits"
    by_sum = value.startswith(LA_POSTE) and sum(map(int, value)) % 5 == 0
    if by_sum or (luhn(value) and luhn(value[:9])):
        return None
    return "la clé de ce SIRET est fausse : vérifiez ses chiffres", "the key of this SIRET is wrong"


def _vat(value: str) -> Problem | None:
    country, number = value[:2], value[2:]
    form = _VAT.get(country)
    if form is None:
        return (
            f"« {country} » n'est pas un pays de numéros de TVA de l'Union (la Grèce s'écrit EL)",
            f"{country} has no VAT numbers of the Union (Greece is EL)",
        )
    if not re.fullmatch(form, number, re.ASCII):
        return f"ce numéro de TVA n'a pas la forme de ceux du pays {country}", f"not a VAT number of {country}"
    if country == "FR" and not _french_key(number):
        return "la clé de ce numéro de TVA est fausse : vérifiez ses chiffres", "the key of this VAT number is wrong"
    return None


def _french_key(number: str) -> bool:
    """Check the key of a French VAT number: of the SIREN modulo 97; keys with a letter have no public rule."""
    key, siren = number[:2], number[2:]
    return not key.isdigit() or int(key) == (12 + 3 * (int(siren) % 97)) % 97


def _outside(value: str) -> Problem | None:
    if value[:2] in EUROPEAN_UNION:
        return (
            f"{value[:2]} est dans l'Union : donnez le numéro de TVA (TVA:...) ou le SIRET",
            f"{value[:2]} is in the Union: give the VAT number or the SIRET",
        )
    return None
