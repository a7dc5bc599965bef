"""The feed as Server-Sent Events (HTML standard, section 9.2): `id` is the cursor behind each event, `data` the event.

A stream ends by itself after a while, so that a caller whose token or rights ended does not read on for ever: clients
come back with `Last-Event-ID` and miss nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import Counter

from libs.common.bus import cursor
from libs.common.bus.feed.hub import Hub, Waiter, hub_of
from libs.common.bus.feed.reading import Page, Place
from libs.common.bus.feed.rights import Rights
from libs.common.db import DATABASE_AWAY

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["MEDIA_TYPE", "asks_for_stream", "stream"]

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = 15.0
"""seconds of silence at most: proxies keep the connection, and the client's cursor moves"""
SLOW = 10.0
"""seconds a reader may take to make room in the buffers; then it is cut"""
LIFETIME = 900.0
"""seconds of one stream, more or less"""
RETRY = (1000, 4000)
"""milliseconds after which a client comes back: not all at once, where a process ended"""

CUT = Counter("halles_feed_streams_cut", "Streams cut because their reader was too slow", ["service"])


def asks_for_stream(request: web.Request) -> bool:
    """Say whether a caller prefers a stream to a page (RFC 9110, section 12.5.1)."""
    wanted = {"application/json": 0.0, MEDIA_TYPE: 0.0}
    for part in ",".join(request.headers.getall("Accept", [])).lower().split(","):
        kind, *options = (piece.strip() for piece in part.split(";"))
        if kind in wanted:
            wanted[kind] = next((_quality(option[2:]) for option in options if option.startswith("q=")), 1.0)
    return wanted[MEDIA_TYPE] > wanted["application/json"]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


async def stream(
    request: web.Request, runtime: Runtime, waiter: Waiter, rights: Rights, *, after: Place | None, limit: int
) -> web.StreamResponse:
    """Send what a caller may be told, as it happens, until the caller leaves, is too slow, or the process stops.

    Raises ArchivedError before anything is sent.
    """
    hub = hub_of(runtime)
    first = await hub.page(waiter.told, after, limit)
    response = web.StreamResponse(
        headers={
            "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    if request.method != "HEAD":
        sender = _Sender(request, runtime, response)
        try:
            await sender.write(f"retry: {random.randint(*RETRY)}\n\n".encode())  # noqa: S311  # no secret
            await _follow(sender, hub, waiter, rights, first, limit)
        except DATABASE_AWAY:
            return response  # the caller left or was cut, or the database is away: it comes back where it was
    return response


async def _follow(sender: _Sender, hub: Hub, waiter: Waiter, rights: Rights, page: Page, limit: int) -> None:
    """Send events as they come; a heartbeat, and the end, only at times that no hidden event can move.

    Hidden events wake a waiter too (a deposit concerns its buyer, who may not know of it yet): nothing written, and no
    silence, may tell when. A caller whose rights changed is told by the new ones at once, and comes back for the rest.
    """
    ends = time.monotonic() + LIFETIME * random.uniform(0.8, 1.2)  # noqa: S311  # streams do not all end together
    beat = time.monotonic() + HEARTBEAT
    while not hub.stopping:
        for body, (_, place) in zip(page.bodies, page.events, strict=True):
            await sender.event(body, place)
        if page.events or time.monotonic() >= beat:
            if not page.events:
                await sender.heartbeat(page.next)
            if time.monotonic() > ends:
                return
            beat = time.monotonic() + HEARTBEAT
        if page.end:
            await waiter.wait(beat - time.monotonic())
        told = await rights.told()
        if told != waiter.told:
            ends = 0.0
        page = await hub.page(told, page.next, limit)


class _Sender:
    """Writes to one caller; what it does not take waits in buffers of bounded size, and not for long."""

    def __init__(self, request: web.Request, runtime: Runtime, response: web.StreamResponse) -> None:
        self._request = request
        self._runtime = runtime
        self._response = response
        self._cut = CUT.labels(runtime.service.name)

    async def event(self, body: bytes, place: Place) -> None:
        await self.write(b"id: " + self._cursor(place) + b"\ndata: " + body + b"\n\n")

    async def heartbeat(self, place: Place) -> None:
        """Move the cursor of the client; an event without data is not given to its program."""
        await self.write(b": alive\nid: " + self._cursor(place) + b"\n\n")

    async def write(self, content: bytes) -> None:
        try:
            async with asyncio.timeout(SLOW):
                await self._response.write(content)
        except TimeoutError:
            self._cut.inc()
            if self._request.transport is not None:
                self._request.transport.abort()
            raise

    def _cursor(self, place: Place) -> bytes:
        return cursor.encode(self._runtime, place).encode()
