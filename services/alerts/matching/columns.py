"""What searches ask beside the groups they are filed under, a row of numbers each: many are held against a notice at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from services.alerts.matching.criteria import DEFAULT_PHASES
from services.alerts.matching.lists import NONE, Lists, grown
from services.alerts.matching.measures import ASKS, Measures
from services.alerts.matching.notice import Subject
from services.alerts.matching.postings import Bits, Numbers, Places

__all__ = ["ALWAYS", "NEVER", "Columns"]

ALWAYS, NEVER = 0, 1
"""Groups that every notice has, and none."""
_WIDTH: Final = 4
_REQUIRED, _FORBIDDEN, _CHOICE, _LISTS, _OTHERS, _MARKS = range(4), range(4, 8), range(8, 12), range(12, 14), 14, 15
"""Columns, as many as a line of the processor's cache holds: groups required, groups forbidden, groups one of which is required;
lists of groups one of which is required, where there are more; a list of more that are forbidden; the marks."""
_ALL: Final = 0x01010101
"""Four bits of groups, read as one number, if all are set."""
_FIRST: Final = 1_024
_PHASES: Final = {name: 1 << bit for bit, name in enumerate(("planning", "contract", "change", "answer", "award", "cancellation"))}  # fmt: skip
_DOUBTFUL: Final = 1 << 6
"""A mark beside those of phases and measures: the columns do not say all. A row without any mark is no search any more."""


class Columns:
    """A row for each search."""

    def __init__(self) -> None:
        self.size = 0
        self._rows = np.zeros((_FIRST, _MARKS + 1), np.int32)
        self._measures, self._lists = Measures(), Lists()
        self._lists_used: set[int] = set()
        """Which columns of lists."""

    def add(
        self, definition: Mapping[str, Any], required: Sequence[Sequence[int]], forbidden: Sequence[int], *, whole: bool
    ) -> int:
        """Add a search, by its canonical form; `whole`: the groups say all that it asks of words and codes. Give its row."""
        row = self.size
        if row == len(self._rows):
            self._rows = grown(self._rows)
        singles = [choice[0] for choice in required if len(choice) == 1]
        choices = [choice for choice in required if len(choice) > 1]
        marks = self._measures.add(row, definition)
        for phase in definition.get("phases", DEFAULT_PHASES):
            marks |= _PHASES[phase]
        if not whole or len(singles) > _WIDTH or len(choices) > len(_LISTS):
            marks |= _DOUBTFUL
        self._rows[row] = [*self._groups(singles[:_WIDTH], forbidden, sorted(choices, key=len)), marks]
        self.size = row + 1
        return row

    def remove(self, row: int) -> None:
        """Take a search out; its row stays until `compact`."""
        self._rows[row, _MARKS] = 0

    def hold(self, rows: Places, held: Bits, subject: Subject) -> tuple[Places, Bits]:
        """Give those of some rows that hold, and which of these must be held against the notice again to be sure."""
        columns = self._rows.take(rows, axis=0)  # a row is in one place: reading it once is what takes the time
        holds = columns[:, _MARKS] & _PHASES[subject.phase] != 0
        required, forbidden, choice = held.take(columns[:, : _CHOICE.stop]).view(np.int32).T
        holds &= (required == _ALL) & (forbidden == 0) & (choice != 0)
        rows, columns = rows.compress(holds), columns.compress(holds, axis=0)
        holds = self._hold_lists(columns, held)
        doubts = self._hold_measures(rows, columns[:, _MARKS], subject, holds)
        return rows.compress(holds), doubts.compress(holds)

    def compact(self) -> Numbers:
        """Forget the rows of what was removed. Give the new number of each row, -1 for those: the order stays."""
        rows = np.flatnonzero(self._rows[: self.size, _MARKS])
        numbers: Numbers = np.full(self.size, -1, np.int32)
        numbers[rows] = np.arange(len(rows), dtype=np.int32)
        self._rows, self.size = self._rows.take(rows, axis=0), len(rows)
        self._measures.compact(rows)
        lists = self._rows[:, _LISTS.start : _MARKS]
        used = lists != NONE
        self._lists.compact(lists[used])
        lists[used] = np.arange(1, np.count_nonzero(used) + 1)
        return numbers

    def _groups(self, singles: Sequence[int], forbidden: Sequence[int], choices: Sequence[Sequence[int]]) -> list[int]:
        """Give the columns but the marks."""
        small = choices[0] if choices and len(choices[0]) <= _WIDTH else (ALWAYS,)
        large = choices[1:] if choices and small is choices[0] else choices
        lists = [self._lists.add(choice) for choice in large[: len(_LISTS)]]
        others = self._lists.add(forbidden[_WIDTH:]) if len(forbidden) > _WIDTH else NONE
        self._lists_used.update(_LISTS[: len(lists)], (_OTHERS,) if others else ())
        values = [
            (singles, ALWAYS, _WIDTH), (forbidden[:_WIDTH], NEVER, _WIDTH), (small, NEVER, _WIDTH), (lists, NONE, len(_LISTS)),
        ]  # fmt: skip
        return [each for given, filler, width in values for each in (*given, *[filler] * (width - len(given)))] + [
            others
        ]

    def _hold_lists(self, columns: Numbers, held: Bits) -> Bits:
        """Tell which rows have one of each list that they ask for, and none of the one that they do not want."""
        holds = np.ones(len(columns), bool)
        for column in self._lists_used:
            asking = np.flatnonzero(columns[:, column])
            if len(asking):
                found = self._lists.holds(columns[:, column].take(asking), held)
                holds[asking] &= ~found if column == _OTHERS else found
        return holds

    def _hold_measures(self, rows: Places, marks: Numbers, subject: Subject, holds: Bits) -> Bits:
        """Clear the bits of those rows whose measures do not hold. Give which of them are unsure."""
        doubts: Bits = marks & _DOUBTFUL != 0
        asked = int(np.bitwise_or.reduce(marks))
        for mark in [mark for mark in ASKS if mark & asked]:
            asking = np.flatnonzero(marks & mark)
            good, unsure = self._measures.hold(mark, rows.take(asking), marks.take(asking), subject)
            holds[asking] &= good
            doubts[asking] |= unsure
        return doubts
