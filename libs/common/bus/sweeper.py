"""Brings back what no timer brought back: lost timers, replayed messages, those whose head was discarded."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from libs.common.bus import metrics
from libs.common.bus.delivery import queues_of
from libs.common.bus.sql import QUERIES

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["ROOM", "sweeping"]

ROOM = 200
"""Messages that wait in the lanes of a queue, from which on none is brought back to it: ten thousand that were replayed
would be in memory at once, again and again."""
_AT_ONCE = 100  # in one statement
_POLL = 1.0  # seconds
_COUNT = 2.0  # seconds between two counts for metrics
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def sweeping(
    runtime: Runtime, again: Callable[[str, bytes], None], waiting: Callable[[str], int], *, grace: float
) -> AsyncIterator[None]:
    """Give `again` the queue and body of what is due since `grace` seconds, until the block ends.

    `waiting` says how many messages of a queue wait already.
    """
    task = asyncio.create_task(_run(_Sweeper(runtime, again, waiting, grace)))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass(frozen=True)
class _Sweeper:
    runtime: Runtime
    again: Callable[[str, bytes], None]
    waiting: Callable[[str], int]
    grace: float

    @property
    def queues(self) -> list[str]:
        return list(queues_of(self.runtime.service.consumers))

    async def sweep(self) -> bool:
        """Bring back what is due, as far as there is room; tell whether more may be."""
        queues = [name for name in self.queues if self.waiting(name) < ROOM]
        async with self.runtime.read() as conn:
            due = await conn.fetch(QUERIES["due"], queues, self.grace, _AT_ONCE)
        for row in due:
            self.again(row["queue"], row["body"])
        return len(due) == _AT_ONCE

    async def count(self) -> None:
        """Tell Prometheus what is in trouble."""
        async with self.runtime.read() as conn:
            counts = await conn.fetch(QUERIES["count_parked"])
        found = {(row["queue"], row["state"]): row["messages"] for row in counts}
        for queue in self.queues:
            for state in ("retrying", "held", "parked"):
                metrics.PARKED.labels(self.runtime.service.name, queue, state).set(found.get((queue, state), 0))


async def _run(sweeper: _Sweeper) -> None:
    database, counted = sweeper.runtime.database, -_COUNT
    while sweeper.queues:
        try:
            async with database.listen("parked") as wake:
                while True:
                    await database.keep_listening()
                    more = await sweeper.sweep()
                    if time.monotonic() - counted >= _COUNT:
                        counted = time.monotonic()
                        await sweeper.count()
                    if not more:
                        await wake.wait(_POLL)
        except Exception as error:  # noqa: BLE001  # the sweeper's loop: it must outlive any outage of the database
            _log.warning("sweep_failed", service=sweeper.runtime.service.name, error=type(error).__name__)
            await asyncio.sleep(_POLL)
