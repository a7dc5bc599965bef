"""Two replicas of every process share the work with no configuration, and one does it all when the other is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from libs.common.bus.rabbit.link import Link
from libs.common.bus.topology import broker_objects
from libs.common.provision import drop
from tests.bench.backbone.place import Place, Servers
from tests.bench.backbone.shop import QUEUE, SERVICE, TOPOLOGY

_LEADERS = """
SELECT count(*) FROM (SELECT pid FROM pg_locks
                       WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND classid = x'48505542'::bigint::oid
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       GROUP BY pid HAVING count(*) = $1) AS leaders
"""
_OUT_OF_ORDER = """
SELECT count(*)
  FROM (SELECT version <= lag(version) OVER (PARTITION BY key ORDER BY position) AS late
          FROM (SELECT key, position, (body::json ->> 'aggregateversion')::bigint AS version FROM event) AS e) AS e
 WHERE late
"""


async def test_replicas_share_the_work_and_survive_each_other(database_url: str, amqp_url: str, tmp_path: Path) -> None:
    async with Servers(database_url, amqp_url, tmp_path).place() as place:
        try:
            async with place.processes("relay", "relay.2", "worker", "worker.2") as running:
                await place.until(lambda: _leaders(place, 4), 2)
                await place.fill(2000)
                await place.until(lambda: place.value("SELECT count(*) FROM effect"), 2000)
                for name in ("relay", "worker"):
                    os.kill(running[name].pid, signal.SIGKILL)
                await place.fill(2000)
                await place.until(lambda: place.value("SELECT count(*) FROM effect"), 4000)
                await place.until(lambda: _leaders(place, 8), 1)
            assert await place.value("SELECT count(*) FROM parked") == 0
        finally:
            await _tidy(amqp_url)
    await drop(place.runtime.settings, SERVICE.name)


async def test_a_relay_that_hangs_is_followed_by_another_and_harms_nothing_when_it_wakes(
    database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    """Stopped, it keeps its sessions and says nothing; woken, it has in hand what another has published since."""
    async with Servers(database_url, amqp_url, tmp_path).place() as place, asyncio.timeout(150):
        try:
            async with place.processes("relay", "worker") as first:
                await place.until(lambda: _leaders(place, 8), 1)
                async with place.processes("relay.2"):
                    await place.until(lambda: _leaders(place, 4), 2)
                    await place.fill(3000)
                    await place.until(lambda: place.value("SELECT least(count(*), 500) FROM effect"), 500)
                    first["relay"].send_signal(signal.SIGSTOP)  # in the middle of its work, and it numbers too
                    await place.fill(2000)
                    await place.until(lambda: place.value("SELECT count(*) FROM effect"), 5000)
                    await place.until(lambda: _leaders(place, 8), 1)
                    first["relay"].send_signal(signal.SIGCONT)
                    await place.fill(1000)
                    await place.until(lambda: place.value("SELECT count(*) FROM effect"), 6000)
                    await place.until(lambda: _leaders(place, 4), 2)
                assert await place.value(_OUT_OF_ORDER) == 0
                assert await place.value("SELECT max(position) - count(*) FROM event") == 0, "a gap in the log"
                assert await place.value("SELECT count(*) FROM parked") == 0
        finally:
            await _tidy(amqp_url)
    await drop(place.runtime.settings, SERVICE.name)


async def _tidy(amqp_url: str) -> None:
    link = Link(amqp_url, "tidy", lambda: broker_objects(TOPOLOGY))
    channel = await link.channel("tidy")
    await channel.queue_delete(QUEUE)
    await link.close()


async def _leaders(place: Place, shards: int) -> int:
    async with place.runtime.read() as conn:
        return int(await conn.fetchval(_LEADERS, shards))
