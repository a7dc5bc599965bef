"""Wakes those who wait for events: one listener and one look at the log a process, however many wait.

Nobody holds a connection while waiting. Only those whom an event may concern are woken, and those who ask the same
question at the same place share one answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import Gauge

from libs.common.bus.audience import Told
from libs.common.bus.feed.reading import QUERIES, Page, Place, page
from libs.common.db import DATABASE_AWAY
from libs.common.errors import TooManyRequests, Unavailable

if TYPE_CHECKING:
    from libs.common.db import Wake
    from libs.common.runtime import Runtime

__all__ = ["Hub", "Waiter", "closing", "hub_of", "opened"]

WAITERS = 2000
"""Who may wait in one process."""
EACH = 20
"""Waits and streams one caller may have open in one process."""
READS = 2
"""Pages read at once in one process: whoever looks through a long log leaves the other connections to other requests."""
SEARCH = 2.0
"""seconds a page is looked for among what its caller may not know of"""
POLL = 1.0
"""seconds, should a notification be lost"""
_BATCH = 1000

WAITING = Gauge("halles_feed_waiting", "Long polls and streams that are open", ["service"])
_HUBS: WeakKeyDictionary[Runtime, Hub] = WeakKeyDictionary()
_log = structlog.get_logger(__name__)


class Waiter:
    """One long poll or stream."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake it, or let it not even fall asleep."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait so long at most; say whether it was rung."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Hub:
    """Those who wait for the events of one service, in one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.stopping = False
        self._runtime = runtime
        self._by_type: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._by_organisation: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._waiters: set[Waiter] = set()
        self._callers: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._head: int | None = None
        self._joining = asyncio.Lock()
        self._turns = asyncio.Semaphore(READS)
        self._reads: dict[tuple[Told, Place | None, int, int | None], asyncio.Task[Page]] = {}
        self._gauge = WAITING.labels(runtime.service.name)

    @asynccontextmanager
    async def join(self, told: Told, caller: str) -> AsyncIterator[Waiter]:
        """Be woken by what may be told to a caller, from now on. Raises TooManyRequests, Unavailable."""
        self._admit(caller)
        waiter = Waiter(told)
        self._callers[caller] += 1
        self._add(waiter)
        try:
            await self._start()
            yield waiter
        finally:
            self._remove(waiter)
            self._callers[caller] -= 1
            self._callers += Counter()  # forgets the zeros

    async def page(self, told: Told, after: Place | None, limit: int) -> Page:
        """Read a page; those who were woken by the same events for the same question read it once."""
        key = (told, after, limit, self._head)
        task = self._reads.get(key)
        if task is None:
            task = self._reads[key] = asyncio.create_task(self._read(told, after, limit))
            task.add_done_callback(lambda _: self._reads.pop(key, None))
        return await asyncio.shield(task)

    async def search(self, told: Told, after: Place | None, limit: int) -> Page:
        """Give the next page that holds something, however much is hidden before it; an empty one is the end.

        Or the search took too long: `next` has moved all the same. Raises what `page` raises.
        """
        ends = time.monotonic() + SEARCH
        found = await self._read(told, after, limit)
        while not found.events and not found.end and time.monotonic() < ends:
            found = await self._read(told, found.next, limit)
        return found

    async def stop(self) -> None:
        """Wake everybody for the last time."""
        self.stopping = True
        self._ring(self._waiters)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _read(self, told: Told, after: Place | None, limit: int) -> Page:
        async with self._turns:
            return await page(self._runtime, told, after=after, limit=limit)

    def _admit(self, caller: str) -> None:
        if self._callers[caller] >= EACH:
            raise TooManyRequests(
                f"{EACH} attentes sont déjà ouvertes : fermez-en une.", f"{EACH} waits are open already: close one."
            )
        if self.stopping or len(self._waiters) >= WAITERS:
            raise Unavailable("Trop d'attentes sont ouvertes : réessayez.", "Too many waits are open: try again.")

    def _add(self, waiter: Waiter) -> None:
        self._waiters.add(waiter)
        for name in waiter.told.public:
            self._by_type[name].add(waiter)
        if waiter.told.organisation:
            self._by_organisation[waiter.told.organisation].add(waiter)
        self._gauge.set(len(self._waiters))

    def _remove(self, waiter: Waiter) -> None:
        self._waiters.discard(waiter)
        for name in waiter.told.public:
            self._by_type[name].discard(waiter)
        organisation = waiter.told.organisation
        if organisation:
            self._by_organisation[organisation].discard(waiter)
            if not self._by_organisation[organisation]:
                del self._by_organisation[organisation]
        self._gauge.set(len(self._waiters))

    async def _start(self) -> None:
        """Know the head before anybody reads: what is numbered after that read wakes its reader."""
        async with self._joining:
            if self._task is not None and not self._task.done():
                return
            async with self._runtime.read() as conn:
                self._head = await conn.fetchval(QUERIES["head"])
            self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Look at the log whenever something was numbered, for as long as somebody waits."""
        async with self._runtime.database.listen("event") as wake:
            while self._waiters:
                await self._turn(wake)

    async def _turn(self, wake: Wake) -> None:
        try:
            await self._runtime.database.keep_listening()
            await self._look()
        except DATABASE_AWAY as error:
            _log.warning("feed_hub_blind", service=self._runtime.service.name, error=type(error).__name__)
            self._ring(self._waiters)  # each finds out for itself
        await wake.wait(POLL)

    async def _look(self) -> None:
        rows = [None]
        while rows:
            async with self._runtime.read() as conn:
                rows = await conn.fetch(QUERIES["news"], self._head, _BATCH)
            if rows:
                self._head = rows[-1]["position"]
                self._ring(self._concerned(rows))

    def _concerned(self, rows: list[asyncpg.Record]) -> set[Waiter]:
        found: set[Waiter] = set()
        for name in {row["type"] for row in rows}:
            found |= self._by_type.get(name, set())
        for name in {row["organisation"] for row in rows} | {row["buyer"] for row in rows}:
            found |= self._by_organisation.get(name, set())
        return found

    @staticmethod
    def _ring(waiters: set[Waiter]) -> None:
        for waiter in waiters:
            waiter.ring()


def hub_of(runtime: Runtime) -> Hub:
    """Give the hub of a service that is served."""
    return _HUBS[runtime]


def opened(runtime: Runtime) -> Callable[[web.Application], AsyncIterator[None]]:
    """Give what opens the hub with an application."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        _HUBS[runtime] = Hub(runtime)
        yield
        await _HUBS[runtime].stop()

    return context


def closing(runtime: Runtime) -> Callable[[web.Application], Awaitable[None]]:
    """Give what answers those who wait at once, when an application shuts down: before it waits for its requests."""

    async def stop(_: web.Application) -> None:
        await _HUBS[runtime].stop()

    return stop
