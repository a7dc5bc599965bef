"""Lists of groups one of which is enough, or none of which may be there, by number: many are held against a notice at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.alerts.matching.postings import Bits, Numbers, Places, slices

__all__ = ["NONE", "Lists", "grown"]

D = TypeVar("D", bound=np.generic)
NONE: Final = 0
"""The number of no list."""
_FIRST: Final = 1_024


class Lists:
    """Not empty each, in one flat array."""

    def __init__(self) -> None:
        self._items: Numbers = np.zeros(_FIRST, np.int32)
        self._ends: Places = np.zeros(_FIRST, np.int64)
        self._used = 1
        """The first one is `NONE`."""

    def add(self, items: Sequence[int]) -> int:
        """Keep a list. Give its number."""
        number, start = self._used, int(self._ends[self._used - 1])
        if number == len(self._ends):
            self._ends = grown(self._ends)
        while start + len(items) > len(self._items):
            self._items = grown(self._items)
        self._items[start : start + len(items)] = items
        self._ends[number] = start + len(items)
        self._used = number + 1
        return number

    def holds(self, numbers: Numbers, held: Bits) -> Bits:
        """Tell of each of some lists, at least one, whether the notice has one of its groups."""
        starts, lengths = self._spans(numbers)
        found = held.take(self._items.take(slices(starts, lengths)))
        return np.logical_or.reduceat(found, lengths.cumsum() - lengths)

    def compact(self, numbers: Numbers) -> None:
        """Forget all lists but these, which are numbered from 1 on in this order."""
        starts, lengths = self._spans(numbers)
        self._items = self._items.take(slices(starts, lengths))
        self._ends = np.concatenate([[0], lengths.cumsum()])
        self._used = len(self._ends)

    def _spans(self, numbers: Numbers) -> tuple[Places, Places]:
        starts = self._ends.take(numbers - 1)
        return starts, self._ends.take(numbers) - starts


def grown(rows: NDArray[D]) -> NDArray[D]:
    """Give it with twice as many rows, or the first ones."""
    number, *rest = rows.shape
    return np.concatenate([rows, np.zeros((max(number, _FIRST), *rest), rows.dtype)])
