"""Which values stand under which keys, as flat arrays: small in memory, and read for many keys at once."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bits", "Numbers", "Places", "Postings", "slices"]

Numbers = NDArray[np.int32]
Places = NDArray[np.int64]
Bits = NDArray[np.bool_]
_TAIL: Final = 20_000
"""Pairs that stand behind before all are sorted again; more where there are more."""
_SHARE: Final = 8


class Postings:
    """Pairs of a key and a value. Most are sorted by key; the newest stand behind, until they are many."""

    def __init__(self) -> None:
        self._starts: Places = np.zeros(1, np.int64)
        self._values: Places = np.zeros(0, np.int64)
        self._new_keys, self._new_values = array("i"), array("q")
        self._new: dict[int, list[int]] = {}

    def add(self, key: int, value: int) -> None:
        """Put a value under a key."""
        self._new_keys.append(key)
        self._new_values.append(value)
        self._new.setdefault(key, []).append(value)
        if len(self._new_keys) > max(_TAIL, len(self._values) // _SHARE):
            self.settle()

    def under(self, keys: Places) -> Places:
        """Give the values of some keys, each given once."""
        starts = self._starts.take(keys, mode="clip")  # a key that is not sorted in yet has none
        found = self._values.take(slices(starts, self._starts.take(keys + 1, mode="clip") - starts))
        if not self._new:
            return found
        new = [value for key in self._new.keys() & keys.tolist() for value in self._new[key]]
        return np.concatenate([found, np.array(new, np.int64)])

    def settle(self) -> None:
        """Sort the newest in."""
        if self._new:
            keys = np.concatenate([self._keys(), np.frombuffer(self._new_keys, np.int32)])
            self._sort(keys, np.concatenate([self._values, np.frombuffer(self._new_values, np.int64)]))
            self._new_keys, self._new_values, self._new = array("i"), array("q"), {}

    def values(self) -> Places:
        """Give all values, in the order of their keys."""
        self.settle()
        return self._values

    def replace(self, values: Places, kept: Bits) -> None:
        """Put another value in the place of each one of `values()`, or leave it out with its key."""
        self._sort(self._keys().compress(kept), values.compress(kept))

    def _keys(self) -> Numbers:
        return np.arange(len(self._starts) - 1, dtype=np.int32).repeat(np.diff(self._starts))

    def _sort(self, keys: Numbers, values: Places) -> None:
        self._values = values.take(np.argsort(keys, kind="stable"))
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys))])


def slices(starts: Places, lengths: Places) -> Places:
    """Give the places of some slices of an array, one slice after the other."""
    ends = lengths.cumsum()
    if not len(ends):
        return ends
    places: Places = (starts - ends + lengths).repeat(lengths) + np.arange(ends[-1])
    return places
