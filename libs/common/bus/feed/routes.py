"""`GET /v1/events`: a page at once, a page when there is something (`wait`), or a stream (`Accept: text/event-stream`)."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from libs.common.actor import Actor
from libs.common.bus import cursor
from libs.common.bus.feed.hub import hub_of
from libs.common.bus.feed.query import FeedPage, FeedQuery, check_types
from libs.common.bus.feed.reading import ArchivedError, Page, Place
from libs.common.bus.feed.rights import Rights
from libs.common.bus.feed.stream import MEDIA_TYPE, asks_for_stream, stream
from libs.common.errors import FieldError, InvalidInput
from libs.common.http import Routes
from libs.common.http.gate import address
from libs.common.runtime import Runtime

__all__ = ["routes"]

_LOOK = 5.0  # seconds between two looks at whether a caller who waits is still there


def routes(service: str) -> Routes:
    """Give the feed of a service; its application mounts it beside its own routes."""
    found = Routes(service)
    found.get("/v1/events", tag="events", errors=[InvalidInput, ArchivedError], produces=[MEDIA_TYPE])(_events)
    return found


async def _events(
    runtime: Runtime, actor: Actor | None, query: FeedQuery, request: web.Request
) -> FeedPage | web.StreamResponse:
    """Read the events of this service, oldest first.

    Follow it by passing `next` as `after`, for ever: each event you may know of comes exactly once. Anonymous callers
    and partners get the public events; companies also those that concern them, and who holds a role in all of a buyer also
    those of that buyer, each from the moment the law lets it be told. With `wait`, the answer comes as soon as there is an event. With `Accept: text/event-stream`,
    events come as they happen (`id`: the cursor, taken back as `Last-Event-ID`).
    """
    check_types(runtime.service.name, query.types)
    rights = Rights(runtime, actor, query.types)
    if asks_for_stream(request):
        return await _stream(request, runtime, query, rights, _caller(request, runtime, actor))
    after = cursor.decode(runtime, query.after) if query.after else None
    if query.wait and request.method != "HEAD":
        found = await _poll(request, runtime, query, rights, after, _caller(request, runtime, actor))
    else:
        async with asyncio.timeout(runtime.settings.request_seconds):
            found = await hub_of(runtime).search(await rights.told(), after, query.limit)
    return FeedPage(events=[event for event, _ in found.events], next=cursor.encode(runtime, found.next))


async def _stream(
    request: web.Request, runtime: Runtime, query: FeedQuery, rights: Rights, caller: str
) -> web.StreamResponse:
    if query.wait:
        french, english = "Un flux attend toujours : retirez « wait ».", "A stream always waits: remove 'wait'."
        raise InvalidInput(french, english, errors=[FieldError("query/wait", french, english)])
    last = request.headers.get("Last-Event-ID")
    where, text = ("header/Last-Event-ID", last) if last else ("query/after", query.after)
    after = cursor.decode(runtime, text, where=where) if text else None
    async with hub_of(runtime).join(await rights.told(), caller) as waiter:
        return await stream(request, runtime, waiter, rights, after=after, limit=query.limit)


async def _poll(
    request: web.Request, runtime: Runtime, query: FeedQuery, rights: Rights, after: Place | None, caller: str
) -> Page:
    """Give a page as soon as it holds something, or an empty one once the time is over."""
    hub, ends = hub_of(runtime), time.monotonic() + query.wait
    async with hub.join(await rights.told(), caller) as waiter:
        found = await hub.page(waiter.told, after, query.limit)
        while not found.events and (left := ends - time.monotonic()) > 0 and not hub.stopping and _is_there(request):
            if not found.end or await waiter.wait(min(left, _LOOK)):
                found = await hub.page(await rights.told(), found.next, query.limit)
        return found


def _is_there(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _caller(request: web.Request, runtime: Runtime, actor: Actor | None) -> str:
    return f"person {actor.subject}" if actor else address(request, runtime.settings.proxies)
