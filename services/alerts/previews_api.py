"""Searches tried out on the notices of the last month, saved or not."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import InvalidInput, NotFound, TooManyRequests
from libs.common.http import Routes
from libs.common.http.gate import address
from libs.common.http.limits import Limiter
from libs.common.runtime import Runtime
from services.alerts.errors import UnselectiveSearch
from services.alerts.matching.criteria import Criteria
from services.alerts.paging import cursor_of, key_of
from services.alerts.people import subscribers
from services.alerts.service.previews import Found, preview
from services.alerts.service.searches import holder_of, read_search
from services.alerts.store.sql import LAST
from services.alerts.views import PageQuery, PreviewedView, PreviewView

__all__ = ["ROUTES", "PreviewLimiter"]

ROUTES = Routes("alerts")


class PreviewLimiter(Limiter):
    """How many searches one caller may try out in a minute."""


@ROUTES.post("/v1/previews", errors=[UnselectiveSearch, InvalidInput, TooManyRequests], tag="searches")
async def preview_search(request: web.Request, runtime: Runtime, body: Criteria, query: PageQuery) -> PreviewView:
    """Try a search out before it is saved: the notices of the last 30 days that it would have found, newest first."""
    return await _preview(runtime, request, body, query)


@ROUTES.get("/v1/searches/{search_id}/preview", errors=[NotFound, InvalidInput, TooManyRequests], tag="searches")
async def preview_saved_search(
    request: web.Request, runtime: Runtime, actor: Actor, search_id: UUID, query: PageQuery
) -> PreviewView:
    """Give the notices of the last 30 days that a saved search finds, those of before it was saved too."""
    async with runtime.read() as conn:
        search = await read_search(conn, await holder_of(conn, actor), search_id)
    return await _preview(runtime, request, search.criteria, query)


@ROUTES.get(
    "/v1/people/{token}/searches/{search_id}/preview",
    errors=[NotFound, InvalidInput, TooManyRequests],
    tag="people",
)
async def preview_personal_search(
    request: web.Request, runtime: Runtime, token: str, search_id: UUID, query: PageQuery
) -> PreviewView:
    """Give the notices of the last 30 days that a person's search finds, those of before it was saved too."""
    async with runtime.read() as conn:
        holder = subscribers.holder(await subscribers.of_link(conn, runtime.settings, token))
        search = await read_search(conn, holder, search_id)
    return await _preview(runtime, request, search.criteria, query)


async def _preview(runtime: Runtime, request: web.Request, criteria: Criteria, query: PageQuery) -> PreviewView:
    before = key_of(runtime, query.cursor, LAST)
    runtime.port(PreviewLimiter).take(address(request, runtime.settings.proxies))
    tried = await preview(runtime, criteria)
    rest = [each for each in tried.found if (each.notice.published_at, each.notice.notice_id) < before]
    shown = rest[: query.limit]
    return PreviewView(
        since=tried.since,
        count=len(tried.found),
        whole=tried.whole,
        items=[_view(each) for each in shown],
        next=cursor_of(runtime, shown[-1].notice.published_at, shown[-1].notice.notice_id)
        if len(rest) > len(shown)
        else None,
    )


def _view(found: Found) -> PreviewedView:
    notice = found.notice
    return PreviewedView.model_validate(
        {
            "notice_id": notice.shown,
            "procedure": notice.procedure,
            "phase": notice.phase,
            "title": notice.title,
            "buyer_name": notice.buyer_name,
            "departments": notice.departments,
            "deadline": notice.deadline,
            "published_at": notice.published_at,
            "reasons": [reason.told() for reason in found.reasons],
        }
    )
