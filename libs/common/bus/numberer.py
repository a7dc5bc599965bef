"""The numberer: gives committed events their position in the log, one leader a service.

Ids of the outbox are drawn before commit, so id order is not commit order: a reader that followed ids would skip what
commits late. The one leader moves what is committed, in id order, and draws the positions itself: no gap, no row
behind a reader, and the events of one aggregate in the order of its commits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from libs.common.bus import metrics
from libs.common.bus.leader import lead
from libs.common.bus.sql import QUERIES
from libs.common.db import Wake

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["BATCH", "Floor", "drain", "run", "step"]

BATCH = 1000
"""Events moved in one transaction."""
_POLL = 1.0  # seconds, should a notification be lost


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Number events as they commit, until told to stop; stand by while another process does it."""

    async def work(conn: asyncpg.Connection) -> None:
        async with runtime.database.listen("outbox") as wake:
            await _Leader(runtime, conn).run(wake, stop)

    await lead(runtime, "numberer", work, stop)


class Floor:
    """Up to which id the outbox holds nothing, and never will: what was moved is not passed over again and again.

    Somebody who reads for hours (a backup) keeps what was moved since in the index, and a look from its beginning gets
    slower all the while. An id is drawn by a transaction that has its number already (a trigger sees to that). So: of ids
    drawn before our own transaction got its number, all belong to earlier ones; once these are over, and all that they
    left was moved, nothing can appear there.
    """

    def __init__(self) -> None:
        self.id = 0
        self._next: tuple[int, int] | None = None

    def learn(self, drawn: int, step: asyncpg.Record) -> None:
        """Take the last id drawn before a step that is committed, and what the step saw."""
        if self._next and step["oldest"] >= self._next[1]:
            safe = self._next[0]
            self.id = safe if step["number"] < BATCH else min(safe, step["last"])  # ids leave in their order
            if self.id == safe:
                self._next = None
        if self._next is None and step["mine"] is not None:
            self._next = (drawn, step["mine"])


async def step(conn: asyncpg.Connection, floor: Floor) -> int:
    """Move one batch of committed events to the log, and give how many."""
    async with conn.transaction():
        drawn = await conn.fetchval(QUERIES["drawn"])  # before anything that gives this transaction its number
        await conn.execute(QUERIES["make_room"], BATCH)
        row = await conn.fetchrow(QUERIES["number"], BATCH, floor.id)
    floor.learn(drawn, row)
    moved: int = row["number"]
    return moved


async def drain(runtime: Runtime) -> int:
    """Number all that is committed now, and give how many (tests; nobody else may be numbering)."""
    total = 0
    floor = Floor()
    async with runtime.database.acquire() as conn:
        while moved := await step(conn, floor):
            total += moved
    return total


class _Leader:
    def __init__(self, runtime: Runtime, conn: asyncpg.Connection) -> None:
        self._runtime = runtime
        self._conn = conn
        self._floor = Floor()
        self._numbered = metrics.NUMBERED.labels(runtime.service.name)

    async def run(self, wake: Wake, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._runtime.database.keep_listening()
            moved = await step(self._conn, self._floor)
            self._numbered.inc(moved)
            if moved < BATCH:
                await wake.wait(_POLL)
