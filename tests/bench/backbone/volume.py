"""What does not grow: the cost of an event with 10 M others in the log, the memory of a process that drains 1 M."""

from __future__ import annotations

import asyncio
import time

from libs.common.db import connect
from tests.bench.backbone.place import Place
from tests.bench.backbone.proc import memory
from tests.bench.backbone.shop import body_template

__all__ = ["drain", "grow"]

_STEP = 500_000
_GROW = """
INSERT INTO event (position, event_id, type, key, organisation, recorded_at, body)
SELECT g, gen_random_uuid(), 'legality.act.exempted.v1', md5((g % 5000)::text)::uuid::text, 'SIRET:21210231500018',
       now(), left($1, 256)
  FROM generate_series($2::bigint, $3::bigint) AS g
"""
_HEAD = "UPDATE event_head SET position = $1"
_MARKS = "UPDATE publisher SET position = $1"


async def grow(place: Place, rows: int) -> None:
    """Put numbered events of 256 bytes in the log, as if they had been published long ago."""
    first = await place.value("SELECT position FROM event_head") + 1
    last = first + rows - 1
    async with place.runtime.database.session() as conn:
        await conn.execute("SET synchronous_commit = off")
        for start in range(first, last + 1, _STEP):
            end = min(last, start + _STEP - 1)
            await conn.execute("SELECT event_make_room($1)", end + 1)
            await conn.execute(_GROW, body_template(256), start, end)
            await conn.execute(_HEAD, end)
        await conn.execute(_MARKS, last)
        await conn.execute("VACUUM (ANALYZE) event")
    await _rest(place)


async def _rest(place: Place) -> None:
    """Have the growth written: else the disk goes on with it while the rates are measured."""
    conn = await connect(place.servers.postgres)
    await conn.execute("CHECKPOINT")
    await conn.close()


async def drain(place: Place, count: int) -> tuple[float, dict[str, float]]:
    """Give events a second from outbox to effect through real processes, and the most memory of each, in MiB."""
    for done in range(0, count, _STEP):
        await place.fill(min(_STEP, count - done))
    peaks: dict[str, float] = {}
    began = time.perf_counter()
    async with place.processes("relay", "worker") as running:
        done = before = await place.value("SELECT count(*) FROM inbox")
        while done < before + count:
            await asyncio.sleep(1.0)
            for role, process in running.items():
                peaks[role] = max(peaks.get(role, 0.0), memory(process.pid))
            done = await place.value("SELECT count(*) FROM inbox")
        return count / (time.perf_counter() - began), peaks
