"""What searches ask beside the group they are filed under, a column each: many are held against a notice at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from libs.common.search.places import EARTH
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Numbers

__all__ = ["ALWAYS", "NEVER", "REQUIRED", "Columns"]

ALWAYS, NEVER = 0, 1
"""Groups that every notice has, and none."""
REQUIRED: Final = 4
"""Groups of a search that are looked at here, beside the one it is filed under; of more, what is found is held against them."""
_PHASES: Final = {name: 1 << bit for bit, name in enumerate(("planning", "contract", "change", "answer", "award", "cancellation"))}  # fmt: skip
_EDGE: Final = 1e-6
"""Kilometres: nearer than this to the edge of a circle, the distance is computed again, exactly."""
_FIRST: Final = 1_024


class Columns:
    """A row for each search."""

    def __init__(self) -> None:
        self.size = 0
        self._widest = 0
        self.alive = np.zeros(_FIRST, bool)
        self._required = np.zeros((_FIRST, REQUIRED), np.int32)
        self._forbidden = np.zeros(_FIRST, np.int32)
        self._phases = np.zeros(_FIRST, np.uint8)
        self._days = np.zeros(_FIRST, np.int16)
        self._low = np.zeros(_FIRST)
        self._high = np.zeros(_FIRST)
        self._unknown = np.zeros(_FIRST, bool)
        self._circle = np.zeros(_FIRST, np.int32)
        self._national = np.zeros(_FIRST, bool)
        self._doubtful = np.zeros(_FIRST, bool)
        self._circles = np.zeros((_FIRST, 3))
        self._circles_used = 1
        """The first one is for those that ask for none."""

    def add(self, criteria: Criteria, required: Sequence[int], forbidden: int, *, whole: bool) -> int:
        """Add a search; `whole`: the groups say all that it asks of words and codes. Give its row."""
        row = self.size
        if row == len(self.alive):
            self._grow()
        low, high = criteria.value_min, criteria.value_max
        self._widest = max(self._widest, len(required[:REQUIRED]))
        self._required[row, : len(required[:REQUIRED])] = required[:REQUIRED]
        self._forbidden[row] = forbidden
        self._phases[row] = sum(_PHASES[phase] for phase in criteria.phases)
        self._days[row] = -1 if criteria.deadline_days is None else criteria.deadline_days
        self._low[row], self._high[row] = -inf if low is None else low, inf if high is None else high
        self._unknown[row] = criteria.unknown_value or (low is None and high is None)
        self._circle[row] = self._circle_of(criteria)
        self._national[row] = criteria.national == "included"
        self._doubtful[row] = not whole or len(required) > REQUIRED
        self.alive[row], self.size = True, row + 1
        return row

    def hold(self, rows: Numbers, held: Bits, subject: Subject) -> tuple[Numbers, Bits]:
        """Give those of some rows that hold, and which of these must be held against the notice again to be sure."""
        rows = rows[self.alive[rows] & (self._phases[rows] & _PHASES[subject.phase] != 0)]
        for column in range(self._widest):
            rows = rows[held[self._required[rows, column]]]
        rows = rows[~held[self._forbidden[rows]]]
        rows = rows[self._days[rows] <= (-1 if subject.remaining is None else max(-1, subject.remaining.days))]
        rows = self._hold_value(rows, subject)
        rows, doubts = self._hold_near(rows, subject)
        doubts |= self._doubtful[rows]
        if subject.value is not None:  # floats may be equal where amounts are not
            value = float(subject.value)
            doubts |= (self._low[rows] == value) | (self._high[rows] == value)
        return rows, doubts

    def _hold_value(self, rows: Numbers, subject: Subject) -> Numbers:
        if subject.value is None:
            return rows[self._unknown[rows]]
        value = float(subject.value)
        return rows[(self._low[rows] <= value) & (value <= self._high[rows])]

    def _hold_near(self, rows: Numbers, subject: Subject) -> tuple[Numbers, Bits]:
        asked = self._circle[rows] > 0
        if not asked.any():
            return rows, asked
        lat, lon, radius = self._circles[self._circle[rows]].T
        far = np.full(len(rows), inf)
        for point in subject.points:
            far = np.minimum(far, _distance(lat, lon, point))
        beside = self._national[rows] & subject.national
        kept = ~asked | beside | (far <= radius + _EDGE)
        return rows[kept], (asked & ~beside & (far > radius - _EDGE))[kept]

    def _circle_of(self, criteria: Criteria) -> int:
        if criteria.near is None:
            return 0
        if self._circles_used == len(self._circles):
            self._circles = np.concatenate([self._circles, np.zeros_like(self._circles)])
        number = self._circles_used
        self._circles[number] = criteria.near.lat, criteria.near.lon, criteria.near.km
        self._circles_used += 1
        return number

    def _grow(self) -> None:
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray) and name != "_circles":
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))


def _distance(lat: NDArray[np.float64], lon: NDArray[np.float64], point: tuple[float, float]) -> NDArray[np.float64]:
    south, north = np.radians(lat), np.radians(point[0])
    half = np.sin((north - south) / 2) ** 2
    half += np.cos(south) * np.cos(north) * np.sin((np.radians(point[1]) - np.radians(lon)) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.minimum(1.0, np.sqrt(half))))
