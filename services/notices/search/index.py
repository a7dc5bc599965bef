"""The index that an api process keeps of the published notices, and the port it stands behind.

Blocking: the callers run it in threads. One thread writes; any number read, each what was committed when it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from pydantic import ValidationError
from tantivy import Index, Order, Query, Searcher

from services.notices.search import places
from services.notices.search.asked import analyzer
from services.notices.search.criteria import Criteria, Facet, Near, Position, Sort
from services.notices.search.fields import ANALYZER, CPV_LEVELS, IndexRow, document_of, identity, schema
from services.notices.search.queries import any_of, both, but, query_of, tiers_of, up_to

__all__ = ["Hit", "Hits", "SearchIndex", "TantivyIndex"]

BUILDING: Final = 128_000_000
"""Bytes of memory in which documents gather before they are written, while the index is built."""
KEEPING: Final = 15_000_000
"""The same once it is built: the least that the library takes."""
_EVERY: Final = 65_000
"""Values of a facet that are counted in each segment: all of them."""
_EPOCH: Final = date(1970, 1, 1)
_FACET_SIZE: Final = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """A notice found, and its place in the answers."""

    notice_id: UUID
    position: Position


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found."""

    hits: list[Hit]
    more: bool
    total: int


class SearchIndex(Protocol):
    """What answers searches."""

    def page(self, criteria: Criteria, sort: Sort, after: Position | None, limit: int) -> Hits:
        """Give the answers behind a position, so many at most, and how many there are in all."""
        ...

    def count(self, criteria: Criteria) -> int:
        """Give how many notices answer."""
        ...

    def facets(self, criteria: Criteria, wanted: Sequence[Facet]) -> dict[Facet, dict[str, int]]:
        """Count the answers by the values of each facet, its own filter left out; the most frequent values first."""
        ...

    def points(self, criteria: Criteria) -> dict[str, int]:
        """Count the answers by the points they stand at."""
        ...

    def days(self, criteria: Criteria) -> dict[date, int]:
        """Count the answers by the day of their publication, in Paris."""
        ...


