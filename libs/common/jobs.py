"""Effects outside the database: written with the transaction that asks for them, done by workers, one at a time each.

A worker claims due jobs under a lease, runs the handler outside any transaction, then marks the job done in the
transaction of its completion. A worker that dies loses its lease; another takes over, with the same key for the
receiver. A worker that lost its lease can no longer mark anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counted
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import structlog
from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge

from libs.common.db import Wake, load_queries
from libs.common.messages.envelope import CloudEvent
from libs.common.service import Completion, Job
from libs.common.stop import ringing
from libs.common.tracing import current_traceparent
from libs.common.uow import Uow

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["BACKOFF", "MAX_ATTEMPTS", "MAX_CRASHES", "JobFailedError", "LostLeaseError", "drain", "run_jobs", "write"]

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))
"""Real time before each new attempt; the last one is repeated."""
MAX_ATTEMPTS = 28
"""Then it is dead: about a day after the first attempt, so that a night's outage of a receiver kills nothing."""
MAX_CRASHES = 5
"""Workers that may die while doing a job before it is dead."""
KEPT = timedelta(days=90)
"""How long a job that is done is remembered, and its key refused."""
LEASE = timedelta(seconds=60)
TIME_LIMIT = timedelta(minutes=10)
"""Of one attempt."""
SLOTS = 4  # jobs done at once by one worker: fewer than the pool's connections
FREE = 1  # of them kept from each kind where there are several: a receiver that hangs must not stop the other effects
POLL = 1.0  # seconds
GRACE = 20.0  # seconds given to the jobs in hand when told to stop; then they are handed back

QUERIES = load_queries(Path(__file__).with_name("jobs.sql"))
_PRUNED = 5000  # jobs forgotten in one statement
_log = structlog.get_logger(__name__)
_tracer = trace.get_tracer(__name__)
_OUTCOMES = Counter("halles_job_attempts", "Attempts at jobs", ["service", "kind", "outcome"])
_STATES = Gauge("halles_jobs", "Jobs not done", ["service", "state"])
_OLDEST = Gauge("halles_jobs_oldest_seconds", "How long the oldest job that is due waits for a worker", ["service"])


class JobFailedError(Exception):
    """Trying again is useless: the job is dead at once, and an operator sees why."""


