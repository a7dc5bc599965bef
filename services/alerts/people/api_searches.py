"""What a person searches for, follows and mutes, by the link of a mail."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import asyncpg

from libs.common.errors import Conflict, InvalidInput, NotFound
from libs.common.http import Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts import listings
from services.alerts.domain import Holder
from services.alerts.errors import TooManyFollows, TooManySearches, UnselectiveSearch
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
    PersonalSearchChange,
    PersonalSearchInput,
    SearchView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")


@ROUTES.post(
    "/v1/people/{token}/searches", status=201, errors=[NotFound, UnselectiveSearch, TooManySearches], tag="people"
)
async def create_personal_search(uow: Uow, token: str, body: PersonalSearchInput) -> SearchView:
    """Save another search of a person: their address is confirmed already."""
    return SearchView.of(await search_service.create_search(uow, await _holder(uow, token), body.draft()))


@ROUTES.get("/v1/people/{token}/searches", errors=[NotFound, InvalidInput], tag="people")
async def list_personal_searches(runtime: Runtime, token: str, query: PageQuery) -> Page[SearchView]:
    """List a person's searches, oldest first."""
    async with runtime.read() as conn:
        return await listings.searches(runtime, conn, await _reader(runtime, conn, token), query)


@ROUTES.patch("/v1/people/{token}/searches/{search_id}", errors=[NotFound, UnselectiveSearch], tag="people")
async def change_personal_search(uow: Uow, token: str, search_id: UUID, body: PersonalSearchChange) -> SearchView:
    """Change a search, or pause it."""
    holder = await _holder(uow, token)
    return SearchView.of(await search_service.change_search(uow, holder, search_id, body.change()))


@ROUTES.delete("/v1/people/{token}/searches/{search_id}", status=204, errors=[NotFound], tag="people")
async def delete_personal_search(uow: Uow, token: str, search_id: UUID) -> None:
    """Forget a search."""
    await search_service.delete_search(uow, await _holder(uow, token), search_id)


@ROUTES.get("/v1/people/{token}/searches/{search_id}/matches", errors=[NotFound, InvalidInput], tag="people")
async def list_personal_matches(runtime: Runtime, token: str, search_id: UUID, query: PageQuery) -> Page[MatchView]:
    """List what a search found, newest first, with the reasons."""
    async with runtime.read() as conn:
        return await listings.matches(runtime, conn, await _reader(runtime, conn, token), search_id, query)


@ROUTES.put(
    "/v1/people/{token}/searches/{search_id}/matches/{notice_id}/feedback", status=204, errors=[NotFound], tag="people"
)
async def judge_personal_match(uow: Uow, token: str, search_id: UUID, notice_id: UUID, body: FeedbackInput) -> None:
    """Say whether more or less like a notice is wanted."""
    await search_service.judge(uow, await _holder(uow, token), search_id, notice_id, relevant=body.relevant)


@ROUTES.put("/v1/people/{token}/searches/{search_id}/feed", errors=[NotFound], tag="people")
async def renew_personal_feed(uow: Uow, token: str, search_id: UUID) -> FeedView:
    """Give the feeds of a search a new address; those before are no longer good."""
    return FeedView(**await feed_service.renew(uow, await _holder(uow, token), search_id))


@ROUTES.delete("/v1/people/{token}/searches/{search_id}/feed", status=204, errors=[NotFound], tag="people")
async def end_personal_feed(uow: Uow, token: str, search_id: UUID) -> None:
    """Leave the feeds of a search without an address."""
    await feed_service.end(uow, await _holder(uow, token), search_id)


@ROUTES.put("/v1/people/{token}/followed/{procedure}", status=204, errors=[NotFound, TooManyFollows], tag="people")
async def follow_personally(uow: Uow, token: str, procedure: UUID) -> None:
    """Follow a procedure."""
    await news_service.follow(uow, await _holder(uow, token), procedure)


@ROUTES.delete("/v1/people/{token}/followed/{procedure}", status=204, errors=[NotFound], tag="people")
async def unfollow_personally(uow: Uow, token: str, procedure: UUID) -> None:
    """Follow a procedure no more."""
    await news_service.unfollow(uow, await _holder(uow, token), procedure)


@ROUTES.get("/v1/people/{token}/followed", errors=[NotFound, InvalidInput], tag="people")
async def list_personal_followed(runtime: Runtime, token: str, query: PageQuery) -> Page[FollowView]:
    """List the procedures a person follows, newest first."""
    async with runtime.read() as conn:
        return await listings.followed(runtime, conn, await _reader(runtime, conn, token), query)


@ROUTES.put("/v1/people/{token}/muted/{kind}/{subject}", status=204, errors=[NotFound, Conflict], tag="people")
async def mute_personally(uow: Uow, token: str, kind: Literal["notice", "buyer"], subject: str) -> None:
    """Have no alert about a notice and what follows it, or about what a buyer publishes."""
    await subscribers.mute(uow, await _holder(uow, token), kind, subject)


@ROUTES.delete("/v1/people/{token}/muted/{kind}/{subject}", status=204, errors=[NotFound], tag="people")
async def unmute_personally(uow: Uow, token: str, kind: Literal["notice", "buyer"], subject: str) -> None:
    """Have alerts about it again."""
    await subscribers.unmute(uow, await _holder(uow, token), kind, subject)


@ROUTES.get("/v1/people/{token}/muted", errors=[NotFound, InvalidInput], tag="people")
async def list_personal_muted(runtime: Runtime, token: str, query: PageQuery) -> Page[MutedView]:
    """List what a person muted, newest first."""
    async with runtime.read() as conn:
        return await listings.muted(runtime, conn, await _reader(runtime, conn, token), query)


async def _holder(uow: Uow, token: str) -> Holder:
    return subscribers.holder(await subscribers.of_link(uow.conn, uow.runtime.settings, token))


async def _reader(runtime: Runtime, conn: asyncpg.Connection, token: str) -> Holder:
    return subscribers.holder(await subscribers.of_link(conn, runtime.settings, token))
