"""When the digests of a person leave: the hour they chose, by the clock of their place, on the days they want. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from libs.common.calendar import Territory
from libs.common.calendar.periods import is_working

__all__ = ["Rhythm", "next_run"]

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a search tells a person, and when in the day."""

    zone: str
    hour: int
    working_days: bool
    """Neither on Saturdays, Sundays nor the public holidays of the place."""
    weekly: bool


def next_run(rhythm: Rhythm, now: datetime) -> datetime:
    """Give the first run after an instant: the hour of the day, summer time or not; weekly: the week's first such day."""
    zone = ZoneInfo(rhythm.zone)
    runs = (
        datetime.combine(day, time(rhythm.hour), zone).astimezone(UTC) for day in _days(rhythm, now.astimezone(zone))
    )
    return next(run for run in runs if run > now)


def _days(rhythm: Rhythm, start: datetime) -> Iterator[date]:
    first = start.date()
    if not rhythm.weekly:
        return (day for day in (first + _DAY * number for number in count()) if _wanted(rhythm, day))
    monday = first - _DAY * first.weekday()
    return (_first_wanted(rhythm, monday + timedelta(weeks=number)) for number in count())


def _first_wanted(rhythm: Rhythm, monday: date) -> date:
    return next(day for day in (monday + _DAY * number for number in count()) if _wanted(rhythm, day))


def _wanted(rhythm: Rhythm, day: date) -> bool:
    return not rhythm.working_days or is_working(day, _territory(rhythm.zone))


@cache
def _territory(zone: str) -> Territory:
    """Give the territory whose holidays are kept at a place; metropolitan France for clocks of elsewhere."""
    return next((territory for territory in Territory if territory.zone.key == zone), Territory.METROPOLE)
