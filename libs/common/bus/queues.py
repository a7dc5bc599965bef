"""The queues that a publisher's events go to: what is missing is noticed, and gets back what it lost.

While a queue is missing, events go to the others only: each copy then names the queues it is for, so that a queue that
comes back between two looks takes nothing before its turn. Once it is back, all shards go back in the log and publish
again, in order and for that queue alone, what it may have lost; its inbox drops what was handled. See docs/adr/0020.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import structlog

from libs.common.bus import metrics
from libs.common.bus.port import BusUnavailableError, Outgoing, Publishing
from libs.common.bus.shares import FencedError
from libs.common.bus.window import Row
from libs.common.db import load_queries

__all__ = ["HORIZON", "LOOK", "Queues", "handled_before", "publish_again"]

LOOK = 1.0
"""Seconds between two looks."""
HORIZON = timedelta(days=13)
"""How far back it is published again: an inbox knows for 14 days what it handled."""

_QUERIES = load_queries(Path(__file__).with_name("queues.sql"))
_log = structlog.get_logger(__name__)

Gap = tuple[int, int]
"""What a queue lacks: behind the first position, up to the second."""


class Queues:
    """What a publisher knows of the queues its events go to."""

    def __init__(self, bus: Publishing, conn: asyncpg.Connection, service: str) -> None:
        self._bus = bus
        self._conn = conn
        self._service = service
        destinations = bus.destinations(service)
        self._names = frozenset(destinations)
        self._by_type = _by_type(destinations)
        self._known: set[str] = set()
        self._missing: set[str] = set()
        self._gaps: dict[int, dict[str, Gap]] = {}
        self._seen: frozenset[str] | None = None
        self._returning: set[str] = set()
        self._watching: asyncio.Task[None] | None = None
        self._again = metrics.PUBLISHED_AGAIN.labels(service)

    async def read(self, shards: Sequence[int]) -> None:
        """Read what is known, in the transaction that took these shards over: nobody can change it in between."""
        if not self._names:
            return
        await self._conn.execute(_QUERIES["named"], list(self._names))
        await self._conn.execute(_QUERIES["forget"])
        known = await self._conn.fetch(_QUERIES["known"])
        self._known = {row["queue"] for row in known}
        self._missing = {row["queue"] for row in known if row["missing"]} & self._names
        for row in await self._conn.fetch(_QUERIES["lacking"], list(shards)):
            self._gaps.setdefault(row["shard"], {})[row["queue"]] = (row["after"], row["upto"])

    def outgoing(self, row: Row) -> Outgoing:
        """Give an event as it leaves now."""
        queues, again = self._meant(row) if self._missing or self._gaps else (None, False)
        if again and queues != () and row.type in self._by_type:
            self._again.inc()
        return Outgoing(row.id, row.type, row.body.encode(), queues)

    def outgoing_late(self, row: Row) -> Outgoing | None:
        """Give an event that was set aside, as it leaves now; None when all its queues are missing."""
        if not self._missing:
            return Outgoing(row.id, row.type, row.body.encode())
        queues = self._but_missing(self._by_type.get(row.type, ()), row.type)
        return None if queues == () else Outgoing(row.id, row.type, row.body.encode(), queues)

    def missing_for(self, kind: str) -> str:
        """Give the missing queues of a type, in words."""
        return ", ".join(sorted(self._missing & set(self._by_type.get(kind, ()))))

    async def look(self) -> None:
        """Look which queues are missing; `heed` acts on it. Raises BusUnavailableError."""
        if self._names:
            self._seen = await self._bus.missing(self._names, self._known)

    @asynccontextmanager
    async def looking(self, ring: Callable[[], None]) -> AsyncIterator[None]:
        """Look again and again until the block ends; `ring` when something changed."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(LOOK)
                try:
                    await self.look()
                except BusUnavailableError:  # the stream says so too
                    continue
                if self._seen is not None and self._seen ^ self._missing:
                    ring()

        if not self._names:
            yield
            return
        self._watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    async def heed(self) -> None:
        """Act on the last look. Raises FencedError when a queue came back: all shards begin again, further back."""
        if self._watching is not None and self._watching.done():
            self._watching.result()  # nobody looks any more: whatever ended it ends us
        seen, self._seen = self._seen, None
        if seen is None:
            return
        if strangers := self._names - self._known:
            await self._meet(strangers, seen)
        if lost := seen - self._missing:
            await self._lose(lost)
        back = self._missing - seen
        if back and back <= self._returning:
            await self._regain(sorted(back))
        self._returning = back  # seen twice: whoever makes a queue binds it a moment later

    async def caught_up(self, shards: Sequence[int], position: int) -> None:
        """Write down, with the mark of these shards, which queues have all they lacked."""
        if not self._gaps:
            return
        await self._conn.execute(_QUERIES["caught_up"], list(shards), position)
        left = {
            shard: {queue: gap for queue, gap in gaps.items() if gap[1] > position}
            for shard, gaps in self._gaps.items()
        }
        self._gaps = {shard: gaps for shard, gaps in left.items() if gaps}
        if not self._gaps:
            _log.info("published_again", service=self._service, shards=list(shards))

    def _meant(self, row: Row) -> tuple[tuple[str, ...] | None, bool]:
        """Give the queues a row of the log is for (None: all of its type), and whether it was published before."""
        queues = self._by_type.get(row.type, ())
        gaps = self._gaps.get(row.shard)
        if not gaps or row.position > max(upto for _, upto in gaps.values()):
            return self._but_missing(queues, row.type), False
        lacking = (queue for queue in queues if queue in gaps and gaps[queue][0] < row.position <= gaps[queue][1])
        return self._but_missing(lacking, row.type), True

    def _but_missing(self, queues: Iterable[str], kind: str) -> tuple[str, ...] | None:
        there = tuple(queue for queue in queues if queue not in self._missing)
        return None if there == self._by_type.get(kind, ()) else there

    async def _meet(self, strangers: Collection[str], seen: Collection[str]) -> None:
        """Write down queues that were never seen: they lack nothing of what was published before."""
        names = sorted(strangers)
        await self._durably("meet", names, [name in seen for name in names])
        self._known.update(names)

    async def _lose(self, lost: Collection[str]) -> None:
        """Write down that queues are missing, before nothing is published to them any more."""
        await self._durably("lose", sorted(lost))
        self._missing.update(lost)
        for queue in sorted(lost):
            _log.error("queue_missing", service=self._service, queue=queue)

    async def _durably(self, query: str, *values: object) -> None:
        async with self._conn.transaction():
            await self._conn.execute("SET LOCAL synchronous_commit = on")
            await self._conn.execute(_QUERIES[query], *values)

    async def _regain(self, back: Sequence[str]) -> None:
        """Have published again what queues that are back may have lost, by whoever leads. Raises FencedError.

        Whoever sees it first does it for all shards. The others see the queue come back too, find it done, and begin
        again from what is written, before they publish anything to it.
        """
        async with self._conn.transaction():
            await self._conn.execute("SET LOCAL synchronous_commit = on")
            await self._conn.execute(_QUERIES["hold_all"])
            mine = [row["queue"] for row in await self._conn.fetch(_QUERIES["regain"], list(back))]
            if mine:
                gaps = await publish_again(self._conn, mine, datetime.now(UTC) - HORIZON, known_only=True)
                _log.error("queue_regained", service=self._service, queues=mine, again=_words(gaps))
        raise FencedError


