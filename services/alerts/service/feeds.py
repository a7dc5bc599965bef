"""The feeds of a search: addresses that nobody guesses, and that end when a new one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from libs.common import feeds
from libs.common.errors import NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.domain import Holder, Search, Told
from services.alerts.people import links
from services.alerts.service.searches import read_search
from services.alerts.store import searches as store

__all__ = ["atom", "calendar", "end", "renew"]

_ENTRIES = 50
_EVENTS = 500
_FEEDS = ("atom", "calendar")


async def renew(uow: Uow, holder: Holder, search_id: UUID) -> dict[str, str]:
    """Give the feeds of a search new addresses; those before are no longer good. Raises NotFound."""
    search = await read_search(uow.conn, holder, search_id)
    search = replace(search, feed=await store.set_feed(uow.conn, search_id))
    uow.audit("alerts.feed.renewed", str(search_id))
    return {name: links.feed(uow.runtime.settings, search, name) for name in _FEEDS}


async def end(uow: Uow, holder: Holder, search_id: UUID) -> None:
    """Leave the feeds of a search without an address. Raises NotFound."""
    await read_search(uow.conn, holder, search_id)
    await store.end_feed(uow.conn, search_id)
    uow.audit("alerts.feed.ended", str(search_id))


async def atom(runtime: Runtime, token: str) -> bytes:
    """Give what a search found last, as Atom (RFC 4287). Raises NotFound."""
    search, found = await _found(runtime, token, _ENTRIES)
    address = links.feed(runtime.settings, search, "atom")
    return feeds.atom(_items(runtime, found), title=f"Halles : {search.name}", address=address)


async def calendar(runtime: Runtime, token: str) -> bytes:
    """Give the deadlines of what a search found, as iCalendar (RFC 5545). Raises NotFound."""
    search, found = await _found(runtime, token, _EVENTS)
    host = runtime.settings.public_url.partition("://")[2].partition("/")[0]
    return feeds.calendar(_items(runtime, found), title=f"Halles : {search.name}", host=host)


async def _found(runtime: Runtime, token: str, limit: int) -> tuple[Search, Sequence[Told]]:
    known = links.read(runtime.settings, token, links.FEED)
    async with runtime.read() as conn:
        search = await store.search(conn, known[0]) if known else None
        if known is None or search is None or search.feed != known[1]:
            raise NotFound("Cette adresse de flux est inconnue ou n'a plus cours.", "This feed is unknown or ended.")
        return search, await store.latest(conn, search.search_id, limit)


def _items(runtime: Runtime, found: Sequence[Told]) -> list[feeds.Item]:
    return [_item(runtime, told) for told in found]


def _item(runtime: Runtime, told: Told) -> feeds.Item:
    return feeds.Item(
        identity=told.notice_id,
        group=told.procedure or told.notice_id,
        title=told.title,
        author=told.buyer_name,
        published_at=told.published_at,
        deadline=told.deadline,
        address=f"{runtime.settings.public_url}/notices/v1/notices/{told.shown}/page",
        codes=tuple(told.cpv),
        summary=feeds.summary(told.buyer_name, told.deadline),
    )
