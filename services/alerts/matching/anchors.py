"""Which group of a search to look it up by: the rarest of those of which every match has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.alerts.matching.criteria import Criteria
from services.alerts.matching.needs import needs_of

__all__ = ["EVERY", "anchors"]

EVERY: Final = "*"
"""The key under which searches without a selective group stand: they are looked at for each notice."""


def anchors(criteria: Criteria, frequency: Mapping[str, int]) -> frozenset[str]:
    """Give the keys to file a search under: those of its rarest group, by how many searches or notices have each key."""
    candidates = needs_of(criteria).groups
    if not candidates:
        return frozenset({EVERY})
    return min(candidates, key=lambda group: _cost(group, frequency))


def _cost(group: frozenset[str], frequency: Mapping[str, int]) -> tuple[int, int, list[str]]:
    """Estimate what filing here costs at each notice: how likely a notice has the key, times how many share it."""
    cost = sum(_prior(key) * (1 + frequency.get(key, 0)) for key in group)
    return cost, -min(map(len, group)), sorted(group)


def _prior(key: str) -> int:
    """Give how common a key is among notices, roughly, in thousandths: a word is rare, a CPV division or a department is not."""
    kind, _, code = key.partition(":")
    if kind == "c":
        return max(2, 1_000 >> 3 * len(code))
    if kind == "e":
        return 2 if " " in code else 4
    return 4 if kind == "w" else 20
