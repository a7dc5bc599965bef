"""The lists that an organisation and a person read alike, page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.http import Cursor, Page
from libs.common.runtime import Runtime
from services.alerts.domain import Holder
from services.alerts.paging import cursor_of, key_of, read_cursor
from services.alerts.people import store as people_store
from services.alerts.people.views import MutedView
from services.alerts.service.searches import read_search
from services.alerts.settings import AlertsSettings
from services.alerts.store import news as news_store
from services.alerts.store import searches as search_store
from services.alerts.store.sql import FIRST, LAST
from services.alerts.views import FollowView, MatchView, PageQuery, SearchView

__all__ = ["followed", "matches", "muted", "searches"]

_LAST_MUTED: people_store.MutedKey = (datetime(9999, 12, 31, tzinfo=UTC), "", "")


async def searches(runtime: Runtime, conn: asyncpg.Connection, holder: Holder, query: PageQuery) -> Page[SearchView]:
    """Give a holder's searches, oldest first. Raises InvalidInput."""
    after = key_of(runtime, query.cursor, FIRST)
    found = await search_store.searches(conn, holder, after, query.limit + 1)
    shown = found[: query.limit]
    following = cursor_of(runtime, shown[-1].created_at, shown[-1].search_id) if len(found) > query.limit else None
    return Page(items=[SearchView.of(search) for search in shown], next=following)


async def matches(
    runtime: Runtime, conn: asyncpg.Connection, holder: Holder, search_id: UUID, query: PageQuery
) -> Page[MatchView]:
    """Give what a holder's search found, newest first. Raises NotFound, InvalidInput."""
    before = key_of(runtime, query.cursor, LAST)
    await read_search(conn, holder, search_id)
    found = await search_store.matches(conn, search_id, before, query.limit + 1)
    domain, shown = runtime.port(AlertsSettings).mail_domain, found[: query.limit]
    more = len(found) > query.limit
    following = cursor_of(runtime, shown[-1]["matched_at"], shown[-1]["notice_id"]) if more else None
    return Page(items=[MatchView.of(row, domain) for row in shown], next=following)


async def followed(runtime: Runtime, conn: asyncpg.Connection, holder: Holder, query: PageQuery) -> Page[FollowView]:
    """Give the procedures a holder follows, newest first. Raises InvalidInput."""
    before = key_of(runtime, query.cursor, LAST)
    found = await news_store.follows(conn, holder, before, query.limit + 1)
    shown, more = found[: query.limit], len(found) > query.limit
    following = cursor_of(runtime, shown[-1]["since"], shown[-1]["procedure"]) if more else None
    return Page(items=[FollowView(**dict(row)) for row in shown], next=following)


async def muted(runtime: Runtime, conn: asyncpg.Connection, holder: Holder, query: PageQuery) -> Page[MutedView]:
    """Give what a holder muted, newest first. Raises InvalidInput."""
    before = read_cursor(runtime, query.cursor, _muted) if query.cursor else _LAST_MUTED
    found = await people_store.muted(conn, holder, before, query.limit + 1)
    shown = found[: query.limit]
    following = _muted_cursor(runtime, shown[-1]) if len(found) > query.limit else None
    return Page(items=[MutedView.of(each) for each in shown], next=following)


def _muted(position: dict[str, Any]) -> people_store.MutedKey:
    return datetime.fromisoformat(position["since"]), position["kind"], position["subject"]


def _muted_cursor(runtime: Runtime, last: people_store.Muted) -> str:
    return Cursor.encode(runtime, {"since": last.since.isoformat(), "kind": last.kind, "subject": last.subject})
