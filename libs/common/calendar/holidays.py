"""Public holidays by law: the eleven of the whole Republic, those of Alsace-Moselle, those of each overseas territory.

Own data, since what libraries count as holidays overseas mixes law with custom (Mid-Lent in Guadeloupe), and a period
ends a day later for the first and not for the second. Days that the law fixes: L3133-1 (the whole country), L3134-13
(Alsace-Moselle), L3422-2 (abolition of slavery, overseas) of the code du travail; the own statutes of the Pacific
territories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Final

from libs.common.calendar.territories import Territory

__all__ = ["Holiday", "easter", "holiday", "holidays"]


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday."""

    day: date
    name: str
    name_en: str


_FIXED: Final = (
    (1, 1, "Jour de l'an", "New Year's Day"),
    (5, 1, "Fête du Travail", "Labour Day"),
    (5, 8, "Victoire de 1945", "Victory in Europe Day"),
    (7, 14, "Fête nationale", "Bastille Day"),
    (8, 15, "Assomption", "Assumption"),
    (11, 1, "Toussaint", "All Saints' Day"),
    (11, 11, "Armistice de 1918", "Armistice Day"),
    (12, 25, "Noël", "Christmas Day"),
)
_MOVING: Final = (
    (1, "Lundi de Pâques", "Easter Monday"),
    (39, "Ascension", "Ascension Day"),
    (50, "Lundi de Pentecôte", "Whit Monday"),
)
"""Days after Easter Sunday."""
_ABOLITION: Final = ("Abolition de l'esclavage", "Abolition of slavery")
_T = Territory
_LOCAL: Final[Mapping[Territory, tuple[tuple[int, int, str, str], ...]]] = {
    _T.ALSACE_MOSELLE: ((12, 26, "Saint-Étienne", "Saint Stephen's Day"),),
    _T.GUADELOUPE: ((5, 27, *_ABOLITION),),
    _T.MARTINIQUE: ((5, 22, *_ABOLITION),),
    _T.GUYANE: ((6, 10, *_ABOLITION),),
    _T.REUNION: ((12, 20, *_ABOLITION),),
    _T.MAYOTTE: ((4, 27, *_ABOLITION),),
    _T.SAINT_BARTHELEMY: ((10, 9, *_ABOLITION),),
    _T.SAINT_MARTIN: ((5, 28, *_ABOLITION),),
    _T.WALLIS_ET_FUTUNA: (
        (4, 28, "Saint Pierre Chanel", "Saint Peter Chanel"),
        (7, 29, "Fête du Territoire", "Territory Day"),
    ),
    _T.POLYNESIE: ((3, 5, "Arrivée de l'Évangile", "Arrival of the Gospel"),),
    _T.NOUVELLE_CALEDONIE: ((9, 24, "Fête de la Citoyenneté", "Citizenship Day"),),
}
_GOOD_FRIDAY: Final = frozenset({_T.ALSACE_MOSELLE, _T.POLYNESIE})
"""In Alsace-Moselle by law only where a commune has a Protestant church or both; counted everywhere there, since a
period that ends a day later harms nobody."""


@cache
def holidays(year: int, territory: Territory = Territory.METROPOLE) -> Mapping[date, Holiday]:
    """Give the public holidays of a year in a territory, by day."""
    own = (*_FIXED, *_LOCAL.get(territory, ()))
    fixed = [Holiday(date(year, month, day), name, name_en) for month, day, name, name_en in own]
    sunday = easter(year)
    moving = [Holiday(sunday + timedelta(days=after), name, name_en) for after, name, name_en in _MOVING]
    if territory in _GOOD_FRIDAY:
        moving.append(Holiday(sunday - timedelta(days=2), "Vendredi saint", "Good Friday"))
    every = sorted((*fixed, *moving), key=lambda each: each.day)
    return MappingProxyType({each.day: each for each in every})


def holiday(day: date, territory: Territory = Territory.METROPOLE) -> Holiday | None:
    """Give the public holiday of a day, None on the others."""
    return holidays(day.year, territory).get(day)


def easter(year: int) -> date:
    """Give Easter Sunday of the Gregorian calendar (the anonymous algorithm printed by Meeus, Astronomical Algorithms)."""
    golden, century, rest = year % 19, year // 100, year % 100
    shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - shift + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
