"""Commit to effect at 200 events a second, through real processes; and what a service costs when it has nothing to do."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from uuid import uuid4

from tests.bench.backbone.place import Place
from tests.bench.backbone.proc import cpu_seconds
from tests.bench.backbone.shop import event_of

__all__ = ["idle_percent", "milliseconds"]

_RATE = 200  # events a second
_LAG = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(e.xmin) - pg_xact_commit_timestamp(c.xmin))::float8 * 1000 AS ms
  FROM cause AS c JOIN effect AS e USING (key, place)
 WHERE c.place > $1
"""


async def milliseconds(place: Place, seconds: float) -> tuple[float, float, int]:
    """Give the median, the 99th percentile and the number of delays between the two commits, as PostgreSQL dates them."""
    async with place.processes("relay", "worker"):
        await _write(place, 2 * _RATE, 1)  # until everything is warm
        await _arrived(place)
        await _write(place, round(seconds * _RATE), 2)
        await _arrived(place)
    async with place.runtime.read() as conn:
        delays = [row["ms"] for row in await conn.fetch(_LAG, 1)]
    return statistics.median(delays), statistics.quantiles(delays, n=100)[98], len(delays)


async def _write(place: Place, count: int, number: int) -> None:
    """Commit events of 1 KiB at the rate, each in its own transaction."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for turn in range(count):
            await asyncio.sleep(max(0.0, began + turn / _RATE + random.uniform(0, 1 / _RATE) - time.perf_counter()))
            group.create_task(_commit(place, number))


async def _commit(place: Place, number: int) -> None:
    key = uuid4()
    async with place.runtime.uow() as uow:
        await uow.conn.execute("INSERT INTO cause (key, place) VALUES ($1, $2)", key, number)
        uow.emit(event_of(key, number, 500))


async def _arrived(place: Place) -> None:
    question = "SELECT count(*) FROM cause AS c WHERE NOT EXISTS (SELECT FROM effect AS e WHERE e.key = c.key)"
    async with asyncio.timeout(60):
        await place.until(lambda: place.value(question), 0)


async def idle_percent(place: Place, seconds: float) -> float:
    """Give the part of a core that api, worker and relay of one service take together, doing nothing; in percent."""
    async with place.processes("api", "worker", "relay") as running:
        await asyncio.sleep(15)  # started and connected, however busy the machine is
        before = sum(cpu_seconds(process.pid) for process in running.values())
        await asyncio.sleep(seconds)
        return (sum(cpu_seconds(process.pid) for process in running.values()) - before) / seconds * 100
