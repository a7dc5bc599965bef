"""Brings back what no timer brought back: lost timers, replayed messages, those whose head was discarded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from libs.common.bus import metrics
from libs.common.bus.delivery import queues_of
from libs.common.bus.sql import QUERIES

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["sweeping"]

_POLL = 1.0  # seconds
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def sweeping(runtime: Runtime, again: Callable[[str, bytes], None], *, grace: float) -> AsyncIterator[None]:
    """Give `again` the queue and body of what is due since `grace` seconds, until the block ends."""
    task = asyncio.create_task(_run(runtime, again, grace))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _run(runtime: Runtime, again: Callable[[str, bytes], None], grace: float) -> None:
    queues = list(queues_of(runtime.service.consumers))
    while queues:
        try:
            async with runtime.database.listen("parked") as wake:
                while True:
                    await runtime.database.keep_listening()
                    await _sweep(runtime, queues, again, grace)
                    await wake.wait(_POLL)
        except Exception as error:  # noqa: BLE001  # the sweeper's loop: it must outlive any outage of the database
            _log.warning("sweep_failed", service=runtime.service.name, error=type(error).__name__)
            await asyncio.sleep(_POLL)


async def _sweep(runtime: Runtime, queues: list[str], again: Callable[[str, bytes], None], grace: float) -> None:
    async with runtime.read() as conn:
        due = await conn.fetch(QUERIES["due"], queues, grace)
        counts = await conn.fetch(QUERIES["count_parked"])
    for row in due:
        again(row["queue"], row["body"])
    found = {(row["queue"], row["state"]): row["messages"] for row in counts}
    for queue in queues:
        for state in ("retrying", "held", "parked"):
            metrics.PARKED.labels(runtime.service.name, queue, state).set(found.get((queue, state), 0))
