"""Which values stand under which keys, as flat arrays: small in memory, and read for many keys at once."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bits", "Numbers", "Postings"]

Numbers = NDArray[np.int32]
Bits = NDArray[np.bool_]
_TAIL: Final = 20_000
"""Pairs that stand behind before all are sorted again; more where there are more."""
_SHARE: Final = 8


class Postings:
    """Pairs of a key and a value. Most are sorted by key; the newest stand behind, until they are many."""

    def __init__(self) -> None:
        self._starts: Numbers = np.zeros(1, np.int32)
        self._values: Numbers = np.zeros(0, np.int32)
        self._new_keys, self._new_values = array("i"), array("i")
        self._new: dict[int, list[int]] = {}

    def add(self, key: int, value: int) -> None:
        """Put a value under a key."""
        self._new_keys.append(key)
        self._new_values.append(value)
        self._new.setdefault(key, []).append(value)
        if len(self._new_keys) > max(_TAIL, len(self._values) // _SHARE):
            self.settle()

    def under(self, keys: Numbers) -> Numbers:
        """Give the values of some keys, each given once."""
        sorted_in = keys[keys < len(self._starts) - 1]
        starts = self._starts[sorted_in]
        lengths = self._starts[sorted_in + 1] - starts
        ends = lengths.cumsum()
        places = (starts - ends + lengths).repeat(lengths)
        found: Numbers = self._values[places + np.arange(len(places), dtype=np.int32)]
        if not self._new:
            return found
        new = [value for key in self._new.keys() & keys.tolist() for value in self._new[key]]
        return np.concatenate([found, np.array(new, np.int32)])

    def settle(self) -> None:
        """Sort the newest in."""
        old = np.arange(len(self._starts) - 1, dtype=np.int32).repeat(np.diff(self._starts))
        keys = np.concatenate([old, np.frombuffer(self._new_keys, np.int32)])
        values = np.concatenate([self._values, np.frombuffer(self._new_values, np.int32)])
        self._values = values[np.argsort(keys, kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys))]).astype(np.int32)
        self._new_keys, self._new_values, self._new = array("i"), array("i"), {}
