"""The journal: facts are gathered in batches, each linked to the one before, each with one time stamp.

A batch is closed in a transaction that holds the end of the chain for a moment; its stamp is asked outside, so a slow
authority makes nobody wait but those who want the proof. Any number of processes do this at once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import structlog
from prometheus_client import Gauge, Histogram

from libs.common.db import Wake
from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampAuthority, TimestampError, verify
from services.bids.evidence import merkle, store
from services.bids.evidence.availability import beat
from services.bids.evidence.batches import Batch
from services.bids.evidence.facts import leaf
from services.bids.ports import TrustedRoots

__all__ = ["GATHER", "Journal", "close_batch", "stamp_batch", "stamp_left"]

GATHER = 0.25
"""Seconds between two batches of a process: a fact alone waits for nothing, one in a crowd less than 500 ms."""
POLL = 1.0
"""Seconds after which the loop looks for facts that nobody rang for."""
LARGEST = 4096
"""Facts of one batch."""
_log = structlog.get_logger(__name__)
_STAMP_SECONDS = Histogram(
    "halles_evidence_stamp_seconds",
    "From the closing of a batch to its time stamp",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15),
)
_CLOCK = Gauge("halles_evidence_clock_seconds", "How far the last time stamp is ahead of the platform's clock")


async def close_batch(conn: asyncpg.Connection, at: datetime) -> Batch | None:
    """Close a batch of the facts that wait, in a transaction of its own; None when none does."""
    async with conn.transaction():
        head = await store.lock_head(conn)
        facts = await store.waiting(conn, LARGEST)
        if not facts:
            return None
        hashes = {leaf(each.id, each.fact): each.id for each in facts}
        seed = secrets.token_bytes(32)
        leaves = merkle.fill(list(hashes), seed)
        root = merkle.root(leaves)
        batch = Batch(uuid4(), head.number + 1, seed, leaves, head.hash, root, merkle.head_of(head.hash, root), at)
        places = [(hashes[each], place) for place, each in enumerate(leaves) if each in hashes]
        await store.add_batch(conn, batch, places)
    return batch


async def stamp_batch(runtime: Runtime, batch: Batch) -> None:
    """Have a batch time-stamped and keep the token. Raises TimestampError while no authority answers."""
    token = await runtime.port(TimestampAuthority).stamp(batch.head)  # type: ignore[type-abstract]  # a port is a protocol
    stamped_at = verify(token, batch.head, runtime.port(TrustedRoots).certificates)
    _compare_clocks(stamped_at, runtime.clock.now())
    async with runtime.uow() as uow:
        await store.stamp(uow.conn, batch.id, token, stamped_at)


class Journal:
    """The journal of one process: closes and stamps batches as facts come, and lets those wait who want a proof."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stamping: set[asyncio.Task[None]] = set()
        self._waiting: dict[asyncio.Future[None], UUID] = {}
        self._looking = Wake()
        self._closed = 0.0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keep the journal while the block runs; stamps under way are finished, within reason."""
        async with (
            self._runtime.database.listen(store.CHANNEL) as rung,
            self._runtime.database.listen(store.CHANNEL) as self._looking,
        ):
            loops = (self._loop(rung, self._close), self._loop(self._looking, self._tell), beat(self._runtime))
            tasks = [asyncio.create_task(each, name="evidence") for each in loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                if self._stamping:
                    await asyncio.wait(self._stamping, timeout=2)

    async def wait(self, fact: UUID, seconds: float) -> bool:
        """Wait until the batch of a committed fact is stamped; False when it is not within so many seconds."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[told] = fact
        self._looking.set()  # it may be stamped already
        try:
            async with asyncio.timeout(seconds):
                await told
        except TimeoutError:
            return False
        finally:
            del self._waiting[told]
        return True

    async def _loop(self, wake: Wake, turn: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await self._runtime.database.keep_listening()
                await wake.wait(POLL)
                await turn()
            except Exception:  # noqa: BLE001  # a loop: the database may be away for a while
                _log.exception("evidence_not_kept")
                await asyncio.sleep(POLL)

    async def _tell(self) -> None:
        """Tell all who wait for a stamp that came, with one query."""
        if not self._waiting:
            return
        async with self._runtime.read() as conn:
            stamped = await store.stamped(conn, list(set(self._waiting.values())))
        for told, fact in self._waiting.items():
            if fact in stamped and not told.done():
                told.set_result(None)

    async def _close(self) -> None:
        if not await _due(self._runtime):
            return
        await asyncio.sleep(max(0.0, self._closed + GATHER - time.monotonic()))
        self._closed = time.monotonic()
        async with self._runtime.read() as conn:
            batch = await close_batch(conn, self._runtime.clock.now())
        if batch is not None:
            task = asyncio.create_task(self._stamp(batch), name="evidence stamp")
            self._stamping.add(task)
            task.add_done_callback(self._stamping.discard)

    async def _stamp(self, batch: Batch) -> None:
        begun = time.monotonic()
        try:
            await stamp_batch(self._runtime, batch)
        except Exception as error:  # noqa: BLE001  # the worker asks again: see stamp_left
            _log.warning("evidence_stamp_pending", batch=str(batch.id), reason=type(error).__name__)
            return
        _STAMP_SECONDS.observe(time.monotonic() - begun)


async def stamp_left(runtime: Runtime, limit: int = 50) -> int:
    """Close what nobody closed and stamp batches left without a stamp, oldest first; give how many still wait.

    Stops at the first batch that no authority stamps: asking for the others would fail as well.
    """
    while await _due(runtime):
        async with runtime.read() as conn:
            await close_batch(conn, runtime.clock.now())
    async with runtime.read() as conn:
        left = await store.unstamped(conn, limit)
    for done, batch in enumerate(left):
        try:
            await stamp_batch(runtime, batch)
        except TimestampError as error:
            _log.warning("evidence_stamp_pending", batch=str(batch.id), reason=type(error).__name__)
            return len(left) - done
    return 0


async def _due(runtime: Runtime) -> bool:
    async with runtime.read() as conn:
        return await store.due(conn)


def _compare_clocks(stamped_at: datetime, now: datetime) -> None:
    """Tell how far the authority's clock is from ours; one of them is wrong beyond some seconds: an alert tells."""
    ahead: timedelta = stamped_at - now
    _CLOCK.set(ahead.total_seconds())
