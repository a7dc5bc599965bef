"""The search of published notices: pages, counts, map, feeds."""

from __future__ import annotations

from uuid import UUID

from libs.common.errors import FieldError, InvalidInput
from libs.common.http import Cursor, Routes
from libs.common.runtime import Runtime
from services.notices.inputs.search import NoticeQuery
from services.notices.search.criteria import Position, Sort
from services.notices.search.errors import IndexBuilding
from services.notices.service import search as service
from services.notices.views.search import FoundView, SearchPage, facets_of

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/notices", tag="search", errors=[IndexBuilding])
async def search_notices(runtime: Runtime, query: NoticeQuery) -> SearchPage:
    """Search published notices: words, codes, places, values, dates; counted by facets, sorted, page by page."""
    found = await service.search(
        runtime,
        service.Asked(
            criteria=query.criteria(),
            sort=query.sort,
            after=_after(runtime, query),
            limit=query.limit,
            facets=tuple(dict.fromkeys(query.facets)),
        ),
    )
    now = runtime.clock.now()
    return SearchPage(
        items=[FoundView.found(each, now, query.sort) for each in found.notices],
        next=_cursor(runtime, query.sort, found.following),
        total=found.total,
        facets=facets_of(found),
    )


def _after(runtime: Runtime, query: NoticeQuery) -> Position | None:
    """Give the place that a cursor marks. Raises InvalidInput on one of another list, or of another order."""
    if query.cursor is None:
        return None
    position = Cursor.decode(runtime, query.cursor)
    if position["sort"] != query.sort:
        french = f"Ce curseur suit un autre tri ({position['sort']}) : gardez le même d'une page à l'autre."
        english = f"This cursor follows another order ({position['sort']}): keep the same from page to page."
        raise InvalidInput(french, english, errors=[FieldError("query/cursor", french, english)])
    return Position(position["rank"], position["key"], UUID(position["id"]))


def _cursor(runtime: Runtime, sort: Sort, position: Position | None) -> str | None:
    if position is None:
        return None
    marked = {"sort": sort.value, "rank": position.rank, "key": position.key, "id": position.notice}
    return Cursor.encode(runtime, marked)
