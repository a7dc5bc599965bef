"""The search of published notices: pages, counts, map, feeds."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from libs.common.errors import FieldError, InvalidInput
from libs.common.http import Cursor, Routes
from libs.common.http.conditional import etag, is_unchanged
from libs.common.runtime import Runtime
from services.notices.inputs.search import CriteriaQuery, MapQuery, NoticeQuery, StatisticsQuery
from services.notices.search.criteria import Position, Sort
from services.notices.search.errors import IndexBuilding
from services.notices.service import search as service
from services.notices.views.search import FoundView, SearchPage, StatisticsView, facets_of, statistics
from services.notices.views.search_feeds import ATOM, CALENDAR, atom, calendar
from services.notices.views.search_map import clusters

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
GEOJSON: Final = "application/geo+json"
_PARIS: Final = ZoneInfo("Europe/Paris")
_SECONDS: Final = 60
"""How long caches may keep what is followed."""
_ENTRIES: Final = 50
_EVENTS: Final = 500


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


@ROUTES.get("/v1/notices/statistics", tag="search", errors=[IndexBuilding], cache=_SECONDS)
async def search_statistics(runtime: Runtime, query: StatisticsQuery) -> StatisticsView:
    """Count the answers of a search by day, week or month of publication: what an alert on it would have brought."""
    days = await service.days(runtime, query.criteria())
    return statistics(days, query.by, runtime.clock.now().astimezone(_PARIS).date())


@ROUTES.get("/v1/notices/map", tag="search", errors=[IndexBuilding], produces=[GEOJSON])
async def search_map(request: web.Request, runtime: Runtime, query: MapQuery) -> web.StreamResponse:
    """Show the answers of a search in a part of the map, gathered in clusters: GeoJSON (RFC 7946)."""
    counts = await service.points(runtime, query.criteria())
    found = await asyncio.to_thread(clusters, counts, query.bbox, query.zoom)
    return _cacheable(request, found.model_dump_json(exclude_none=False).encode(), GEOJSON)


@ROUTES.get("/v1/notices/atom", tag="search", errors=[IndexBuilding], produces=[ATOM])
async def search_atom(request: web.Request, runtime: Runtime, query: CriteriaQuery) -> web.StreamResponse:
    """Follow a search in a feed reader: its 50 newest answers, as Atom (RFC 4287)."""
    found = await service.search(runtime, service.Asked(query.criteria(), limit=_ENTRIES))
    public_url = runtime.settings.public_url
    address = f"{public_url}{request.rel_url}"
    return _cacheable(
        request, atom([each.notice for each in found.notices], address=address, public_url=public_url), ATOM
    )


@ROUTES.get("/v1/notices/calendar", tag="search", errors=[IndexBuilding], produces=[CALENDAR])
async def search_calendar(request: web.Request, runtime: Runtime, query: CriteriaQuery) -> web.StreamResponse:
    """Follow the deadlines to come of a search in a calendar: the 500 next ones, as iCalendar (RFC 5545)."""
    found = await service.deadlines(runtime, query.criteria(), _EVENTS)
    return _cacheable(request, calendar(found, public_url=runtime.settings.public_url), CALENDAR)


def _cacheable(request: web.Request, body: bytes, media_type: str) -> web.Response:
    """Give what is the same for everybody, or 304 to who has it."""
    headers = {"ETag": etag(body, None), "Cache-Control": f"public, max-age={_SECONDS}", "Vary": "Origin"}
    if is_unchanged(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    charset = None if media_type == GEOJSON else "utf-8"
    return web.Response(body=body, content_type=media_type, charset=charset, headers=headers)


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
