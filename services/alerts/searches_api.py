"""The searches of an identified person: those their organisation shares, and their own."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Conflict, InvalidInput, NotFound
from libs.common.feeds import ATOM, CALENDAR
from libs.common.http import Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts import listings
from services.alerts.domain import Holder
from services.alerts.errors import NoAddress, TooManyFollows, TooManySearches, UnselectiveSearch
from services.alerts.people import subscribers
from services.alerts.people.views import MutedView
from services.alerts.service import feeds as feed_service
from services.alerts.service import news as news_service
from services.alerts.service import searches as search_service
from services.alerts.views import (
    FeedbackInput,
    FeedView,
    FollowView,
    MatchView,
    PageQuery,
    SearchChange,
    SearchInput,
    SearchView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")


@ROUTES.post(
    "/v1/searches",
    status=201,
    errors=[UnselectiveSearch, TooManySearches, NoAddress],
    tag="searches",
    location="/v1/searches/{search_id}",
)
async def create_search(uow: Uow, actor: Actor, body: SearchInput) -> SearchView:
    """Save a search: each notice published from now on is held against it."""
    holder = await search_service.holder_of(uow.conn, actor)
    owner = search_service.search_owner(holder, team=body.team)
    return SearchView.of(await search_service.create_search(uow, owner, body.draft()))


@ROUTES.get("/v1/searches", errors=[InvalidInput], tag="searches")
async def list_searches(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[SearchView]:
    """List the searches that the organisation shares, and one's own, oldest first."""
    async with runtime.read() as conn:
        return await listings.searches(runtime, conn, await search_service.holder_of(conn, actor), query)


@ROUTES.get("/v1/searches/{search_id}", errors=[NotFound], tag="searches")
async def get_search(runtime: Runtime, actor: Actor, search_id: UUID) -> SearchView:
    """Read a saved search."""
    async with runtime.read() as conn:
        holder = await search_service.holder_of(conn, actor)
        return SearchView.of(await search_service.read_search(conn, holder, search_id))


@ROUTES.patch("/v1/searches/{search_id}", errors=[NotFound, UnselectiveSearch, NoAddress], tag="searches")
async def change_search(uow: Uow, actor: Actor, search_id: UUID, body: SearchChange) -> SearchView:
    """Change a search, pause it, share it with the organisation or keep it to oneself."""
    holder = await search_service.holder_of(uow.conn, actor)
    return SearchView.of(await search_service.change_search(uow, holder, search_id, body.change()))


@ROUTES.get("/v1/searches/{search_id}/matches", errors=[NotFound, InvalidInput], tag="searches")
async def list_matches(runtime: Runtime, actor: Actor, search_id: UUID, query: PageQuery) -> Page[MatchView]:
    """List what a search found, newest first, with the reasons and what became of the mail."""
    async with runtime.read() as conn:
        return await listings.matches(runtime, conn, await search_service.holder_of(conn, actor), search_id, query)


@ROUTES.put("/v1/searches/{search_id}/matches/{notice_id}/feedback", status=204, errors=[NotFound], tag="searches")
async def judge_match(uow: Uow, actor: Actor, search_id: UUID, notice_id: UUID, body: FeedbackInput) -> None:
    """Say whether more or less like a notice is wanted."""
    holder = await search_service.holder_of(uow.conn, actor)
    await search_service.judge(uow, holder, search_id, notice_id, relevant=body.relevant)


@ROUTES.put("/v1/searches/{search_id}/feed", errors=[NotFound], tag="searches")
async def renew_feed(uow: Uow, actor: Actor, search_id: UUID) -> FeedView:
    """Give the feeds of a search a new address, shown this once; those before are no longer good."""
    return FeedView(**await feed_service.renew(uow, await search_service.holder_of(uow.conn, actor), search_id))


@ROUTES.delete("/v1/searches/{search_id}/feed", status=204, errors=[NotFound], tag="searches")
async def end_feed(uow: Uow, actor: Actor, search_id: UUID) -> None:
    """Leave the feeds of a search without an address."""
    await feed_service.end(uow, await search_service.holder_of(uow.conn, actor), search_id)


@ROUTES.delete("/v1/searches/{search_id}", status=204, errors=[NotFound], tag="searches")
async def delete_search(uow: Uow, actor: Actor, search_id: UUID) -> None:
    """Forget a saved search."""
    await search_service.delete_search(uow, await search_service.holder_of(uow.conn, actor), search_id)


@ROUTES.get("/v1/feeds/{token}/atom", errors=[NotFound], tag="searches", produces=[ATOM])
async def get_search_atom(runtime: Runtime, token: str) -> web.StreamResponse:
    """Follow what a search found in a feed reader, its 50 last notices: Atom (RFC 4287). Who has the address reads it."""
    return _feed(await feed_service.atom(runtime, token), ATOM)


@ROUTES.get("/v1/feeds/{token}/calendar", errors=[NotFound], tag="searches", produces=[CALENDAR])
async def get_search_calendar(runtime: Runtime, token: str) -> web.StreamResponse:
    """Follow the deadlines of what a search found in a calendar: iCalendar (RFC 5545). Who has the address reads it."""
    return _feed(await feed_service.calendar(runtime, token), CALENDAR)


@ROUTES.put("/v1/followed/{procedure}", status=204, errors=[NotFound, TooManyFollows], tag="followed")
async def follow_procedure(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Follow a procedure: all that becomes of it is mailed to the organisation's address. Nobody else knows who follows."""
    await news_service.follow(uow, Holder(actor.organisation), procedure)


@ROUTES.delete("/v1/followed/{procedure}", status=204, errors=[NotFound], tag="followed")
async def unfollow_procedure(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Follow a procedure no more."""
    await news_service.unfollow(uow, Holder(actor.organisation), procedure)


@ROUTES.get("/v1/followed", errors=[InvalidInput], tag="followed")
async def list_followed(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[FollowView]:
    """List the procedures the organisation follows, newest first."""
    async with runtime.read() as conn:
        return await listings.followed(runtime, conn, Holder(actor.organisation), query)


@ROUTES.put("/v1/muted/{kind}/{subject}", status=204, errors=[NotFound, Conflict], tag="muted")
async def mute(uow: Uow, actor: Actor, kind: Literal["notice", "buyer"], subject: str) -> None:
    """Have no alert to the organisation about a notice and what follows it, or about what a buyer publishes."""
    await subscribers.mute(uow, Holder(actor.organisation), kind, subject)


@ROUTES.delete("/v1/muted/{kind}/{subject}", status=204, errors=[NotFound], tag="muted")
async def unmute(uow: Uow, actor: Actor, kind: Literal["notice", "buyer"], subject: str) -> None:
    """Have alerts about it again."""
    await subscribers.unmute(uow, Holder(actor.organisation), kind, subject)


@ROUTES.get("/v1/muted", errors=[InvalidInput], tag="muted")
async def list_muted(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[MutedView]:
    """List what the organisation muted, newest first."""
    async with runtime.read() as conn:
        return await listings.muted(runtime, conn, Holder(actor.organisation), query)


def _feed(body: bytes, media_type: str) -> web.Response:
    headers = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
    return web.Response(body=body, content_type=media_type, charset="utf-8", headers=headers)
