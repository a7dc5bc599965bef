"""The search of published notices: found in the index of the process, read in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.search.criteria import Criteria, Facet, Position, Sort
from services.notices.search.errors import IndexBuilding
from services.notices.search.fields import published_at, published_key
from services.notices.search.index import Hit
from services.notices.service.indexing import LiveIndex
from services.notices.store import search as store

__all__ = ["Asked", "Found", "FoundNotice", "days", "deadlines", "points", "search"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a search."""

    criteria: Criteria = field(default_factory=Criteria)
    sort: Sort = Sort.PUBLISHED
    after: Position | None = None
    limit: int = 20
    facets: tuple[Facet, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundNotice:
    """A notice found, and its place in the answers."""

    notice: Notice
    position: Position


@dataclass(frozen=True, slots=True)
class Found:
    """A page of answers."""

    notices: list[FoundNotice]
    following: Position | None
    """Behind which the next page begins; None on the last one."""
    total: int | None = None
    """None while the index is built."""
    facets: Mapping[Facet, Mapping[str, int]] = field(default_factory=dict)
    buyers: Mapping[str, str] = field(default_factory=dict)
    """The names of the buyers that the facets count."""


async def search(runtime: Runtime, asked: Asked) -> Found:
    """Give a page of a search; all that was committed before it is seen.

    While the index is built PostgreSQL answers what it can: some criteria, newest first, without counts. Raises
    IndexBuilding for the rest.
    """
    live = runtime.port(LiveIndex)
    await live.fresh()
    if not live.ready:
        return await _from_database(runtime, asked)

    hits = await live.ask(lambda index: index.page(asked.criteria, asked.sort, asked.after, asked.limit, asked.facets))
    following = hits.hits[-1].position if hits.more else None
    buyers = list(hits.facets.get(Facet.BUYER, ()))
    async with runtime.read() as conn:
        found = await store.notices(conn, [hit.notice_id for hit in hits.hits])
        names = await store.buyer_names(conn, buyers) if buyers else {}
    return Found(_placed(found, hits.hits), following, hits.total, hits.facets, names)


async def deadlines(runtime: Runtime, criteria: Criteria, limit: int) -> list[Notice]:
    """Give so many answers whose deadline is to come, soonest first. Raises IndexBuilding."""
    now = runtime.clock.now()
    ahead = replace(criteria, deadline_after=max(now, criteria.deadline_after or now))
    found = await search(runtime, Asked(ahead, Sort.DEADLINE, None, limit))
    return [each.notice for each in found.notices]


async def points(runtime: Runtime, criteria: Criteria) -> dict[str, int]:
    """Count the answers by the points of the map they stand at. Raises IndexBuilding."""
    live = await _built(runtime)
    return await live.ask(lambda index: index.points(criteria))


async def days(runtime: Runtime, criteria: Criteria) -> dict[date, int]:
    """Count the answers by the day of their publication. Raises IndexBuilding."""
    live = await _built(runtime)
    return await live.ask(lambda index: index.days(criteria))


async def _built(runtime: Runtime) -> LiveIndex:
    live = runtime.port(LiveIndex)
    await live.fresh()
    if not live.ready:
        raise IndexBuilding
    return live


async def _from_database(runtime: Runtime, asked: Asked) -> Found:
    if asked.facets or not store.can_answer(asked.criteria, asked.sort):
        raise IndexBuilding
    after = (published_at(asked.after.key), asked.after.notice) if asked.after else None
    async with runtime.read() as conn:
        wanted = await store.search(conn, asked.criteria, after, asked.limit + 1)
        found = await store.notices(conn, wanted[: asked.limit])
    hits = [Hit(notice.notice_id, _position(notice)) for notice in found]
    return Found(_placed(found, hits), hits[-1].position if len(wanted) > asked.limit and hits else None)


def _position(notice: Notice) -> Position:
    if notice.published_at is None:
        raise ValueError("a draft is not found")
    return Position(0, published_key(notice.published_at, notice.notice_id), notice.notice_id)


def _placed(notices: list[Notice], hits: list[Hit]) -> list[FoundNotice]:
    positions: dict[UUID, Position] = {hit.notice_id: hit.position for hit in hits}
    return [FoundNotice(notice, positions[notice.notice_id]) for notice in notices]
