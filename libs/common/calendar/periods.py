"""Periods counted in days, each with the rule and the steps that led to its end.

The day of the event is never counted, and the last day counts to its midnight: regulation (EEC, Euratom) 1182/71,
article 3; articles 640 to 642 of the code de procédure civile; CE 2 August 2011, 347526. A period that would end on a
Saturday, a Sunday or a public holiday ends with the next working day (article 3(4), article 642).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from libs.common.calendar.holidays import holiday
from libs.common.calendar.territories import Territory
from libs.common.calendar.words import french_day

__all__ = ["Computation", "Step", "Unit", "backward", "forward", "is_working"]

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class Unit(StrEnum):
    """What is counted."""

    CALENDAR = "calendar"
    """Jours calendaires: every day."""
    CLEAR = "clear"
    """Jours francs: every day, neither the first nor the last one counted."""
    WORKING = "working"
    """Jours ouvrés: Monday to Friday but public holidays."""
    WORKABLE = "workable"
    """Jours ouvrables: Monday to Saturday but public holidays."""


_UNITS: Final = {
    Unit.CALENDAR: ("jours calendaires", "calendar days"),
    Unit.CLEAR: ("jours francs", "clear days"),
    Unit.WORKING: ("jours ouvrés", "working days"),
    Unit.WORKABLE: ("jours ouvrables", "workable days"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a computation, in words, and the day it leads to."""

    day: date
    text: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Computation:
    """A day, and how it was found."""

    day: date
    steps: tuple[Step, ...]


def forward(
    start: date, days: int, unit: Unit = Unit.CALENDAR, territory: Territory = Territory.METROPOLE
) -> Computation:
    """Give the last day of a period that runs from an event: it ends with that day's midnight.

    Raises ValueError on a negative number of days.
    """
    first = Step(
        start,
        f"Le {french_day(start)}, jour de l'événement, ne compte pas.",
        f"{start}, day of the event, is not counted.",
    )
    last = _count(start, days, unit, territory, _DAY)
    french, english = _UNITS[unit]
    counted = Step(last, f"{days} {french} mènent au {french_day(last)}.", f"{days} {english} lead to {last}.")
    return _ended([first, counted], last, territory)


def backward(
    end: date, days: int, unit: Unit = Unit.CALENDAR, territory: Territory = Territory.METROPOLE
) -> Computation:
    """Give the last day on which something may be done that must be done so many days before an event.

    It is not moved when it is a holiday: what comes after it leaves less time than the law gives. Raises ValueError.
    """
    first = Step(end, f"On compte à rebours du {french_day(end)}, non compris.", f"Counted back from {end}, excluded.")
    last = _count(end, days, unit, territory, -_DAY)
    french, english = _UNITS[unit]
    counted = Step(
        last, f"{days} {french} avant mènent au {french_day(last)}.", f"{days} {english} before lead to {last}."
    )
    return Computation(last, (first, counted))


def is_working(day: date, territory: Territory = Territory.METROPOLE) -> bool:
    """Say whether a day is neither Saturday, Sunday nor a public holiday."""
    return day.weekday() < _SATURDAY and holiday(day, territory) is None


def _count(start: date, days: int, unit: Unit, territory: Territory, direction: timedelta) -> date:
    if days < 0:
        raise ValueError("a period has no negative length")
    if unit in {Unit.CALENDAR, Unit.CLEAR}:
        return start + direction * (days + (unit is Unit.CLEAR))
    counted = (each for each in _days_from(start, direction) if _counts(each, unit, territory))
    return next(islice(counted, days - 1, None)) if days else start


def _days_from(start: date, direction: timedelta) -> Iterator[date]:
    while True:
        start += direction
        yield start


def _counts(day: date, unit: Unit, territory: Territory) -> bool:
    weekend = _SATURDAY if unit is Unit.WORKING else _SATURDAY + 1
    return day.weekday() < weekend and holiday(day, territory) is None


def _ended(steps: list[Step], last: date, territory: Territory) -> Computation:
    """Move the end of a period to the next working day, saying why each day passed over is none."""
    while not is_working(last, territory):
        found = holiday(last, territory)
        french, english = (found.name, found.name_en) if found else ("fin de semaine", "weekend")
        following = last + _DAY
        steps.append(
            Step(
                following,
                f"Le {french_day(last)} n'est pas un jour ouvré ({french}) : le délai passe au {french_day(following)}.",
                f"{last} is no working day ({english}): the period goes on to {following}.",
            )
        )
        last = following
    return Computation(last, tuple(steps))
