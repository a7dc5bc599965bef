"""Periodic work: again and again, whatever a turn does, until told to stop."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from libs.common import jobs as work
from libs.common.periodic import run_periodic, tick
from libs.common.runtime import Runtime
from libs.common.service import Periodic


def _with(runtime: Runtime, periodic: Periodic) -> Runtime:
    runtime.service = replace(runtime.service, periodic=periodic)
    return runtime


async def test_a_turn_that_fails_does_not_end_the_others(runtime: Runtime) -> None:
    periodic, turns, enough = Periodic(), [], asyncio.Event()

    @periodic.every(0.01)
    async def fail(_: Runtime) -> None:
        turns.append("failed")
        raise LookupError

    @periodic.every(0.01)
    async def succeed(runtime: Runtime) -> None:
        turns.append(runtime.service.name)
        if turns.count("failed") >= 3 and turns.count("alerts") >= 3:
            enough.set()

    stop = asyncio.Event()
    task = asyncio.create_task(run_periodic(_with(runtime, periodic), stop))
    await asyncio.wait_for(enough.wait(), 10)
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_tests_run_each_task_once_and_see_its_failure(runtime: Runtime) -> None:
    periodic = Periodic()

    @periodic.every(3600)
    async def fail(_: Runtime) -> None:
        raise LookupError("seen")

    with pytest.raises(LookupError, match="seen"):
        await tick(_with(runtime, periodic))


async def test_waiting_and_dead_jobs_are_measured(runtime: Runtime) -> None:
    async with runtime.uow() as uow:
        for key in "ab":
            uow.enqueue("mail", key=key, payload={})
    async with runtime.read() as conn:
        await conn.execute("UPDATE job SET state = 'dead' WHERE key = 'a'")
    await work.measure(runtime)
    for state in ("waiting", "dead"):
        assert REGISTRY.get_sample_value("halles_jobs", {"service": "alerts", "state": state}) == 1
