"""What searches ask of a notice that is counted, a column each: days until the deadline, the value, the distance."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from libs.common.search.places import EARTH
from services.alerts.matching.lists import grown
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Numbers, Places

__all__ = ["ASKS", "Measures"]

_DAYS, _VALUE, _NEAR = (1 << bit for bit in range(7, 10))
_UNKNOWN, _NATIONAL = 1 << 10, 1 << 11
"""Marks of a search: what it asks at all; an unknown value, or no place told, will do as well."""
ASKS: Final = (_DAYS, _VALUE, _NEAR)
_LONGEST: Final = 1_000
"""Days: no search asks for so many."""
_EDGE: Final = 1e-6
"""Kilometres: nearer than this to the edge of a circle, the distance is computed again, exactly."""
_FIRST: Final = 1_024
Floats = NDArray[np.float64]


class Measures:
    """A row for each search, which may ask nothing here."""

    def __init__(self) -> None:
        self._days = np.zeros(_FIRST, np.int16)
        self._bounds = np.zeros((_FIRST, 2))
        """The least and the greatest value."""
        self._circle = np.zeros(_FIRST, np.int32)
        self._circles = np.zeros((_FIRST, 3))
        """Latitude and longitude in degrees, kilometres."""
        self._circles_used = 0

    def add(self, row: int, definition: Mapping[str, Any]) -> int:
        """Keep what a search asks, by its canonical form. Give its marks."""
        marks = 0
        if row == len(self._days):
            self._days, self._bounds, self._circle = grown(self._days), grown(self._bounds), grown(self._circle)
        if (days := definition.get("deadline_days")) is not None:
            self._days[row], marks = days, _DAYS
        low, high = definition.get("value_min"), definition.get("value_max")
        if low is not None or high is not None:
            self._bounds[row] = -inf if low is None else float(low), inf if high is None else float(high)
            marks |= _VALUE | (_UNKNOWN if definition.get("unknown_value") else 0)
        if (near := definition.get("near")) is not None:
            self._circle[row] = self._circle_of(near)
            marks |= _NEAR | (_NATIONAL if definition.get("national") == "included" else 0)
        return marks

    def hold(self, ask: int, rows: Places, marks: Numbers, subject: Subject) -> tuple[Bits, Bits]:
        """Tell of rows that ask this whether it holds, and whether this is unsure."""
        if ask == _DAYS:
            left = -1 if subject.remaining is None else max(-1, min(subject.remaining.days, _LONGEST))
            return self._days.take(rows) <= left, np.zeros(len(rows), bool)
        return self._hold_value(rows, marks, subject) if ask == _VALUE else self._hold_near(rows, marks, subject)

    def compact(self, rows: Places) -> None:
        """Keep these rows alone, numbered from nought on, and their circles."""
        self._days, self._bounds = self._days.take(rows), self._bounds.take(rows, axis=0)
        used, circle = np.unique(self._circle.take(rows), return_inverse=True)
        self._circles, self._circle = self._circles.take(used, axis=0), circle.astype(np.int32)
        self._circles_used = len(used)

    def _hold_value(self, rows: Places, marks: Numbers, subject: Subject) -> tuple[Bits, Bits]:
        if subject.value is None:
            return marks & _UNKNOWN != 0, np.zeros(len(rows), bool)
        low, high = self._bounds.take(rows, axis=0).T
        value = float(subject.value)
        return (low <= value) & (value <= high), (low == value) | (
            high == value
        )  # amounts may differ where floats do not

    def _hold_near(self, rows: Places, marks: Numbers, subject: Subject) -> tuple[Bits, Bits]:
        lat, lon, radius = self._circles.take(self._circle.take(rows), axis=0).T
        far = np.full(len(rows), inf)
        for point in subject.points:
            far = np.minimum(far, _distance(lat, lon, point))
        beside = (marks & _NATIONAL != 0) & subject.national
        return beside | (far <= radius + _EDGE), ~beside & (np.abs(far - radius) <= _EDGE)

    def _circle_of(self, near: Mapping[str, float]) -> int:
        number = self._circles_used
        if number == len(self._circles):
            self._circles = grown(self._circles)
        self._circles[number] = near["lat"], near["lon"], near["km"]
        self._circles_used = number + 1
        return number


def _distance(lat: Floats, lon: Floats, point: tuple[float, float]) -> Floats:
    south, north = np.radians(lat), np.radians(point[0])
    half = np.sin((north - south) / 2) ** 2
    half += np.cos(south) * np.cos(north) * np.sin((np.radians(point[1]) - np.radians(lon)) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.minimum(1.0, np.sqrt(half))))
