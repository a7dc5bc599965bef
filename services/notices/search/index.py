"""The index that an api process keeps of the published notices, and the port it stands behind.

Blocking: the callers run it in threads. One thread writes; any number read, each what was committed when it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import structlog
from pydantic import ValidationError
from tantivy import Index, Order, Query, Searcher, TextAnalyzerBuilder, Tokenizer

from libs.common.search.words import analyzer
from services.notices.search.counts import Shown, by_value, count, counts_of
from services.notices.search.criteria import Criteria, Facet, Position, Sort
from services.notices.search.fields import (
    ANALYZER,
    EXACT,
    IndexRow,
    day_of,
    day_of_number,
    document_of,
    published_at,
    schema,
)
from services.notices.search.pages import Hit, Recent, by_deadline, by_distance, by_publication, by_tiers
from services.notices.search.queries import query_of, tiers_of

__all__ = ["Hit", "Hits", "SearchIndex", "TantivyIndex"]

BUILDING: Final = 128_000_000
"""Bytes of memory in which documents gather before they are written, while the index is built."""
KEEPING: Final = 15_000_000
"""The same once it is built: the least that the library takes."""
_COUNTED_WITH: Final = frozenset({Sort.PUBLISHED, Sort.DEADLINE})
"""Orders whose first page looks at all answers, and so counts them."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found."""

    hits: list[Hit]
    more: bool
    total: int
    facets: Mapping[Facet, Mapping[str, int]] = field(default_factory=dict)


class SearchIndex(Protocol):
    """What answers searches."""

    def page(
        self, criteria: Criteria, sort: Sort, after: Position | None, limit: int, facets: Sequence[Facet] = ()
    ) -> Hits:
        """Give the answers behind a position, so many at most, how many there are in all, and by the values of facets."""
        ...

    def count(self, criteria: Criteria) -> int:
        """Give how many notices answer."""
        ...

    def points(self, criteria: Criteria) -> dict[str, int]:
        """Count the answers by the points they stand at."""
        ...

    def days(self, criteria: Criteria) -> dict[date, int]:
        """Count the answers by the day of their publication, in Paris."""
        ...


@dataclass(frozen=True, slots=True)
class _Page:
    sort: Sort
    after: Position | None
    limit: int
    total: int | None
    """Of all answers, where it is known already."""


class TantivyIndex:
    """An index in memory, or in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        path = str(folder) if folder else None
        # newest first in each part of it: what was published of late stands together, and is found without the rest
        self._index = Index(schema(), path=path, sort_by_field="published", sort_order=Order.Desc)
        self._index.register_tokenizer(ANALYZER, analyzer())
        self._index.register_tokenizer(EXACT, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
        self._writer = self._index.writer(BUILDING, 1)
        self._recent = Recent({})
        self._show()

    @property
    def size(self) -> int:
        """How many notices it holds."""
        return self._shown.searcher.num_docs

    def add(self, rows: Iterable[IndexRow]) -> None:
        """Add notices that it does not hold; seen once committed."""
        for row in rows:
            try:
                document = document_of(row)
            except ValidationError:  # one that cannot be read must not keep the others from being found
                _log.exception("notice_not_indexed", notice=str(row.notice_id))
            else:
                self._writer.add_document(document)

    def built(self) -> None:
        """Commit what was added, and keep less memory from now on."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._writer = self._index.writer(KEEPING, 1)
        self._show()
        self._recent = Recent(self.days(Criteria()))

    def replace(self, notices: Iterable[UUID], rows: Iterable[IndexRow]) -> None:
        """Forget these notices, add these rows, and show it."""
        for notice_id in notices:
            self._writer.delete_documents_by_term("id", notice_id.hex)
        self.add(rows)
        self._writer.commit()
        self._show()

    def page(
        self, criteria: Criteria, sort: Sort, after: Position | None, limit: int, facets: Sequence[Facet] = ()
    ) -> Hits:
        """Give the answers behind a position, so many at most, how many there are in all, and by the values of facets.

        Facets come first: who knows how many answer knows where the newest of them end.
        """
        shown = self._shown
        counts = counts_of(shown, criteria, facets)
        query, total = query_of(shown.searcher, criteria), counts.total
        if total is None and (after is not None or sort not in _COUNTED_WITH):
            total = count(shown.searcher, query)
        if total == 0:
            return Hits([], more=False, total=0, facets=counts.facets)
        found, looked_at = self._found(shown.searcher, criteria, query, _Page(sort, after, limit + 1, total))
        return Hits(found[:limit], len(found) > limit, looked_at if total is None else total, counts.facets)

    def _found(self, searcher: Searcher, criteria: Criteria, query: Query, page: _Page) -> tuple[list[Hit], int]:
        """Give the answers of a page, and how many were looked at."""
        if page.sort is Sort.DISTANCE:
            return by_distance(searcher, criteria, page.after, page.limit), 0
        if page.sort is Sort.RELEVANCE:
            return by_tiers(searcher, tiers_of(searcher, criteria, query), page.after, page.limit), 0
        if page.sort is Sort.DEADLINE:
            return by_deadline(searcher, query, page.after, page.limit)
        newest = day_of(published_at(page.after.key)) if page.after else None
        likely = self._recent.since(page.limit, page.total, newest) if page.total else None
        return by_publication(searcher, query, page.after, page.limit, likely)

    def count(self, criteria: Criteria) -> int:
        """Give how many notices answer."""
        searcher = self._shown.searcher
        return count(searcher, query_of(searcher, criteria))

    def _show(self) -> None:
        self._index.reload()
        self._shown = Shown(self._index.searcher())

    def points(self, criteria: Criteria) -> dict[str, int]:
        """Count the answers by the points they stand at."""
        searcher = self._shown.searcher
        return by_value(searcher, query_of(searcher, criteria), "point")

    def days(self, criteria: Criteria) -> dict[date, int]:
        """Count the answers by the day of their publication, in Paris."""
        asked = {"day": {"histogram": {"field": "day", "interval": 1, "min_doc_count": 1}}}
        searcher = self._shown.searcher
        found = searcher.aggregate(query_of(searcher, criteria), asked)
        return {day_of_number(int(bucket["key"])): bucket["doc_count"] for bucket in found["day"]["buckets"]}
