"""Many searches in memory, each filed under its rarest required group: a notice is held against those it may answer only.

Words, codes and places are features, the sets of them that searches require are groups; both are numbers, and what a notice
has of them are bits. What is found by arrays is exact but for long phrases, edges of circles and the like: these are held
against the notice once more (docs/adr/0044).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, Generic, TypeVar

import numpy as np

from services.alerts.matching.columns import ALWAYS, NEVER, Columns
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason, match
from services.alerts.matching.needs import Needs, needs_of
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Numbers, Postings

__all__ = ["Index"]

K = TypeVar("K")
_WEIGHT: Final = 20
"""Notices that what is supposed of a feature counts for, beside those of the corpus."""
_NO_FEATURES: Final[frozenset[str]] = frozenset()


class Index(Generic[K]):
    """Searches by name, ready to be matched. Not safe for threads: one at a time changes or asks it."""

    def __init__(self, frequency: Mapping[str, int] | None = None, notices: int = 0) -> None:
        """Begin an empty one. `frequency`: how many of some notices have each feature; it makes matching faster, no other."""
        self._frequency, self._notices = frequency or {}, notices
        self._names: list[K] = []
        self._definitions: list[bytes] = []
        self._rows: dict[K, int] = {}
        self._features: dict[str, int] = {}
        self._groups: dict[frozenset[str], int] = {}
        self._costs: list[float] = [1.0, 0.0]
        """Of each group: how likely a notice has it."""
        self._of_features, self._filed = Postings(), Postings()
        self._columns = Columns()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def add(self, name: K, criteria: Criteria, definition: str | None = None) -> None:
        """Add a search, or replace the one of this name. `definition`: its canonical form, where it is at hand."""
        self.remove(name)
        needs = needs_of(criteria)
        groups = sorted((self._group(group) for group in needs.groups), key=self._costs.__getitem__) or [ALWAYS]
        row = self._columns.add(criteria, groups[1:], self._unwanted(needs), whole=needs.whole)
        self._filed.add(groups[0], row)
        self._rows[name] = row
        self._names.append(name)
        self._definitions.append((definition or json.dumps(criteria.canonical())).encode())

    def remove(self, name: K) -> None:
        """Forget a search, if it is there."""
        row = self._rows.pop(name, None)
        if row is not None:
            self._columns.alive[row] = False
            self._definitions[row] = b""

    def settle(self) -> None:
        """Make matching fast again after many were added: at the end of a build."""
        self._of_features.settle()
        self._filed.settle()

    def find(self, subject: Subject) -> list[K]:
        """Give the searches that this notice answers, in the order they were added."""
        return [self._names[row] for row in self._found(subject)]

    def matches(self, subject: Subject) -> Iterator[tuple[K, list[Reason]]]:
        """Give each search that this notice answers, with the reasons."""
        for row in self._found(subject):
            reasons = match(self._criteria(row), subject)
            if reasons is not None:
                yield self._names[row], reasons

    def candidates(self, subject: Subject) -> int:
        """Give how many searches are filed under what this notice has: what matching looks at."""
        return len(self._filed_under(self._held(subject)))

    def _found(self, subject: Subject) -> list[int]:
        held = self._held(subject)
        rows, doubtful = self._columns.hold(self._filed_under(held), held, subject)
        sure = rows[~doubtful].tolist()
        return sorted(
            sure + [row for row in rows[doubtful].tolist() if match(self._criteria(row), subject) is not None]
        )

    def _held(self, subject: Subject) -> Bits:
        """Give which groups the notice has."""
        known = self._features
        features = np.array([known[each] for each in known.keys() & subject.features()], np.int32)
        held = np.zeros(len(self._groups) + 2, bool)
        held[self._of_features.under(features)] = True
        held[ALWAYS] = True
        return held

    def _filed_under(self, held: Bits) -> Numbers:
        return self._filed.under(np.flatnonzero(held).astype(np.int32))

    def _group(self, group: frozenset[str]) -> int:
        number = self._groups.get(group)
        if number is None:
            number = self._groups[group] = len(self._groups) + 2
            self._costs.append(sum(map(self._cost, group)))
            for feature in group:
                self._of_features.add(self._features.setdefault(feature, len(self._features)), number)
        return number

    def _unwanted(self, needs: Needs) -> int:
        return NEVER if needs.forbidden == _NO_FEATURES else self._group(needs.forbidden)

    def _cost(self, feature: str) -> float:
        supposed = _supposed(feature) * _WEIGHT
        return (self._frequency.get(feature, 0) + supposed) / (self._notices + _WEIGHT)

    def _criteria(self, row: int) -> Criteria:
        return Criteria.stored(json.loads(self._definitions[row]))


def _supposed(feature: str) -> float:
    """Give how likely a notice has a feature, roughly: a word is rare, a CPV division or a department is not."""
    kind, _, code = feature.partition(":")
    if kind == "c":
        return max(0.002, 1 / (1 << 3 * len(code)))
    if kind == "e":
        return 0.002 if " " in code else 0.004
    return 0.004 if kind == "w" else 0.02
