"""Statistical regions (NUTS, regulation (EC) 1059/2003): the codes that eForms accepts, and French level 3 = department."""

from __future__ import annotations

from functools import cache

from libs.common.reference.tables import rows

__all__ = ["department", "exists", "label", "level", "of_department"]


@cache
def _labels() -> dict[str, str]:
    return {row[0]: row[1] for row in rows("nuts")}


@cache
def _departments() -> dict[str, str]:
    return {row[4]: row[0] for row in rows("departments") if row[4]}


def exists(code: str) -> bool:
    """Say whether the list holds this code."""
    return code in _labels()


def label(code: str) -> str | None:
    """Give the region's own name, None for an unknown code."""
    return _labels().get(code)


def level(code: str) -> int:
    """Give the level of a code: 0 a country, 1 to 3 its regions (level 3 alone is accepted in BT-5071)."""
    return max(len(code) - 2, 0)


def department(code: str) -> str | None:
    """Give the French department of a NUTS level 3 code: FRC11 gives 21. None outside France and above level 3."""
    return _departments().get(code)


@cache
def _codes() -> dict[str, str]:
    return {number: code for code, number in _departments().items()}


def of_department(number: str) -> str | None:
    """Give the NUTS level 3 code of a department: 21 gives FRC11; None for an unknown one and some overseas ones."""
    return _codes().get(number)
