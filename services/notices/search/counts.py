"""Answers counted: in all, and by the values of facets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tantivy import Query, Searcher

from services.notices.search.criteria import Criteria, Facet
from services.notices.search.fields import CPV_LEVELS
from services.notices.search.queries import query_of

__all__ = ["Counts", "Shown", "by_value", "count", "counts_of"]

_EVERY: Final = 65_000
"""Values of a facet that are counted in each segment: all of them."""
_FACET_SIZE: Final = 200
_TOTAL: Final = "total"


@dataclass(frozen=True, slots=True)
class Shown:
    """What was committed, as those who ask now see it."""

    searcher: Searcher
    whole: dict[str, dict[str, int]] = field(default_factory=dict)
    """Counts of all of it, made when they are first asked: those of a first page and of a single filter."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many answer."""

    facets: Mapping[Facet, Mapping[str, int]]
    total: int | None = None
    """None where no facet was counted among the answers themselves."""


def count(searcher: Searcher, query: Query) -> int:
    """Give how many notices answer."""
    found: int = searcher.search(query, 1, count=True).count  # type: ignore[attr-defined]  # its stub lacks it
    return found


def counts_of(shown: Shown, criteria: Criteria, wanted: Sequence[Facet]) -> Counts:
    """Count the answers by the values of each facet, its own filter left out; the most frequent values first."""
    asked: dict[Criteria, list[str]] = {}
    for facet in wanted:
        asked.setdefault(criteria.without(facet), []).append(_field(facet))
    if Facet.CPV in wanted and (below := _below(criteria)):
        # who has a code below a branch asked is in that branch: counting among the answers is as good, and they are fewer
        asked.setdefault(criteria, []).extend(below)
    counts: dict[str, dict[str, int]] = {}
    total = None
    for wider, names in asked.items():
        found, number = _counted(shown, wider, names)
        counts |= found
        total = number if wider == criteria else total
    return Counts({facet: _of_facet(facet, criteria, counts) for facet in wanted}, total)


def by_value(searcher: Searcher, query: Query, name: str) -> dict[str, int]:
    """Count the answers by every value of a field."""
    return _aggregated(searcher, query, [name], _EVERY)[0][name]


def _counted(shown: Shown, criteria: Criteria, names: Sequence[str]) -> tuple[dict[str, dict[str, int]], int]:
    searcher, whole = shown.searcher, shown.whole
    if criteria != Criteria():
        return _aggregated(searcher, query_of(searcher, criteria), names)
    if missing := [name for name in names if name not in whole]:
        whole |= _aggregated(searcher, query_of(searcher, criteria), missing)[0]
    return {name: whole[name] for name in names}, searcher.num_docs


def _aggregated(
    searcher: Searcher, query: Query, names: Sequence[str], size: int = _FACET_SIZE
) -> tuple[dict[str, dict[str, int]], int]:
    """Count in one pass: evaluating the query costs as much as counting."""
    asked: dict[str, Any] = {name: {"terms": {"field": name, "size": size, "segment_size": _EVERY}} for name in names}
    found: dict[str, Any] = searcher.aggregate(query, asked | {_TOTAL: {"value_count": {"field": "published"}}})
    counts = {
        name: {bucket["key"]: bucket["doc_count"] for bucket in found[name]["buckets"]} if name in found else {}
        for name in names
    }
    return counts, int(found[_TOTAL]["value"]) if _TOTAL in found else 0


def _field(facet: Facet) -> str:
    return {Facet.CPV: f"cpv{CPV_LEVELS[0]}", Facet.VALUE: "value_class"}.get(facet, facet.value)


def _below(criteria: Criteria) -> list[str]:
    """Give the fields of the CPV codes that are a digit longer than a branch asked."""
    lengths = {len(branch) + 1 for branch in criteria.cpv}
    return [f"cpv{level}" for level in CPV_LEVELS[1:] if level in lengths]


def _of_facet(facet: Facet, criteria: Criteria, counts: dict[str, dict[str, int]]) -> dict[str, int]:
    found = dict(counts[_field(facet)])
    for name in _below(criteria) if facet is Facet.CPV else ():
        branches = tuple(branch for branch in criteria.cpv if name == f"cpv{len(branch) + 1}")
        found |= {value: number for value, number in counts[name].items() if value.startswith(branches)}
    return found