class TantivyIndex:
    """An index in memory, or in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._index = Index(schema(), path=str(folder) if folder else None)
        self._index.register_tokenizer(ANALYZER, analyzer())
        self._writer = self._index.writer(BUILDING, 1)
        self._show()

    @property
    def size(self) -> int:
        """How many notices it holds."""
        return self._shown[0].num_docs

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

    def replace(self, notices: Iterable[UUID], rows: Iterable[IndexRow]) -> None:
        """Forget these notices, add these rows, and show it."""
        for notice_id in notices:
            self._writer.delete_documents_by_term("id", notice_id.hex)
        self.add(rows)
        self._writer.commit()
        self._show()

    def page(self, criteria: Criteria, sort: Sort, after: Position | None, limit: int) -> Hits:
        """Give the answers behind a position, so many at most, and how many there are in all."""
        searcher, _ = self._shown
        query = query_of(searcher, criteria)
        if sort is Sort.DISTANCE:
            found = _by_distance(searcher, criteria, query, after, limit + 1)
        elif sort is Sort.RELEVANCE:
            found = _by_tiers(searcher, tiers_of(searcher, criteria, query), after, limit + 1)
        else:
            order = _Order("soonest" if sort is Sort.DEADLINE else "published", 0, after)
            found, total = _ordered(searcher, query, order, limit + 1)
            if after is None:
                return Hits(found[:limit], len(found) > limit, total)
        return Hits(found[:limit], len(found) > limit, _count(searcher, query))

    def count(self, criteria: Criteria) -> int:
        """Give how many notices answer."""
        searcher, _ = self._shown
        return _count(searcher, query_of(searcher, criteria))

    def facets(self, criteria: Criteria, wanted: Sequence[Facet]) -> dict[Facet, dict[str, int]]:
        """Count the answers by the values of each facet, its own filter left out; the most frequent values first."""
        asked: dict[Criteria, list[Facet]] = {}
        for facet in wanted:
            asked.setdefault(criteria.without(facet), []).append(facet)
        counts: dict[str, dict[str, int]] = {}
        for narrower, facets in asked.items():
            fields = [field for facet in facets for field in _fields(facet, criteria)]
            counts |= self._counted(narrower, fields)
        return {facet: _of_facet(facet, criteria, counts) for facet in wanted}

    def _counted(self, criteria: Criteria, fields: Sequence[str]) -> dict[str, dict[str, int]]:
        searcher, whole = self._shown
        if criteria != Criteria():
            return _counted(searcher, query_of(searcher, criteria), fields)
        if missing := [field for field in fields if field not in whole]:
            whole |= _counted(searcher, query_of(searcher, criteria), missing)
        return {field: whole[field] for field in fields}

    def _show(self) -> None:
        """Take what is committed, and counts of all of it, not made yet: those of a first page and of a single filter."""
        self._index.reload()
        self._shown: tuple[Searcher, dict[str, dict[str, int]]] = (self._index.searcher(), {})

    def points(self, criteria: Criteria) -> dict[str, int]:
        """Count the answers by the points they stand at."""
        searcher, _ = self._shown
        return _counted(searcher, query_of(searcher, criteria), ["point"], size=_EVERY)["point"]

    def days(self, criteria: Criteria) -> dict[date, int]:
        """Count the answers by the day of their publication, in Paris."""
        asked = {"day": {"histogram": {"field": "day", "interval": 1, "min_doc_count": 1}}}
        searcher, _ = self._shown
        buckets = searcher.aggregate(query_of(searcher, criteria), asked)["day"]["buckets"]
        return {_EPOCH + timedelta(days=int(bucket["key"])): bucket["doc_count"] for bucket in buckets}


def _count(searcher: Searcher, query: Query) -> int:
    count: int = searcher.search(query, 1, count=True).count  # type: ignore[attr-defined]  # its stub lacks it
    return count


def _counted(
    searcher: Searcher, query: Query, fields: Sequence[str], size: int = _FACET_SIZE
) -> dict[str, dict[str, int]]:
    asked = {field: {"terms": {"field": field, "size": size, "segment_size": _EVERY}} for field in fields}
    found: dict[str, Any] = searcher.aggregate(query, asked)
    return {
        field: {bucket["key"]: bucket["doc_count"] for bucket in found[field]["buckets"]} if field in found else {}
        for field in fields
    }


def _fields(facet: Facet, criteria: Criteria) -> list[str]:
    """Give the fields that a facet counts: for CPV the divisions, and the level below each branch asked."""
    if facet is Facet.CPV:
        below = {len(branch) + 1 for branch in criteria.cpv} & set(CPV_LEVELS)
        return [f"cpv{level}" for level in sorted({CPV_LEVELS[0], *below})]
    return ["value_class" if facet is Facet.VALUE else facet.value]


def _of_facet(facet: Facet, criteria: Criteria, counts: dict[str, dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for field in _fields(facet, criteria):
        below = facet is Facet.CPV and field != f"cpv{CPV_LEVELS[0]}"
        found |= {
            value: number
            for value, number in counts[field].items()
            if not below or value.startswith(tuple(branch for branch in criteria.cpv if len(branch) == len(value) - 1))
        }
    return found


@dataclass(frozen=True, slots=True)
class _Order:
    """Falling keys of a field, among answers of one rank, behind a position."""

    field: str
    rank: int = 0
    after: Position | None = None


def _by_tiers(searcher: Searcher, tiers: Sequence[Query], after: Position | None, limit: int) -> list[Hit]:
    """Give so many answers behind a position, those of the first tier first."""
    found: list[Hit] = []
    for rank, tier in enumerate(tiers):
        if after is not None and rank < after.rank:
            continue
        behind = after if after is not None and after.rank == rank else None
        found += _ordered(searcher, tier, _Order("published", rank, behind), limit - len(found))[0]
        if len(found) >= limit:
            break
    return found


def _ordered(searcher: Searcher, query: Query, order: _Order, limit: int) -> tuple[list[Hit], int]:
    """Give so many answers by falling keys behind a position, and how many were looked at; those of one key by identifier.

    The index does not order equal keys: all of the last one are read, that none be taken for another.
    """
    found: list[Position] = []
    top = None if order.after is None else order.after.key
    total = None
    while len(found) < limit and (top is None or top >= 0):
        room = limit - len(found)
        batch, count = _read(searcher, query if top is None else up_to(query, order.field, top), order, room + 1)
        total = count if total is None else total
        if len(batch) > room:
            batch, top = _settled(searcher, query, order, batch)
        else:
            top = -1
        found += [each for each in batch if order.after is None or _place(each) > _place(order.after)]
    found.sort(key=_place)
    return [Hit(position.notice, position) for position in found[:limit]], total or 0


def _settled(searcher: Searcher, query: Query, order: _Order, batch: list[Position]) -> tuple[list[Position], int]:
    """Give a batch that ends between two keys, and the greatest key behind it."""
    last = batch[-1].key
    if batch[-2].key != last:
        return batch[:-1], last
    equal = up_to(query, order.field, last, least=last)
    every, _ = _read(searcher, equal, order, max(1, _count(searcher, equal)))
    return [*(each for each in batch if each.key > last), *every], last - 1


def _read(searcher: Searcher, query: Query, order: _Order, limit: int) -> tuple[list[Position], int]:
    result = searcher.search(query, limit, count=True, order_by_field=order.field, order=Order.Desc)
    addresses = [address for _, address in result.hits]
    highs, lows = (searcher.fast_field_values(name, addresses) for name in ("high", "low"))
    found = [
        Position(order.rank, key, identity(int(high or 0), int(low or 0)))
        for (key, _), high, low in zip(result.hits, highs, lows, strict=True)
    ]
    return found, result.count  # type: ignore[attr-defined]  # its stub lacks it


def _place(position: Position) -> tuple[int, int, int]:
    return position.rank, -position.key, -position.notice.int


def _by_distance(searcher: Searcher, criteria: Criteria, query: Query, after: Position | None, limit: int) -> list[Hit]:
    """Give so many answers behind a position, by the metres from the point asked to their nearest point."""
    if criteria.near is None:
        raise ValueError("a distance is from a point")
    found: list[Hit] = []
    nearer: list[str] = []
    anywhere = query_of(searcher, replace(criteria, near=None))  # who stands at a point found is within the radius
    for metres, keys in _rings(searcher, query, criteria.near):
        if after is None or metres >= after.rank:
            here = both(anywhere, any_of("place", keys))
            behind = after if after is not None and after.rank == metres else None
            ring = but(here, any_of("place", nearer)) if nearer else here
            found += _ordered(searcher, ring, _Order("published", metres, behind), limit - len(found))[0]
            if len(found) >= limit:
                break
        nearer += keys
    return found


def _rings(searcher: Searcher, query: Query, near: Near) -> list[tuple[int, list[str]]]:
    """Give the points within the radius where answers stand, nearest first, those of the same metre together."""
    held = None if near.kilometres is None else set(places.within(near.point, near.kilometres))
    rings: dict[int, list[str]] = {}
    for key in _counted(searcher, query, ["point"], size=_EVERY)["point"]:
        place = places.point(key)
        if place is not None and (held is None or key in held):
            rings.setdefault(round(places.distance(near.point, place) * 1000), []).append(key)
    return sorted(rings.items())
