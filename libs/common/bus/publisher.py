"""The publisher: carries the log to the bus in order, confirmed; each shard of the keys has one leader, fenced by an epoch.

No transaction is open while it publishes. What the bus refuses or cannot route is set aside with the later events of
its key, alarmed and tried again; the other keys pass. What was published but not marked (a crash, a lost connection)
is published again, with the same id: the inbox of each consumer drops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import structlog

from libs.common.bus import metrics
from libs.common.bus.aside import Aside
from libs.common.bus.leader import STAND_BY, in_session
from libs.common.bus.port import BusUnavailableError, Publishing, Stream
from libs.common.bus.queues import Queues
from libs.common.bus.shares import QUERIES, FencedError, Shares
from libs.common.bus.window import WINDOW, Row, Window
from libs.common.db import Wake
from libs.common.stop import pause

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["FencedError", "Publisher", "drain", "run"]

_READ = 512  # positions looked at in one query, for all shards together
_MARK = 0.1  # seconds between two marks; what was published since the last one is published again after a crash
_TICK = 1.0  # seconds between two looks at what was set aside, at the others' shares, and at the log without a wake-up
_SILENCE = 45.0  # seconds without a word of this process until its shards are others': more than a try to reach the bus
_LEAVE = 5.0  # seconds to wait for the last confirms before a shard is left
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds, while the bus is away

_log = structlog.get_logger(__name__)


async def run(runtime: Runtime, bus: Publishing, stop: asyncio.Event) -> None:
    """Publish events as they are numbered, until told to stop; the processes of the service share the shards."""

    async def work(conn: asyncpg.Connection) -> None:
        # a mark lost with the server's memory is only an event published again: no need to wait for its disk
        await conn.execute("SET synchronous_commit = off")
        shares = await Shares.join(conn)
        while not stop.is_set():
            if not await shares.balance():
                await pause(stop, STAND_BY)
                continue
            _log.info("publishing", service=runtime.service.name, shards=list(shares.mine))
            publisher = await Publisher.take_over(runtime, bus, conn, shares.mine)
            async with runtime.database.listen("event") as wake:
                try:
                    await publisher.run(wake, stop, shares.is_fair)
                except FencedError:
                    _log.warning("publisher_fenced", service=runtime.service.name)

    await in_session(runtime, "publisher", work, stop, silence=_SILENCE)


async def drain(runtime: Runtime, bus: Publishing) -> int:
    """Publish all that is numbered now, and give how many were settled (tests; nobody else may be publishing).

    Raises BusUnavailableError.
    """
    async with runtime.database.acquire() as conn:
        return await (await Publisher.take_over(runtime, bus, conn)).drain()


class Publisher:
    """The leader of some shards, on its own connection."""

    def __init__(
        self,
        runtime: Runtime,
        bus: Publishing,
        conn: asyncpg.Connection,
        led: Sequence[Mapping[str, int]],
        count: int,
        queues: Queues,
    ) -> None:
        self._bus = bus
        self._conn = conn
        self._runtime = runtime
        self._service = runtime.service.name
        self._count = count
        self._shards = [row["shard"] for row in led]
        self._epochs = [row["epoch"] for row in led]
        self._done = [row["position"] for row in led]
        self._marked = min(self._done)
        self._window = Window(self._marked)
        self._queues = queues
        self._aside = Aside(conn, self._shards, queues)
        self._bell = asyncio.Event()
        self._more = True
        self._sent_at: dict[UUID, float] = {}
        self._marked_at = self._ticked = -_TICK
        self._published = metrics.PUBLISHED.labels(self._service)
        self._confirm_seconds = metrics.CONFIRM_SECONDS.labels(self._service)

    @classmethod
    async def take_over(
        cls, runtime: Runtime, bus: Publishing, conn: asyncpg.Connection, shards: Sequence[int] | None = None
    ) -> Publisher:
        """Begin a new epoch of these shards, or all: whoever led before can mark nothing any more."""
        known = [row["shard"] for row in await conn.fetch(QUERIES["shards"])]
        mine = known if shards is None else list(shards)
        queues = Queues(bus, conn, runtime.service.name)
        async with conn.transaction():
            led = await conn.fetch(QUERIES["take_over"], mine)
            await queues.read(mine)
        return cls(runtime, bus, conn, led, len(known), queues)

    async def run(self, log: Wake, stop: asyncio.Event, is_fair: Callable[[], Awaitable[bool]]) -> None:
        """Publish until told to stop, or until the shards are shared otherwise. Raises FencedError."""
        fair, failures = True, 0

        async def tick() -> None:
            nonlocal fair
            await self._runtime.database.keep_listening()
            fair = await is_fair()

        async with self._hearing(log, stop):
            while fair and not stop.is_set():
                try:
                    await self._queues.look()
                    await self._queues.heed()
                    async with self._bus.stream(self._bell.set) as stream, self._queues.looking(self._bell.set):
                        failures = 0
                        await self._pump(stream, lambda: fair and not stop.is_set(), tick)
                        await self._finish(stream)
                except BusUnavailableError as error:
                    await self._bus_away(error, failures)
                    await tick()
                    await pause(stop, _BACKOFF[min(failures, len(_BACKOFF) - 1)])
                    failures += 1

    async def drain(self) -> int:
        """Publish until the log ends, and give how many were settled. Raises FencedError, BusUnavailableError."""
        settled, due = 0, True

        async def tick() -> None:
            return

        while due or self._more:
            async with self._bus.stream(self._bell.set) as stream:
                settled += self._take(stream)
                due = await self._aside.begin(stream) > 0
                settled += await self._pump(stream, lambda: self._more or self._is_busy, tick)
                await self._finish(stream)
        return settled

    @property
    def _is_busy(self) -> bool:
        return not self._window.is_empty or self._aside.in_flight > 0

    async def _pump(self, stream: Stream, goes_on: Callable[[], bool], tick: Callable[[], Awaitable[None]]) -> int:
        """Keep the window full while it goes on; give how many were settled."""
        settled = 0
        while goes_on():
            settled += self._take(stream)
            self._send(stream)
            if self._more and self._window.has_room:
                await self._read()
                continue
            await self._look_after(stream, tick)
            if goes_on():
                await self._rest()
        return settled

    def _send(self, stream: Stream) -> None:
        now = time.monotonic()
        for row in self._window.sendable():
            self._sent_at[row.id] = now
            stream.send(self._queues.outgoing(row))

    def _take(self, stream: Stream) -> int:
        """Take the fates that are known, and give how many. Raises BusUnavailableError."""
        fates = stream.settled()
        refused = [(identity, reason) for identity, reason in fates if reason]
        for identity, reason in fates:
            began = self._sent_at.pop(identity, None)
            if not self._window.settle(identity, reason):
                self._aside.settle(identity, reason)
        if fates:
            self._published.inc(len(fates) - len(refused))
            if began is not None:
                self._confirm_seconds.observe(time.monotonic() - began)
        for identity, reason in refused:
            metrics.PUBLISH_FAILURES.labels(self._service, "refused").inc()
            _log.error("event_set_aside", service=self._service, id=str(identity), reason=reason)
        return len(fates)

    async def _read(self) -> None:
        span = _READ * self._count // len(self._shards)
        after = self._window.read
        led = (self._shards, self._done, self._count)
        found = await self._conn.fetch(QUERIES["window"], after, span, *led, self._window.room)
        page = [row for row in found if row["position"] is not None]
        whole = list(itertools.takewhile(lambda row: row["body"] is not None, page))
        upto = found[0]["upto"] if len(whole) == len(page) else page[len(whole)]["position"] - 1
        self._more = upto >= after + span or len(whole) < len(page)
        self._window.add([_row(row) for row in whole], upto)

    async def _look_after(self, stream: Stream, tick: Callable[[], Awaitable[None]]) -> None:
        """Heed the queues, mark, try again what was set aside: each when its time has come. Raises FencedError."""
        await self._queues.heed()
        now = time.monotonic()
        if now - self._marked_at >= _MARK or len(self._window.aside) >= WINDOW:
            self._marked_at = now
            await self._mark()
        if self._aside.is_over and await self._aside.end(self._is_still_leader):
            await self._aside.begin(stream)
        if now - self._ticked >= _TICK:
            self._ticked = now
            await tick()
            if await self._conn.fetchval(QUERIES["led"], self._shards, self._epochs) != len(self._shards):
                raise FencedError  # a publisher that has nothing to mark must learn it too
            await self._aside.begin(stream)

    async def _rest(self) -> None:
        behind = self._window.settled > self._marked
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MARK if behind else _TICK):
                await self._bell.wait()
        self._bell.clear()

    async def _finish(self, stream: Stream) -> None:
        """Wait for the last confirms, not for ever, and mark."""
        end = time.monotonic() + _LEAVE
        while (self._window.in_flight or self._aside.in_flight) and time.monotonic() < end:
            self._take(stream)
            if self._window.in_flight or self._aside.in_flight:
                await self._rest()
        await self._mark()
        if self._aside.is_over:
            await self._aside.end(self._is_still_leader)

    async def _mark(self) -> None:
        """Write down how far it went, and what was set aside on the way. Raises FencedError."""
        position, aside = self._window.settled, self._window.aside
        if position <= self._marked and not aside:
            return
        async with self._conn.transaction():
            done = await self._conn.execute(QUERIES["advance"], self._shards, self._epochs, position)
            if done != f"UPDATE {len(self._shards)}":
                raise FencedError
            if aside:
                columns = zip(*((row.position, row.key, row.body, reason) for row, reason in aside), strict=True)
                await self._conn.execute(QUERIES["set_aside"], self._count, *map(list, columns))
            await self._queues.caught_up(self._shards, position)
        self._marked = position
        self._window.marked()

    async def _is_still_leader(self) -> None:
        """Hold the shards in the present transaction. Raises FencedError."""
        if await self._conn.fetchval(QUERIES["still_leader"], self._shards, self._epochs) != len(self._shards):
            raise FencedError

    async def _bus_away(self, error: BusUnavailableError, failures: int) -> None:
        """Mark what is sure; the rest is read and published again."""
        metrics.PUBLISH_FAILURES.labels(self._service, "unavailable").inc()
        if failures == 0:
            _log.warning("bus_unavailable", service=self._service, error=str(error))
        await self._mark()
        self._done = [max(done, self._marked) for done in self._done]
        self._window = Window(self._marked)
        self._aside.forget()
        self._sent_at.clear()
        self._more = True

    @asynccontextmanager
    async def _hearing(self, log: Wake, stop: asyncio.Event) -> AsyncIterator[None]:
        """Ring at each notification and each tick that the log may have grown, and when it is time to stop."""

        async def hear() -> None:
            while True:
                await log.wait(_TICK)
                self._more = True
                self._bell.set()

        async def end() -> None:
            await stop.wait()
            self._bell.set()

        tasks = [asyncio.create_task(hear()), asyncio.create_task(end())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _row(found: asyncpg.Record) -> Row:
    return Row(*(found[name] for name in ("position", "event_id", "type", "key", "body", "behind", "shard")))
