"""The publisher: carries the log to the bus in order, confirmed; one leader a shard, fenced by an epoch.

No transaction is open while it publishes. What the bus refuses or cannot route is set aside with the later events of
its key, alarmed and tried again; the other keys pass. What was published but not marked (a crash, a lost connection)
is published again, with the same id: the inbox of each consumer drops it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import structlog

from libs.common.bus import metrics
from libs.common.bus.leader import lead
from libs.common.bus.port import BusUnavailableError, Publishing, RefusedEventsError
from libs.common.bus.sql import QUERIES
from libs.common.db import Wake
from libs.common.messages.envelope import CloudEvent
from libs.common.stop import pause

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["WINDOW", "FencedError", "Publisher", "Row", "drain", "run", "waves"]

WINDOW = 256
"""Events published before their confirms are awaited; more gains nothing."""
SHARD = 0
"""The only one for now; the tables know of several."""
_POLL = 1.0  # seconds, should a notification be lost
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds, while the bus is away

_log = structlog.get_logger(__name__)


class FencedError(Exception):
    """Another publisher took over: nothing more may be marked."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the log."""

    position: int
    key: str
    body: str

    @property
    def envelope(self) -> CloudEvent:
        """The event itself."""
        return CloudEvent.from_json(self.body.encode())


def waves(rows: Iterable[Row]) -> list[list[Row]]:
    """Split a window so that no wave has two events of one key: the next leaves once the one before is confirmed."""
    seen: dict[str, int] = defaultdict(int)
    found: list[list[Row]] = []
    for row in rows:
        turn = seen[row.key]
        seen[row.key] += 1
        if turn == len(found):
            found.append([])
        found[turn].append(row)
    return found


async def run(runtime: Runtime, bus: Publishing, stop: asyncio.Event) -> None:
    """Publish events as they are numbered, until told to stop; stand by while another process does it."""

    async def work(conn: asyncpg.Connection) -> None:
        publisher = await Publisher.take_over(runtime, bus, conn)
        async with runtime.database.listen("event") as wake:
            try:
                await publisher.run(wake, stop)
            except FencedError:
                _log.warning("publisher_fenced", service=runtime.service.name)

    await lead(runtime, f"publisher.{SHARD}", work, stop)


async def drain(runtime: Runtime, bus: Publishing) -> int:
    """Publish all that is numbered now, and give how many went (tests; nobody else may be publishing).

    Raises BusUnavailableError.
    """
    total = 0
    async with runtime.database.acquire() as conn:
        publisher = await Publisher.take_over(runtime, bus, conn)
        while moved := await publisher.step():
            total += moved
    return total


class Publisher:
    """The leader of a shard, on its own connection."""

    def __init__(self, runtime: Runtime, bus: Publishing, conn: asyncpg.Connection, state: Mapping[str, int]) -> None:
        self._bus = bus
        self._conn = conn
        self._epoch = state["epoch"]
        self._position = state["position"]
        self._runtime = runtime
        self._service = runtime.service.name

    @classmethod
    async def take_over(cls, runtime: Runtime, bus: Publishing, conn: asyncpg.Connection) -> Publisher:
        """Begin a new epoch: whoever led before can mark nothing any more."""
        return cls(runtime, bus, conn, await conn.fetchrow(QUERIES["take_over"], SHARD))

    async def run(self, wake: Wake, stop: asyncio.Event) -> None:
        """Publish until told to stop. Raises FencedError."""
        failures = 0
        while not stop.is_set():
            await self._runtime.database.keep_listening()
            try:
                moved = await self.step()
                failures = 0
            except BusUnavailableError as error:
                metrics.PUBLISH_FAILURES.labels(self._service, "unavailable").inc()
                if failures == 0:
                    _log.warning("bus_unavailable", service=self._service, error=str(error))
                await pause(stop, _BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
                continue
            if moved < WINDOW:
                await self._measure()
                await wake.wait(_POLL)

    async def step(self) -> int:
        """Try what was set aside and is due, then publish one window of the log; give how many events moved on.

        Raises FencedError, or BusUnavailableError (then nothing is marked).
        """
        return await self._retry_aside() + await self._publish_window()

    async def _publish_window(self) -> int:
        rows = [Row(**row) for row in await self._conn.fetch(QUERIES["window"], self._position, WINDOW)]
        if not rows:
            return 0
        keys = list({row.key for row in rows})
        behind = {row["key"] for row in await self._conn.fetch(QUERIES["keys_set_aside"], SHARD, keys)}
        reasons = dict.fromkeys(behind, "behind")
        aside: list[tuple[Row, str]] = []
        for wave in waves(rows):
            aside += [(row, reasons[row.key]) for row in wave if row.key in reasons]
            refused = await self._publish([row for row in wave if row.key not in reasons])
            aside += [(row, reason) for row, reason in refused]
            reasons |= {row.key: "behind" for row, _ in refused}
        await self._mark(rows[-1].position, aside)
        return len(rows)

    async def _publish(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        """Publish events of different keys and give the refused ones with the reason."""
        if not rows:
            return []
        envelopes = {row.envelope.id: (row, row.envelope) for row in rows}
        began = time.perf_counter()
        try:
            await self._bus.publish([envelope for _, envelope in envelopes.values()])
            reasons = {}
        except RefusedEventsError as error:
            reasons = error.reasons
        metrics.CONFIRM_SECONDS.labels(self._service).observe(time.perf_counter() - began)
        metrics.PUBLISHED.labels(self._service).inc(len(rows) - len(reasons))
        metrics.PUBLISH_FAILURES.labels(self._service, "refused").inc(len(reasons))
        for identity, reason in reasons.items():
            kind = envelopes[identity][1].type
            _log.error("event_set_aside", service=self._service, type=kind, id=str(identity), reason=reason)
        return [(envelopes[identity][0], reason) for identity, reason in reasons.items()]

    async def _mark(self, position: int, aside: Sequence[tuple[Row, str]]) -> None:
        async with self._conn.transaction():
            done = await self._conn.execute(QUERIES["advance"], SHARD, self._epoch, position)
            if done != "UPDATE 1":
                raise FencedError
            if aside:
                columns = zip(*((row.position, row.key, row.body, reason) for row, reason in aside), strict=True)
                await self._conn.execute(QUERIES["set_aside"], SHARD, *map(list, columns))
        self._position = position

    async def _retry_aside(self) -> int:
        rows = [Row(**row) for row in await self._conn.fetch(QUERIES["aside_due"], SHARD, WINDOW)]
        refused = dict(await self._publish(rows))
        passed = [row for row in rows if row not in refused]
        if not rows:
            return 0
        async with self._conn.transaction():
            if await self._conn.fetchval(QUERIES["still_leader"], SHARD, self._epoch) is None:
                raise FencedError
            await self._conn.execute(QUERIES["aside_done"], [row.position for row in passed])
            await self._conn.execute(QUERIES["aside_next"], SHARD, [row.key for row in passed])
            for row, reason in refused.items():
                await self._conn.execute(QUERIES["aside_again"], row.position, reason)
        return len(passed)

    async def _measure(self) -> None:
        state = await self._conn.fetchrow(QUERIES["publisher_state"], SHARD)
        metrics.RELAY_LAG.labels(self._service, str(SHARD)).set(state["lag"])
        metrics.SET_ASIDE.labels(self._service).set(state["aside"])
