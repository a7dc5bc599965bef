"""The administrative court that a buyer's decisions are brought before: the default review body of a French notice.

Source: code of administrative justice, articles R221-1 (names) and R221-3 (seats and jurisdictions, as of 2024). City, postal
code and region are those of the commune in the geographic code. The identifier is the court's code in the open data of the
administrative courts: TA and the department of its seat. Overseas courts have codes of another form: the buyer gives them.
"""

from __future__ import annotations

from typing import Final

from libs.common.reference import nuts
from services.notices.content import ReviewBody

__all__ = ["court_of"]

_COURTS: Final = (
    "Amiens 80000 80 02 60",
    "Bastia 20200 2B 2A",
    "Besançon 25000 25 39 70 90",
    "Bordeaux 33000 33 24 47",
    "Caen 14000 14 50 61",
    "Cergy-Pontoise 95000 95 92",
    "Châlons-en-Champagne 51000 51 08 10 52",
    "Clermont-Ferrand 63000 63 03 15 43",
    "Dijon 21000 21 58 71 89",
    "Grenoble 38000 38 26 73 74",
    "Lille 59000 59 62",
    "Limoges 87000 87 19 23 36",
    "Lyon 69003 69 01 07 42",
    "Marseille 13002 13 04 05",
    "Melun 77000 77 94",
    "Montpellier 34000 34 11 66",
    "Montreuil 93100 93",
    "Nancy 54000 54 55 88",
    "Nantes 44000 44 49 53 72 85",
    "Nice 06000 06",
    "Nîmes 30000 30 48 84",
    "Orléans 45000 45 18 28 37 41",
    "Paris 75004 75",
    "Pau 64000 64 32 40 65",
    "Poitiers 86000 86 16 17 79",
    "Rennes 35000 35 22 29 56",
    "Rouen 76000 76 27",
    "Strasbourg 67000 67 57 68",
    "Toulon 83000 83",
    "Toulouse 31000 31 09 12 46 81 82",
    "Versailles 78000 78 91",
)
"""Seat, postal code, department of the seat, other departments."""


def court_of(department: str | None) -> ReviewBody | None:
    """Give the administrative court of a department; None overseas, where the buyer names it."""
    return _BY_DEPARTMENT.get(department or "")


def _court(row: str) -> tuple[ReviewBody, tuple[str, ...]]:
    seat, postal_code, *departments = row.split()
    code = "TA20" if departments[0] == "2B" else f"TA{departments[0]}"
    body = ReviewBody(
        name=f"Tribunal administratif de {seat}",
        identifier=code,
        city=seat,
        postal_code=postal_code,
        nuts=nuts.of_department(departments[0]),
    )
    return body, tuple(departments)


_BY_DEPARTMENT: Final = {department: body for row in _COURTS for body, found in [_court(row)] for department in found}
