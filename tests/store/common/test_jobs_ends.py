"""How jobs end: failures, cuts, stops, and being forgotten."""

import asyncio
from datetime import timedelta

import pytest

from libs.common import jobs as work
from libs.common.jobs import BACKOFF, MAX_ATTEMPTS, MAX_CRASHES, JobFailedError, drain, run_jobs
from libs.common.runtime import Runtime
from libs.common.service import Job, Jobs
from libs.common.testing.harness import TestClock
from tests.store.common.conftest import RuntimeFactory
from tests.store.common.test_jobs_worker import _ask, _is_done, _jobs, _row, _set, _until, _worker


async def test_failures_wait_longer_and_longer(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        raise ConnectionError("the mail server is away")

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    for delay in (*BACKOFF, BACKOFF[-1]):
        assert await drain(runtime) == 1
        row = await _row(runtime)
        assert delay * 0.95 <= row["wait"] <= delay * 1.25
        assert row["state"] == "waiting"
        await _set(runtime, "not_before = now()")


async def test_a_job_is_dead_after_the_last_attempt(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        raise ConnectionError("still away")

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await _set(runtime, f"attempts = {MAX_ATTEMPTS - 1}")
    await drain(runtime)
    row = await _row(runtime)
    assert (row["state"], row["last_error"]) == ("dead", "ConnectionError: still away")
    assert row["finished_at"] is not None


async def test_a_useless_job_is_dead_at_once(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        raise JobFailedError("no such mailbox")

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await drain(runtime)
    assert (await _row(runtime))["state"] == "dead"


async def test_a_job_that_kills_its_workers_is_dead_before_it_kills_another(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        pytest.fail("must not be begun again")

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    for _ in range(MAX_CRASHES):
        assert len(await work._claim(runtime, 1)) == 1
        await _set(runtime, "not_before = now()")
    await drain(runtime)
    row = await _row(runtime)
    assert (row["state"], row["last_error"]) == ("dead", f"JobFailedError: {MAX_CRASHES} workers died while doing it")


async def test_a_job_that_hangs_is_cut(runtimes: RuntimeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "TIME_LIMIT", timedelta(seconds=0.05))

    async def handle(_: Runtime, _job: Job) -> None:
        await asyncio.sleep(30)

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    await drain(runtime)
    assert "TimeoutError" in (await _row(runtime))["last_error"]


async def test_a_job_of_a_later_day_waits_for_the_clock_of_the_domain(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        return None

    runtime = await runtimes(_jobs(handle))
    assert isinstance(runtime.clock, TestClock)
    await _ask(runtime, "1", due_at=runtime.clock.now() + timedelta(days=11))
    assert await drain(runtime) == 0
    runtime.clock.advance(timedelta(days=11))
    assert await drain(runtime) == 1


async def test_jobs_of_kinds_unknown_here_are_left_to_newer_workers(runtimes: RuntimeFactory) -> None:
    runtime = await runtimes(Jobs())
    await _ask(runtime, "1")
    assert await drain(runtime) == 0
    assert (await _row(runtime))["state"] == "waiting"


async def test_a_stopping_worker_finishes_what_is_short(runtimes: RuntimeFactory) -> None:
    begun = asyncio.Event()

    async def handle(_: Runtime, _job: Job) -> None:
        begun.set()
        await asyncio.sleep(0.2)

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    async with _worker(runtime):
        await begun.wait()
    assert (await _row(runtime))["state"] == "done"


async def test_a_stopping_worker_hands_back_what_is_long(
    runtimes: RuntimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "GRACE", 0.1)
    begun = asyncio.Event()

    async def handle(_: Runtime, _job: Job) -> None:
        begun.set()
        await asyncio.sleep(30)

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "1")
    async with _worker(runtime):
        await begun.wait()
    row = await _row(runtime)
    assert (row["state"], row["lease"], row["attempts"], row["crashes"]) == ("waiting", None, 0, 0)
    assert row["wait"] <= timedelta()


async def test_jobs_done_long_ago_are_forgotten(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        return None

    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, "old", "new")
    await drain(runtime)
    async with runtime.read() as conn:
        await conn.execute("UPDATE job SET finished_at = now() - interval '91 days' WHERE key = 'old'")
    await work.prune(runtime)
    async with runtime.read() as conn:
        assert [row["key"] for row in await conn.fetch("SELECT key FROM job")] == ["new"]


async def test_a_receiver_that_hangs_does_not_stop_the_effects_of_other_kinds(runtimes: RuntimeFactory) -> None:
    """A partner's endpoint that never answers, and a thousand calls of it due: mails leave all the same."""
    calls: list[str] = []

    async def hang(_: Runtime, job: Job) -> None:
        calls.append(job.key)
        await asyncio.sleep(30)

    async def send(_: Runtime, _job: Job) -> None:
        return None

    jobs = _jobs(send)
    jobs.on("webhook")(hang)
    runtime = await runtimes(jobs)
    async with runtime.uow() as uow:
        for number in range(20):
            uow.enqueue("webhook", key=str(number), payload={})
    stop = asyncio.Event()
    task = asyncio.create_task(run_jobs(runtime, stop))
    await _until(lambda: _equals(calls, work.SLOTS - work.FREE))
    await _ask(runtime, "mail-1", "mail-2", "mail-3")
    await _until(lambda: _is_done(runtime, "mail-3"))
    assert len(calls) == work.SLOTS - work.FREE
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _equals(calls: list[str], number: int) -> bool:
    return len(calls) == number


async def test_many_old_jobs_are_forgotten_in_small_steps(
    runtimes: RuntimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        return None

    monkeypatch.setattr(work, "_PRUNED", 7)
    runtime = await runtimes(_jobs(handle))
    await _ask(runtime, *(str(number) for number in range(20)))
    await _set(runtime, "state = 'done', finished_at = now() - interval '91 days'")
    await asyncio.gather(work.prune(runtime), work.prune(runtime))
    async with runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM job") == 0


async def test_the_next_jobs_of_a_kind_are_found_behind_many_of_another(runtimes: RuntimeFactory) -> None:
    async def handle(_: Runtime, _job: Job) -> None:
        return None

    runtime = await runtimes(_jobs(handle))
    async with runtime.database.session() as conn:
        await conn.execute(
            "INSERT INTO job (kind, key, payload, due_at) SELECT 'other', g::text, '{}', now() FROM generate_series(1, 5000) g"
        )
        await conn.execute("SET plan_cache_mode = force_generic_plan")
        await conn.execute(f"PREPARE claim (timestamptz, text[], int[], int, interval) AS {work.QUERIES['claim']}")
        asked = "(now(), '{mail,sms}', '{3,3}', 4, interval '1 minute')"
        plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN EXECUTE claim {asked}"))
        assert "job_waiting_kind" in plan, plan
