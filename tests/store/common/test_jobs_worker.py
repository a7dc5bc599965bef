"""Jobs: shared by workers, recovered after a crash, tried again, given up where an operator sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from libs.common import jobs as work
from libs.common.db import connect
from libs.common.jobs import drain, run_jobs
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs
from libs.common.uow import Uow
from tests.store.common.conftest import RuntimeFactory, event


def _jobs(handler: Any) -> Jobs:  # noqa: ANN401
    jobs = Jobs()
    jobs.on("mail")(handler)
    return jobs


async def _ask(runtime: Runtime, *keys: str, **options: Any) -> None:  # noqa: ANN401
    async with runtime.uow() as uow:
        for key in keys:
            uow.enqueue("mail", key=key, payload={}, **options)


async def _row(runtime: Runtime, key: str = "1") -> dict[str, Any]:
    async with runtime.read() as conn:
        row = await conn.fetchrow("SELECT *, not_before - now() AS wait FROM job WHERE key = $1", key)
    return dict(row)


async def _set(runtime: Runtime, assignment: str) -> None:
    async with runtime.read() as conn:
        await conn.execute(f"UPDATE job SET {assignment}")  # noqa: S608


@asynccontextmanager
async def _worker(runtime: Runtime) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_jobs(runtime, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def _is_done(runtime: Runtime, key: str) -> bool:
    return bool((await _row(runtime, key))["state"] == "done")


async def _until(condition: Any, seconds: float = 5) -> None:  # noqa: ANN401
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_job_is_done_once_with_its_completion(runtimes: RuntimeFactory) -> None:
    done: list[Job] = []
    aggregate = uuid4()

    async def handle(_: Runtime, job: Job) -> Completion:
        done.append(job)

        async def complete(uow: Uow) -> None:
            uow.emit(event(aggregate))

        return complete

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await _ask(runtime, "1")
    assert await drain(runtime) == 1
    assert await drain(runtime) == 0
    assert [(job.kind, job.key, job.attempt) for job in done] == [("mail", "1", 1)]
    assert (await _row(runtime))["state"] == "done"
    async with runtime.read() as conn:
        assert await conn.fetchval("SELECT key FROM outbox") == str(aggregate)


async def test_a_failed_completion_leaves_the_job_to_do_and_no_event(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> Completion:
        async def complete(uow: Uow) -> None:
            uow.emit(event(uuid4()))
            raise LookupError("too late")

        return complete

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await drain(runtime)
    row = await _row(runtime)
    assert (row["state"], row["last_error"], row["lease"]) == ("waiting", "LookupError: too late", None)
    async with runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_handler_runs_outside_any_transaction(runtimes: RuntimeFactory) -> None:
    async def handle(runtime: Runtime, _job: Job) -> None:
        async with runtime.read() as conn:
            open_ones = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            )
            assert await conn.fetchval(open_ones) == 0

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await drain(runtime)
    assert (await _row(runtime))["state"] == "done"


async def test_two_workers_share_the_jobs_and_do_each_once(runtimes: RuntimeFactory) -> None:
    done: list[tuple[str, str]] = []

    def handler(name: str) -> Any:  # noqa: ANN401
        async def handle(_: Runtime, job: Job) -> None:
            done.append((name, job.key))
            await asyncio.sleep(0.005)

        return handle

    first, second = await runtimes(_jobs(handler("first"))), await runtimes(_jobs(handler("second")))
    keys = [str(number) for number in range(60)]
    await _ask(first, *keys)

    async def finished() -> bool:
        return len(done) >= len(keys)

    async with _worker(first), _worker(second):
        await _until(finished)
    assert sorted(key for _, key in done) == sorted(keys)
    assert {name for name, _ in done} == {"first", "second"}


async def test_a_notification_wakes_the_worker_at_once(runtimes: RuntimeFactory) -> None:
    done = asyncio.Event()

    async def handle(_: Runtime, _job: Job) -> None:
        done.set()

    runtime = await runtimes(_jobs(handle))
    async with _worker(runtime):
        await asyncio.sleep(0.3)  # it waits for its next poll by now
        began = asyncio.get_running_loop().time()
        await _ask(runtime, "1")
        await asyncio.wait_for(done.wait(), 5)
        assert asyncio.get_running_loop().time() - began < work.POLL * 0.6


async def test_a_worker_outlives_the_loss_of_all_its_sessions(runtimes: RuntimeFactory, database_url: str) -> None:
    done: list[str] = []

    async def handle(_: Runtime, job: Job) -> None:
        done.append(job.key)

    runtime = await runtimes(_jobs(handle))
    administrator = await connect(database_url)
    async with _worker(runtime):
        await _ask(runtime, "1")
        await _until(lambda: _is_done(runtime, "1"))
        name = runtime.database.url.rpartition("/")[2]
        await administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await administrator.close()
        await asyncio.sleep(0.1)
        await _ask(runtime, "2")
        await _until(lambda: _is_done(runtime, "2"))
        await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        await _ask(runtime, "3")
        await _until(lambda: _is_done(runtime, "3"))
        assert asyncio.get_running_loop().time() - began < work.POLL * 0.8, "notified again, not polled"
    assert done == ["1", "2", "3"]


async def test_the_job_of_a_dead_worker_is_taken_over_when_its_lease_ends(runtimes: RuntimeFactory) -> None:
    seen: list[int] = []

    async def handle(_: Runtime, job: Job) -> None:
        seen.append(job.attempt)

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    assert len(await work._claim(runtime, 1)) == 1  # and that worker dies here
    assert await drain(runtime) == 0
    await _set(runtime, "not_before = now()")
    assert await drain(runtime) == 1
    assert seen == [2]
    assert (await _row(runtime))["crashes"] == 1


async def test_a_worker_that_lost_its_lease_marks_nothing(runtimes: RuntimeFactory) -> None:
    async def handle(runtime: Runtime, job: Job) -> Completion:
        if job.attempt == 1:
            await _set(runtime, "not_before = now()")
            assert await drain(runtime) == 1  # another worker takes over and finishes

        async def complete(uow: Uow) -> None:
            uow.emit(event(uuid4(), job.attempt))

        return complete

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await drain(runtime)
    async with runtime.read() as conn:
        versions = await conn.fetch("SELECT body::jsonb ->> 'aggregateversion' AS version FROM outbox")
    assert [row["version"] for row in versions] == ["2"]


async def test_the_leases_of_long_jobs_are_kept(runtimes: RuntimeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LEASE", timedelta(seconds=0.4))
    began: list[str] = []

    async def handle(_: Runtime, job: Job) -> None:
        began.append(job.key)
        await asyncio.sleep(1.2)

    first, second = await runtimes(_jobs(handle)), await runtimes(_jobs(handle))
    await _ask(first, "1")

    async with _worker(first), _worker(second):
        await _until(lambda: _is_done(first, "1"))
    assert began == ["1"]
