"""Words, codes and places as numbers: features of notices, groups of them that searches ask for, and which a notice has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from services.alerts.matching.columns import ALWAYS
from services.alerts.matching.features import Features
from services.alerts.matching.needs import Group
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Postings

__all__ = ["Vocabulary"]

_WEIGHT: Final = 20
"""Notices that what is supposed of a feature counts for, beside those of the corpus."""


class Vocabulary:
    """Grows with what searches ask; as many searches ask the same, it is much smaller than they are."""

    def __init__(self, frequency: Mapping[str, int], notices: int) -> None:
        """Begin an empty one. `frequency`: how many of some notices have each feature."""
        self._frequency, self._notices = frequency, notices
        self._features = Features()
        self._groups: dict[Group, int] = {}
        self.costs: list[float] = [1.0, 0.0]
        """Of each group, ALWAYS and NEVER before all others: how likely a notice has it."""
        self._of_features = Postings()

    def group(self, group: Group) -> int:
        """Give the number of a group."""
        number = self._groups.get(group)
        if number is None:
            number = self._groups[group] = len(self.costs)
            self.costs.append(sum(map(self._cost, group)))
            for feature in group:
                self._of_features.add(self._features.number(feature), number)
        return number

    def held(self, subject: Subject) -> Bits:
        """Give which groups the notice has."""
        held = np.zeros(len(self.costs), bool)
        held[self._of_features.under(self._features.known(subject.hashes))] = True
        held[ALWAYS] = True
        return held

    def settle(self) -> None:
        """Make it quick again after much was added."""
        self._of_features.settle()

    def _cost(self, feature: str) -> float:
        supposed = _supposed(feature) * _WEIGHT
        return (self._frequency.get(feature, 0) + supposed) / (self._notices + _WEIGHT)


def _supposed(feature: str) -> float:
    """Give how likely a notice has a feature, roughly: a word is rare, a CPV division or a department is not."""
    kind, _, code = feature.partition(":")
    if kind == "c":
        return max(0.002, 1 / (1 << 3 * len(code)))
    if kind == "e":
        return 0.002 if " " in code else 0.004
    return 0.004 if kind == "w" else 0.02
