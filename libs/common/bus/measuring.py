"""What a service's database says of its backbone, told by every relay and every worker.

Not by leaders only: a service without any leader must say so, and a process that leads no more must not go on telling
what it saw last. All processes of a service tell the same, so the largest is taken, never the sum.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from libs.common.bus import metrics
from libs.common.bus.delivery import queues_of
from libs.common.bus.inbox import Claim
from libs.common.bus.shares import LOCKS
from libs.common.db import load_queries

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["EVERY", "begin_consuming", "begin_publishing", "measure"]

EVERY = 5.0
"""seconds between two looks"""
_QUERIES = load_queries(Path(__file__).with_name("measuring.sql"))


def begin_publishing(runtime: Runtime) -> None:
    """Tell counters of trouble from 0 on: one first told as 1 has not grown, for whoever asks how fast it grows."""
    for reason in ("refused", "unavailable"):
        metrics.PUBLISH_FAILURES.labels(runtime.service.name, reason)
    metrics.PUBLISHED_AGAIN.labels(runtime.service.name)


def begin_consuming(runtime: Runtime) -> None:
    """Tell the same of a worker; retries only once they happen: their classes are those of the failures."""
    service = runtime.service.name
    metrics.RECONNECTIONS.labels(service)
    for queue in queues_of(runtime.service.consumers):
        metrics.DUPLICATES.labels(service, queue)
        metrics.QUEUE_LOST.labels(service, queue)
        for outcome in (*Claim, "parked", "retry"):
            metrics.DELIVERIES.labels(service, queue, str(outcome))


async def measure(runtime: Runtime) -> None:
    """Tell Prometheus what waits, what was set aside, who leads, how full the server is. Raises what asyncpg raises."""
    service = runtime.service.name
    async with runtime.read() as conn:
        outbox = await conn.fetchrow(_QUERIES["outbox"])
        shards = await conn.fetch(_QUERIES["shards"])
        queues = await conn.fetch(_QUERIES["queues"])
        leaders = await conn.fetchrow(_QUERIES["leaders"], "halles.numberer", LOCKS)
        connections = await conn.fetchrow(_QUERIES["connections"])
    metrics.OUTBOX_PENDING.labels(service).set(outbox["pending"])
    metrics.OUTBOX_OLDEST.labels(service).set(outbox["oldest"])
    _tell_shards(service, shards)
    for row in queues:
        metrics.QUEUE_MISSING.labels(service, row["queue"]).set(int(row["missing"]))
    metrics.LEADERLESS.labels(service, "numberer").set(1 - min(1, leaders["numberers"]))
    metrics.LEADERLESS.labels(service, "publisher").set(max(0, len(shards) - leaders["shards"]))
    metrics.CONNECTIONS.labels(service).set(connections["used"])
    metrics.CONNECTIONS_LIMIT.labels(service).set(connections["most"])


def _tell_shards(service: str, shards: list[asyncpg.Record]) -> None:
    for row in shards:
        metrics.RELAY_LAG.labels(service, str(row["shard"])).set(row["lag"])
    metrics.SET_ASIDE.labels(service).set(sum(row["aside"] for row in shards))
