"""Events that were set aside, tried again: the first of each key, and the next once it went through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg

from libs.common.bus.port import Stream
from libs.common.bus.queues import Queues
from libs.common.bus.shares import QUERIES
from libs.common.bus.window import BYTES, WINDOW, Row

__all__ = ["Aside"]


class Aside:
    """What was set aside of some shards. One round at a time: begun, settled on the stream, ended."""

    def __init__(self, conn: asyncpg.Connection, shards: Sequence[int], queues: Queues) -> None:
        self._conn = conn
        self._shards = list(shards)
        self._queues = queues
        self._flight: dict[UUID, Row] = {}
        self._passed: list[Row] = []
        self._refused: list[tuple[int, str]] = []

    @property
    def in_flight(self) -> int:
        """Events sent whose fate is unknown."""
        return len(self._flight)

    @property
    def is_over(self) -> bool:
        """Whether a round has ended and is not written down."""
        return not self._flight and bool(self._passed or self._refused)

    async def begin(self, stream: Stream) -> int:
        """Send what is due, unless a round goes on; give how many."""
        if self._flight or self.is_over:
            return 0
        for found in await self._conn.fetch(QUERIES["aside_due"], self._shards, WINDOW, BYTES):
            row = Row(found["position"], found["event_id"], found["type"], found["key"], found["body"])
            outgoing = self._queues.outgoing_late(row)
            if outgoing is None:
                self._refused.append((row.position, f"queue missing: {self._queues.missing_for(row.type)}"))
                continue
            self._flight[row.id] = row
            stream.send(outgoing)
        return len(self._flight)

    def settle(self, identity: UUID, reason: str | None) -> None:
        """Take the fate of an event of this round."""
        row = self._flight.pop(identity, None)
        if row is None:
            return
        if reason:
            self._refused.append((row.position, reason))
        else:
            self._passed.append(row)

    async def end(self, hold: Callable[[], Awaitable[None]]) -> bool:
        """Write down a round, while `hold` says in the transaction that the shards are still led.

        Tell whether something went through: the next event of its key may go.
        """
        async with self._conn.transaction():
            await hold()
            await self._conn.execute(QUERIES["aside_done"], [row.position for row in self._passed])
            await self._conn.execute(QUERIES["aside_next"], self._shards, [row.key for row in self._passed])
            if self._refused:
                await self._conn.execute(QUERIES["aside_again"], *map(list, zip(*self._refused, strict=True)))
        passed = bool(self._passed)
        self._passed, self._refused = [], []
        return passed

    def forget(self) -> None:
        """Forget a round whose fate is unknown: it is tried again."""
        self._flight, self._passed, self._refused = {}, [], []
