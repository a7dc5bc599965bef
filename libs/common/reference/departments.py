"""French departments and overseas collectivities; their code is text: 01, 2A, 971."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from libs.common.reference.tables import fold, rows

__all__ = ["Department", "every", "get", "named", "of_commune", "of_postal_code", "of_region"]


@dataclass(frozen=True, slots=True)
class Department:
    """A department."""

    code: str
    name: str
    region: str
    region_name: str
    nuts: str | None
    latitude: float | None
    longitude: float | None


@cache
def every() -> dict[str, Department]:
    """Give all departments by their code."""
    return {row[0]: _department(row) for row in rows("departments")}


def get(code: str) -> Department | None:
    """Give a department by its code, None if there is none such."""
    return every().get(code)


@cache
def _by_name() -> dict[str, Department]:
    return {fold(department.name): department for department in every().values()}


def named(name: str) -> Department | None:
    """Find a department by its name, whatever its accents and capitals."""
    return _by_name().get(fold(name))


def of_region(region: str) -> tuple[Department, ...]:
    """Give the departments of a region, by its INSEE code: 27 for Bourgogne-Franche-Comté."""
    return tuple(department for department in every().values() if department.region == region)


def of_commune(insee: str) -> str | None:
    """Give the department of an INSEE commune code: 2A004 gives 2A, 97105 gives 971."""
    code = insee[:3] if insee[:2] in ("97", "98") else insee[:2]
    return code if code in every() else None


def of_postal_code(postal_code: str) -> str | None:
    """Give the department of a postal code of 5 digits, by the communes that bear it, else by its first digits.

    A few postal codes cross a border: the department of most of their communes is given.
    """
    from libs.common.reference import communes  # noqa: PLC0415  # the large table is read only when asked

    found = [commune.department for commune in communes.with_postal_code(postal_code)]
    if found:
        return max(sorted(set(found)), key=found.count)
    if len(postal_code) != 5 or not postal_code.isdigit():
        return None
    if postal_code[:2] == "20":
        return "2A" if postal_code[2] in "01" else "2B"
    return of_commune(postal_code)


def _department(row: list[str]) -> Department:
    code, name, region, region_name, nuts, latitude, longitude = row
    return Department(code, name, region, region_name, nuts or None, _number(latitude), _number(longitude))


def _number(text: str) -> float | None:
    return float(text) if text else None