class LostLeaseError(Exception):
    """Another worker took the job over: what was done here is not marked."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    job: Job
    lease: UUID
    crashes: int
    cause: CloudEvent | None
    traceparent: str | None


async def write(uow: Uow, *, cause: CloudEvent | None) -> None:
    """Write the jobs of a transaction; one whose kind and key exist already is ignored."""
    if not uow.jobs:
        return
    told = cause.model_dump(mode="json", exclude={"data"}, exclude_none=True) if cause else None
    now, traceparent = uow.now(), current_traceparent()
    rows = [(kind, key, payload, due or now, told, traceparent) for kind, key, payload, due in uow.jobs]
    await uow.conn.executemany(QUERIES["write"], rows)
    await uow.conn.execute(QUERIES["wake"])


async def run_jobs(runtime: Runtime, stop: asyncio.Event) -> None:
    """Do jobs as they come until told to stop; then finish those in hand, or hand them back."""
    async with runtime.database.listen("job") as wake, ringing(stop, wake.set):
        worker = _Worker(runtime, wake)
        async with worker.heartbeat():
            try:
                while not stop.is_set():
                    await worker.turn()
                await worker.finish()
            finally:
                await worker.hand_back()


async def drain(runtime: Runtime) -> int:
    """Do all the jobs that are due, and those they lead to; give how many attempts that took. For tests."""
    attempts = 0
    while claimed := await _claim(runtime, SLOTS):
        await asyncio.gather(*(_attempt(runtime, each) for each in claimed))
        attempts += len(claimed)
    return attempts


async def measure(runtime: Runtime) -> None:
    """Tell Prometheus how many jobs wait or are dead, and whether workers keep up."""
    async with runtime.read() as conn:
        counts = {row["state"]: row["jobs"] for row in await conn.fetch(QUERIES["count"])}
        oldest = await conn.fetchval(QUERIES["oldest"], runtime.clock.now())
    for state in ("waiting", "dead"):
        _STATES.labels(runtime.service.name, state).set(counts.get(state, 0))
    _OLDEST.labels(runtime.service.name).set(oldest)


async def prune(runtime: Runtime) -> None:
    """Forget the jobs done long ago; their keys could serve again."""
    status = f"DELETE {_PRUNED}"
    while status == f"DELETE {_PRUNED}":
        async with runtime.read() as conn:
            status = await conn.execute(QUERIES["prune"], KEPT, _PRUNED)


class _Worker:
    """The jobs in hand of one process."""

    def __init__(self, runtime: Runtime, wake: Wake) -> None:
        self._runtime = runtime
        self._wake = wake
        self._running: dict[asyncio.Task[None], _Claimed] = {}

    async def turn(self) -> None:
        """Claim what there are slots for; wait when there is nothing to claim."""
        free = SLOTS - len(self._running)
        claimed = []
        try:
            await self._runtime.database.keep_listening()
            claimed = await _claim(self._runtime, free, self._room()) if free else []
        except Exception:  # noqa: BLE001  # a loop: the database may be away for a while
            _log.exception("jobs_not_claimed", service=self._runtime.service.name)
        for each in claimed:
            self._start(each)
        if len(claimed) < free or not free:
            await self._wake.wait(POLL)

    def _room(self) -> dict[str, int]:
        """Give how many more jobs of each kind may be begun."""
        kinds = list(self._runtime.service.jobs.handlers)
        most = SLOTS - FREE if len(kinds) > 1 else SLOTS
        running = Counted(claimed.job.kind for claimed in self._running.values())
        return {kind: most - running[kind] for kind in kinds}

    def _start(self, claimed: _Claimed) -> None:
        task = asyncio.create_task(_attempt(self._runtime, claimed), name=f"job {claimed.job.kind}")
        self._running[task] = claimed
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("job_not_marked", exc_info=error)  # the lease ends by itself

    async def finish(self) -> None:
        """Wait for the jobs in hand, so long as it takes little."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=GRACE)

    async def hand_back(self) -> None:
        """Leave to other workers what is still in hand."""
        late = list(self._running)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Keep the leases of the jobs in hand."""
        task = asyncio.create_task(self._keep_leases(), name="leases")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            try:
                if self._running:
                    async with self._runtime.database.acquire() as conn:
                        leases = [claimed.lease for claimed in self._running.values()]
                        await conn.execute(QUERIES["keep"], leases, LEASE)
            except Exception:  # noqa: BLE001  # a loop: the next beat comes before the lease ends
                _log.exception("leases_not_kept", service=self._runtime.service.name)


async def _claim(runtime: Runtime, count: int, room: Mapping[str, int] | None = None) -> list[_Claimed]:
    room = dict.fromkeys(runtime.service.jobs.handlers, count) if room is None else room
    kinds, rooms = list(room), list(room.values())
    async with runtime.read() as conn:
        rows = await conn.fetch(QUERIES["claim"], runtime.clock.now(), kinds, rooms, count, LEASE)
    return [_claimed(row) for row in rows]


def _claimed(row: asyncpg.Record) -> _Claimed:
    job = Job(row["id"], row["kind"], row["key"], row["payload"], row["attempts"])
    cause = CloudEvent.model_validate(row["cause"] | {"data": {}}) if row["cause"] else None
    return _Claimed(job, row["lease"], row["crashes"], cause, row["traceparent"])


async def _attempt(runtime: Runtime, claimed: _Claimed) -> None:
    """Do a job once and mark what came of it."""
    job = claimed.job
    context = propagate.extract({"traceparent": claimed.traceparent}) if claimed.traceparent else None
    with _tracer.start_as_current_span(f"job {job.kind}", context=context, record_exception=False):
        outcome = await _outcome(runtime, claimed)
    _OUTCOMES.labels(runtime.service.name, job.kind, outcome).inc()
    _log.info("job_" + outcome, service=runtime.service.name, kind=job.kind, job_id=str(job.id), attempt=job.attempt)


async def _outcome(runtime: Runtime, claimed: _Claimed) -> str:
    try:
        await _do(runtime, claimed)
    except asyncio.CancelledError:
        await asyncio.shield(_mark(runtime, claimed, "hand_back"))
        raise
    except LostLeaseError:
        return "lost"
    except JobFailedError as error:
        return await _bury(runtime, claimed, error)
    except Exception as error:  # noqa: BLE001  # the loop of the job worker
        _log.warning("job_attempt_failed", kind=claimed.job.kind, job_id=str(claimed.job.id), exc_info=error)
        if claimed.job.attempt >= MAX_ATTEMPTS:
            return await _bury(runtime, claimed, error)
        return await _postpone(runtime, claimed, error)
    return "done"


async def _do(runtime: Runtime, claimed: _Claimed) -> None:
    if claimed.crashes >= MAX_CRASHES:
        raise JobFailedError(f"{claimed.crashes} workers died while doing it")
    handler = runtime.service.jobs.handlers[claimed.job.kind]
    async with asyncio.timeout(TIME_LIMIT.total_seconds()):
        completion = await handler(runtime, claimed.job)
    completing = asyncio.ensure_future(_complete(runtime, claimed, completion))
    try:
        await asyncio.shield(completing)
    finally:  # told to stop meanwhile: the effect is done, so see it marked
        await completing


async def _complete(runtime: Runtime, claimed: _Claimed, completion: Completion | None) -> None:
    """Mark the job done in the transaction of its completion. Raises LostLeaseError, and nothing is written."""
    async with runtime.uow(cause=claimed.cause) as uow:
        marked = await uow.conn.execute(QUERIES["finish"], claimed.job.id, claimed.lease)
        if marked != "UPDATE 1":
            raise LostLeaseError(claimed.job.id)
        if completion is not None:
            await completion(uow)


async def _bury(runtime: Runtime, claimed: _Claimed, error: Exception) -> str:
    await _mark(runtime, claimed, "bury", _told(error))
    _log.error("job_dead", service=runtime.service.name, kind=claimed.job.kind, job_id=str(claimed.job.id))
    return "dead"


async def _postpone(runtime: Runtime, claimed: _Claimed, error: Exception) -> str:
    delay = BACKOFF[min(claimed.job.attempt, len(BACKOFF)) - 1]
    await _mark(runtime, claimed, "postpone", delay, _told(error))
    return "postponed"


async def _mark(runtime: Runtime, claimed: _Claimed, query: str, *values: object) -> None:
    async with runtime.database.acquire() as conn:
        await conn.execute(QUERIES[query], claimed.job.id, claimed.lease, *values)


def _told(error: Exception) -> str:
    """Give an error's kind and words, short, for the operator."""
    return f"{type(error).__name__}: {error}"[:500]
