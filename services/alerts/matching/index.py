"""Many searches in memory, each filed under its rarest required group: a notice is held against those it may answer only.

Words, codes and places are features, the sets of them that searches require are groups; both are numbers, and what a notice
has of them are bits. What is found by arrays is exact but for long phrases, edges of circles and the like: these are held
against the notice once more (docs/adr/0048).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

import numpy as np
import pydantic_core

from services.alerts.matching.columns import ALWAYS, Columns
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason, match
from services.alerts.matching.needs import needs_of_definition
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Places, Postings
from services.alerts.matching.vocabulary import Vocabulary

__all__ = ["Index"]

K = TypeVar("K")
_SECOND, _ROW = 32, (1 << 32) - 1
"""What is filed is a row, and above these bits a second group that it requires: most rows need not be looked at."""
_GONE: Final = 20_000
"""Searches removed before their rows are cleared; more where more are left."""


class Index(Generic[K]):
    """Searches by name, ready to be matched. Not safe for threads: one at a time changes or asks it."""

    def __init__(self, frequency: Mapping[str, int] | None = None, notices: int = 0) -> None:
        """Begin an empty one. `frequency`: how many of some notices have each feature; it makes matching faster, no other."""
        self._names: list[K] = []
        self._definitions: list[bytes] = []
        self._rows: dict[K, int] = {}
        self._vocabulary = Vocabulary(frequency or {}, notices)
        self._filed, self._columns = Postings(), Columns()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def build(self, searches: Iterable[tuple[K, str | bytes]]) -> None:
        """Add many, by name and canonical form in JSON (`Criteria.canonical`), which is not checked again."""
        for name, definition in searches:
            self.add_stored(name, definition)
        self.settle()

    def add_stored(self, name: K, definition: str | bytes) -> None:
        """Add one of those of `build`, or replace the one of this name. Raises ValueError or KeyError for another form."""
        self._add(name, pydantic_core.from_json(definition), definition)

    def add(self, name: K, criteria: Criteria, definition: str | None = None) -> None:
        """Add a search, or replace the one of this name. `definition`: its canonical form, where it is at hand."""
        asked = pydantic_core.from_json(definition) if definition else criteria.canonical()
        self._add(name, asked, definition or pydantic_core.to_json(asked))

    def remove(self, name: K) -> None:
        """Forget a search, if it is there."""
        row = self._rows.pop(name, None)
        if row is not None:
            self._columns.remove(row)
            self._definitions[row] = b""
            if self._columns.size - len(self._rows) > max(_GONE, len(self._rows)):
                self._compact()

    def settle(self) -> None:
        """Make matching fast again after many were added: at the end of a build."""
        self._vocabulary.settle()
        self._filed.settle()

    def find(self, subject: Subject) -> list[K]:
        """Give the searches that this notice answers, in the order they were added."""
        return list(map(self._names.__getitem__, self._found(subject)))

    def matches(self, subject: Subject) -> Iterator[tuple[K, list[Reason]]]:
        """Give each search that this notice answers, with the reasons."""
        for name, definition in [(self._names[row], self._definitions[row]) for row in self._found(subject)]:
            reasons = match(_criteria(definition), subject)
            if reasons is not None:
                yield name, reasons

    def candidates(self, subject: Subject) -> int:
        """Give how many searches are filed under what this notice has: what matching looks at."""
        return len(self._filed_under(self._vocabulary.held(subject)))

    def _found(self, subject: Subject) -> list[int]:
        held = self._vocabulary.held(subject)
        rows, doubtful = self._columns.hold(self._filed_under(held), held, subject)
        if not doubtful.any():
            return _distinct(rows)
        found, unsure = _distinct(rows.compress(~doubtful)), _distinct(rows.compress(doubtful))
        good = [row for row in unsure if match(_criteria(self._definitions[row]), subject) is not None]
        return sorted(found + good)

    def _filed_under(self, held: Bits) -> Places:
        """Give the rows under the groups of a notice, but those of which it has not the second one."""
        filed = self._filed.under(np.flatnonzero(held))
        return filed.compress(held.take(filed >> _SECOND)) & _ROW

    def _add(self, name: K, asked: Mapping[str, Any], definition: str | bytes) -> None:
        self.remove(name)
        needs, group, costs = needs_of_definition(asked), self._vocabulary.group, self._vocabulary.costs
        required = [[group(each) for each in choice] for choice in needs.required] or [[ALWAYS]]
        if len(required) > 1:
            required.sort(key=lambda choice: sum(costs[each] for each in choice))
        forbidden = [group(each) for each in needs.forbidden]
        first, second, others = _split(required)
        row = self._columns.add(asked, others, forbidden, whole=needs.whole)
        for each in first:
            self._filed.add(each, second << _SECOND | row)
        self._rows[name] = row
        self._names.append(name)
        self._definitions.append(definition.encode() if isinstance(definition, str) else definition)

    def _compact(self) -> None:
        """Clear the rows of what was removed: all at once, as many are added as are left before this comes again."""
        numbers, filed = self._columns.compact(), self._filed.values()
        rows = numbers.take(filed & _ROW)
        self._filed.replace((filed >> _SECOND << _SECOND) | rows, rows >= 0)
        kept = np.flatnonzero(numbers >= 0).tolist()
        self._names, self._definitions = [self._names[row] for row in kept], [self._definitions[row] for row in kept]
        self._rows = {name: row for row, name in enumerate(self._names)}


def _split(required: list[list[int]]) -> tuple[list[int], int, list[list[int]]]:
    """Give what to file a search under, its second group if one alone is required, and the others."""
    first, *others = required
    for place, choice in enumerate(others):
        if len(choice) == 1:
            return first, choice[0], others[:place] + others[place + 1 :]
    return first, ALWAYS, others


def _distinct(rows: Places) -> list[int]:
    """Give rows in order, each once: those filed under one of several groups are found under each that a notice has."""
    rows.sort()
    again = rows[1:] == rows[:-1]
    found: list[int] = rows.tolist()
    return list(dict.fromkeys(found)) if again.any() else found


def _criteria(definition: bytes) -> Criteria:
    return Criteria.stored(pydantic_core.from_json(definition))
