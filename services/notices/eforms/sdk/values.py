"""Values of the SDK's tests: texts, numbers, dates, times and periods, and how XPath 2.0 compares them and adds them up."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from services.notices.eforms.sdk.branches import Branch

__all__ = [
    "Day",
    "Months",
    "Seconds",
    "Value",
    "atom",
    "compare",
    "day",
    "months",
    "normal",
    "number",
    "seconds",
    "time_of_day",
    "today",
]

Value: TypeAlias = Any
"""A text, a number, a truth, a date, a time or a period; or an element, that stands for its text."""
BLANKS: Final = " \t\r\n"
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(Z|[-+]\d\d:\d\d)?")
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[-+]\d\d:\d\d)?")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DAYS: Final = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
_MONTHS: Final = re.compile(r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?")
_DAY: Final = 86_400
_LONGEST_DATE: Final = len("2026-01-01+02:00")
_LONGEST: Final = 12  # figures of a number in a period


@dataclass(frozen=True, slots=True, order=True)
class Seconds:
    """A period of days and hours (xs:dayTimeDuration)."""

    count: int


@dataclass(frozen=True, slots=True, order=True)
class Months:
    """A period of years and months (xs:yearMonthDuration)."""

    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """A date with its zone (xs:date)."""

    ordinal: int
    zone: int
    """Seconds east of Greenwich."""

    @property
    def instant(self) -> int:
        """The second at which it begins."""
        return self.ordinal * _DAY - self.zone

    def plus(self, period: object) -> Day:
        """Give the date after a period. Raises ValueError beyond the calendar, TypeError when it is no period."""
        if isinstance(period, Seconds):
            return Day((self.ordinal * _DAY + period.count) // _DAY, self.zone)
        if not isinstance(period, Months):
            raise TypeError(period)
        start = date.fromordinal(self.ordinal)
        years, month = divmod(start.year * 12 + start.month - 1 + period.count, 12)
        last = 28 if month == 1 and not _is_leap(years) else (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month]
        return Day(date(years, month + 1, min(start.day, last)).toordinal(), self.zone)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def today() -> Day:
    """Give the date of this day, UTC."""
    return Day(datetime.now(UTC).date().toordinal(), 0)


def normal(text: str) -> str:
    """Give a text with its blanks normalised, as XML means blanks: no-break spaces stay."""
    stripped = text.strip(BLANKS)
    if "  " in stripped or "\n" in stripped or "\t" in stripped or "\r" in stripped:
        return _BLANKS.sub(" ", stripped)
    return stripped


def number(text: str) -> float:
    """Give the number that a text spells, NaN if none."""
    stripped = text.strip(BLANKS)
    return float(stripped) if _NUMBER.fullmatch(stripped) else math.nan


def day(text: str) -> Day | None:
    """Give the date that a text spells, None if none: its own rule says so."""
    spelled = text.strip(BLANKS)
    return _day(spelled) if len(spelled) <= _LONGEST_DATE else None


@lru_cache(4_096)
def _day(text: str) -> Day | None:
    """Give the date of a text without blanks: the dates of one notice are few, and asked by many conditions."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return Day(date(int(found[1]), int(found[2]), int(found[3])).toordinal(), _zone(found[4]))
    except ValueError:
        return None


def time_of_day(text: str) -> Seconds | None:
    """Give the time that a text spells, brought to UTC; None if none."""
    found = _TIME.fullmatch(text.strip(BLANKS))
    return Seconds(int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) - _zone(found[4])) if found else None


def _zone(text: str | None) -> int:
    if not text or text == "Z":
        return 0
    return (int(text[1:3]) * 3600 + int(text[4:6]) * 60) * (-1 if text[0] == "-" else 1)


def seconds(value: object) -> Seconds | None:
    """Give a period of days and hours from its text (`P10D`, `PT36H`), or as it is; None if it is none."""
    if isinstance(value, Seconds):
        return value
    found = _DAYS.fullmatch(str(value))
    if found is None or max(map(len, found.groups(""))) > _LONGEST:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups()[1:])
    return Seconds((days * _DAY + hours * 3600 + minutes * 60 + rest) * (-1 if found[1] else 1))


def months(value: object) -> Months | None:
    """Give a period of years and months from its text (`P3Y`); None if it is none."""
    found = _MONTHS.fullmatch(str(value))
    if found is None or max(map(len, found.groups(""))) > _LONGEST:
        return None
    return Months((int(found[2] or 0) * 12 + int(found[3] or 0)) * (-1 if found[1] else 1))


def atom(item: Value) -> Value:
    """Give the value of an item: the text of an element, else the item itself."""
    return item.text if isinstance(item, Branch) else item


_SIGNS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_PLAIN: Final = frozenset({float, str})
"""What is compared as it is with its like."""


def compare(sign: str, left: Value, right: Value) -> bool:
    """Compare two values; what cannot be compared is not, whatever the sign."""
    one, other = atom(left), atom(right)
    if type(one) is type(other) and type(one) in _PLAIN:
        return _SIGNS[sign](one, other)
    pair = _comparable(one, other)
    return pair is not None and _SIGNS[sign](*pair)


def _comparable(left: Value, right: Value) -> tuple[Value, Value] | None:
    """Bring two values to one type: an element's text becomes what it is compared with."""
    if isinstance(left, bool) or isinstance(right, bool):
        pair: tuple[Value, Value] = _truth(left), _truth(right)
    elif isinstance(left, (int, float)) or isinstance(right, (int, float)):
        pair = _figure(left), _figure(right)
    elif isinstance(left, Day) and isinstance(right, Day):
        return left.instant, right.instant
    else:
        return (left, right) if type(left) is type(right) else None
    return None if pair[0] is None or pair[1] is None else pair


def _truth(value: Value) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip(BLANKS).lower())


def _figure(value: Value) -> float | None:
    if isinstance(value, str):
        return number(value)
    return float(value) if isinstance(value, (int, float)) else None