async def publish_again(
    conn: asyncpg.Connection, queues: Sequence[str], since: datetime, *, known_only: bool
) -> dict[str, Gap]:
    """Have all shards publish again, for these queues, what was numbered since an instant; give what, by queue.

    Within the caller's transaction: nobody publishes or marks until it ends. `known_only`: nothing that was published
    before a queue was known.
    """
    await conn.execute(_QUERIES["hold_all"])
    await conn.execute(_QUERIES["progress"])
    rows = await conn.fetch(_QUERIES["again"], list(queues), since, known_only)
    await conn.execute(_QUERIES["rewind"])
    await conn.execute(_QUERIES["due"])
    await conn.execute(_QUERIES["tell"])
    gaps: dict[str, Gap] = {}
    for row in rows:
        after, upto = gaps.get(row["queue"], (row["after"], row["upto"]))
        gaps[row["queue"]] = (min(after, row["after"]), max(upto, row["upto"]))
    return gaps


async def handled_before(conn: asyncpg.Connection, queues: Collection[str]) -> frozenset[str]:
    """Give those of a consumer's queues that brought it something before, in this process or an earlier one."""
    return frozenset(row["queue"] for row in await conn.fetch(_QUERIES["handled"], list(queues)))


def _by_type(destinations: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for queue, kinds in sorted(destinations.items()):
        for kind in kinds:
            found.setdefault(kind, []).append(queue)
    return {kind: tuple(queues) for kind, queues in found.items()}


def _words(gaps: Mapping[str, Gap]) -> dict[str, str]:
    return {queue: f"{after + 1}..{upto}" for queue, (after, upto) in gaps.items()}
