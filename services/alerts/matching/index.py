"""Many searches in memory, each filed under its rarest required term: a notice is held against those it may answer only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from services.alerts.matching.anchors import anchors, groups
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason, match
from services.alerts.matching.notice import Subject

__all__ = ["Index"]

K = TypeVar("K")


class Index(Generic[K]):
    """Searches by name, ready to be matched. Built once: the frequency of each term among the searches chooses the anchors."""

    def __init__(self, searches: Mapping[K, Criteria]) -> None:
        self._searches = list(searches.items())
        frequency: Counter[str] = Counter()
        for criteria in searches.values():
            frequency.update(key for group in groups(criteria) for key in group.keys)
        self._filed: dict[str, list[int]] = {}
        for position, (_, criteria) in enumerate(self._searches):
            for key in anchors(criteria, frequency):
                self._filed.setdefault(key, []).append(position)

    def candidates(self, subject: Subject) -> Iterator[tuple[K, Criteria]]:
        """Give, once each and in the order they were given, the searches that this notice may answer."""
        found = {position for term in subject.terms() for position in self._filed.get(term, ())}
        return (self._searches[position] for position in sorted(found))

    def matches(self, subject: Subject) -> Iterator[tuple[K, list[Reason]]]:
        """Give each search that this notice answers, with the reasons."""
        for name, criteria in self.candidates(subject):
            reasons = match(criteria, subject)
            if reasons is not None:
                yield name, reasons
