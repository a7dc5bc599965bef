"""The numberer: gives committed events their position in the log, one leader a service.

Ids of the outbox are drawn before commit, so id order is not commit order: a reader that followed ids would skip what
commits late. The one leader moves what is committed, in id order, and draws the positions itself: no gap, no row
behind a reader, and the events of one aggregate in the order of its commits.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg

from libs.common.bus import metrics
from libs.common.bus.leader import lead
from libs.common.bus.sql import QUERIES
from libs.common.db import Wake

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["BATCH", "drain", "run", "step"]

BATCH = 1000
"""Events moved in one transaction."""
_POLL = 1.0  # seconds, should a notification be lost
_MEASURE = 5.0  # seconds between two looks at the outbox for metrics


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Number events as they commit, until told to stop; stand by while another process does it."""

    async def work(conn: asyncpg.Connection) -> None:
        async with runtime.database.listen("outbox") as wake:
            await _Leader(runtime, conn).run(wake, stop)

    await lead(runtime, "numberer", work, stop)


async def step(conn: asyncpg.Connection) -> int:
    """Move one batch of committed events to the log, and give how many."""
    async with conn.transaction():
        await conn.execute(QUERIES["make_room"], BATCH)
        moved: int = await conn.fetchval(QUERIES["number"], BATCH)
    return moved


async def drain(runtime: Runtime) -> int:
    """Number all that is committed now, and give how many (tests; nobody else may be numbering)."""
    total = 0
    async with runtime.database.acquire() as conn:
        while moved := await step(conn):
            total += moved
    return total


class _Leader:
    def __init__(self, runtime: Runtime, conn: asyncpg.Connection) -> None:
        self._runtime = runtime
        self._conn = conn
        self._numbered = metrics.NUMBERED.labels(runtime.service.name)
        self._measured = -_MEASURE

    async def run(self, wake: Wake, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._runtime.database.keep_listening()
            moved = await step(self._conn)
            self._numbered.inc(moved)
            await self._look_after(time.monotonic())
            if moved < BATCH:
                await wake.wait(_POLL)

    async def _look_after(self, now: float) -> None:
        if now - self._measured >= _MEASURE:
            self._measured = now
            state = await self._conn.fetchrow(QUERIES["outbox_state"])
            metrics.OUTBOX_PENDING.labels(self._runtime.service.name).set(state["pending"])
            metrics.OUTBOX_OLDEST.labels(self._runtime.service.name).set(state["oldest"])
