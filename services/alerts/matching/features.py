"""Numbers for features, found for all those of a notice at once: a hash table whose buckets are rows of an array.

A feature is told by the 64 bits of its hash (SipHash, seeded anew in each process): that two of a million are taken for one
another happens once in forty million indexes, and the reasons of a match are found in the text itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from services.alerts.matching.postings import Places

__all__ = ["Features", "hashes"]

_WIDTH: Final = 8
"""Features of a bucket: as many as a line of the processor's cache holds."""
_FIRST: Final = 1_024


class Features:
    """Grows by doubling; nothing leaves it."""

    def __init__(self) -> None:
        self._keys: Places = np.zeros((_FIRST, _WIDTH), np.int64)
        """Nought where there is none."""
        self._numbers: Places = np.zeros((_FIRST, _WIDTH), np.int64)
        self._filled = [0] * _FIRST
        self._size = 0

    def number(self, feature: str) -> int:
        """Give the number of a feature, from nought on; a new one is added."""
        key = hash(feature) or 1
        bucket = key & (len(self._filled) - 1)
        there = self._keys[bucket, : self._filled[bucket]].tolist()
        if key in there:
            return int(self._numbers[bucket, there.index(key)])
        self._put(key, self._size)
        self._size += 1
        return self._size - 1

    def known(self, keys: Places) -> Places:
        """Give the numbers of those of some hashes that are here."""
        buckets = keys & (len(self._filled) - 1)
        found = np.flatnonzero(self._keys.take(buckets, axis=0) == keys[:, None])
        return self._numbers.ravel().take(buckets.take(found // _WIDTH) * _WIDTH + found % _WIDTH)

    def _put(self, key: int, number: int) -> None:
        """Add one; there are as many buckets as features, or more where one would overflow."""
        while True:
            bucket = key & (len(self._filled) - 1)
            place = self._filled[bucket]
            if place < _WIDTH and self._size < len(self._filled):
                self._keys[bucket, place], self._numbers[bucket, place] = key, number
                self._filled[bucket] = place + 1
                return
            self._grow()

    def _grow(self) -> None:
        """Double the buckets: what is in one stays there, or goes as far behind as there were."""
        stays = self._keys & len(self._filled) == 0
        keys = np.concatenate([self._keys * stays, self._keys * ~stays])
        order = np.argsort(keys == 0, axis=1, kind="stable")
        self._keys = np.take_along_axis(keys, order, axis=1)
        self._numbers = np.take_along_axis(np.concatenate([self._numbers, self._numbers]), order, axis=1)
        self._filled = np.count_nonzero(self._keys, axis=1).tolist()


def hashes(features: Collection[str]) -> Places:
    """Give the hashes by which features are known."""
    keys = np.fromiter(map(hash, features), np.int64, len(features))
    keys[keys == 0] = 1
    return keys
