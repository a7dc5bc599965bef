"""Pages of answers in each order, behind a position."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import Final
from uuid import UUID

from tantivy import Order, Query, Searcher

from libs.common.search import places
from services.notices.search.counts import by_value, count
from services.notices.search.criteria import Criteria, Near, Position
from services.notices.search.fields import FIRST_YEAR, LAST_YEAR, identity
from services.notices.search.queries import any_of, both, but, query_of, since, up_to

__all__ = ["Hit", "Recent", "by_deadline", "by_distance", "by_publication", "by_tiers"]

_ENOUGH: Final = 4
"""Times the answers of a page that are looked for among the newest notices, should they be spread evenly."""
_WORTH: Final = 4
"""Parts of the index of which one is looked at instead of all."""
_FIRST_METRES: Final = 5_000
_WIDER: Final = 4
_WIDEST_METRES: Final = 500_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A notice found, and its place in the answers."""

    notice_id: UUID
    position: Position


class Recent:
    """How many notices each day had: where a page of the newest answers is likely to end.

    It may be old: it tells where to look first, not what is there.
    """

    def __init__(self, days: Mapping[date, int]) -> None:
        newest_first = sorted(days.items(), reverse=True)
        self._days = [day for day, _ in newest_first]
        self._behind = list(accumulate(number for _, number in newest_first))
        """Notices of each day and all after it."""

    def since(self, wanted: int, total: int, newest: date | None) -> date | None:
        """Give a day after which so many of `total` answers are likely, from a day backwards; None: better look at all."""
        if not self._days or not total:
            return None
        size = self._behind[-1]
        ahead = 0 if newest is None else self._ahead(newest)
        reach = ahead + wanted * _ENOUGH * size // total
        if (reach - ahead) * _WORTH > size or reach >= size:
            return None
        day = self._days[bisect_left(self._behind, reach)]
        return day if FIRST_YEAR < day.year < LAST_YEAR else None

    def _ahead(self, newest: date) -> int:
        later = bisect_left(self._days, -newest.toordinal(), key=lambda day: -day.toordinal())
        return self._behind[later - 1] if later else 0


def by_publication(
    searcher: Searcher, query: Query, after: Position | None, limit: int, likely: date | None = None
) -> tuple[list[Hit], int]:
    """Give so many answers behind a position, newest first, and how many were looked at.

    Those since the likely day are looked at first: where they are enough, no other is needed.
    """
    order = _Order("published", 0, after)
    if likely is not None:
        found, looked_at = _ordered(searcher, both(query, since(likely)), order, limit)
        if len(found) == limit:
            return found, looked_at
    return _ordered(searcher, query, order, limit)


def by_deadline(searcher: Searcher, query: Query, after: Position | None, limit: int) -> tuple[list[Hit], int]:
    """Give so many answers behind a position, soonest deadline first, and how many were looked at."""
    return _ordered(searcher, query, _Order("soonest", 0, after), limit)


@dataclass(frozen=True, slots=True)
class _Order:
    """Falling keys of a field, among answers of one rank, behind a position."""

    field: str
    rank: int = 0
    after: Position | None = None


def by_tiers(searcher: Searcher, tiers: Sequence[Query], after: Position | None, limit: int) -> list[Hit]:
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
        batch, number = _read(searcher, query if top is None else up_to(query, order.field, top), order, room + 1)
        total = number if total is None else total
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
    every, _ = _read(searcher, equal, order, max(1, count(searcher, equal)))
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


def by_distance(searcher: Searcher, criteria: Criteria, after: Position | None, limit: int) -> list[Hit]:
    """Give so many answers behind a position, by the metres from the point asked to their nearest point.

    Small circles are looked at first: who stands in one is nearer than who does not.
    """
    if criteria.near is None:
        raise ValueError("a distance is from a point")
    anywhere = query_of(searcher, replace(criteria, near=None))
    for circle in _circles(criteria.near, after):
        found = _within(searcher, anywhere, circle, after, limit)
        if len(found) == limit:
            break
    return found


def _circles(near: Near, after: Position | None) -> Iterator[Near]:
    """Give wider and wider circles, the one that is asked last. Each holds all points of its last metre."""
    metres = max(_FIRST_METRES, after.rank if after else 0)
    widest = _WIDEST_METRES if near.kilometres is None else near.kilometres * 1000
    while metres < widest:
        yield replace(near, kilometres=(metres + 0.5) / 1000)
        metres *= _WIDER
    yield near


def _within(searcher: Searcher, anywhere: Query, near: Near, after: Position | None, limit: int) -> list[Hit]:
    found: list[Hit] = []
    nearer: list[str] = []
    for metres, keys in _rings(searcher, anywhere, near):
        if after is None or metres >= after.rank:
            here = both(anywhere, any_of("place", keys))
            behind = after if after is not None and after.rank == metres else None
            ring = but(here, any_of("place", nearer)) if nearer else here
            found += _ordered(searcher, ring, _Order("published", metres, behind), limit - len(found))[0]
            if len(found) >= limit:
                break
        nearer += keys
    return found


def _rings(searcher: Searcher, anywhere: Query, near: Near) -> list[tuple[int, list[str]]]:
    """Give the points of a circle where answers stand, nearest first, those of the same metre together."""
    held = None if near.kilometres is None else set(places.within(near.point, near.kilometres))
    query = anywhere
    if near.kilometres is not None:
        query = both(anywhere, any_of("place", places.circle(near.point, near.kilometres)))
    rings: dict[int, list[str]] = {}
    for key in by_value(searcher, query, "point"):
        place = places.point(key)
        if place is not None and (held is None or key in held):
            rings.setdefault(round(places.distance(near.point, place) * 1000), []).append(key)
    return sorted(rings.items())
