"""Periodic work of a worker: each task about every so many seconds of real time; a failure waits for the next turn."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from libs.common import jobs
from libs.common.bus.archive import keeping
from libs.common.service import PeriodicTask
from libs.common.stop import pause

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["EVERY_SERVICE", "run_periodic", "tick"]

EVERY_SERVICE = (
    PeriodicTask(jobs.measure, 15),
    PeriodicTask(jobs.prune, 3600),
    PeriodicTask(keeping.keep, 300),
    PeriodicTask(keeping.prune_inbox, 3600),
)
"""What every worker does, whatever its service."""
_log = structlog.get_logger(__name__)


async def run_periodic(runtime: Runtime, stop: asyncio.Event) -> None:
    """Run the periodic tasks of a service until told to stop; what runs then is finished."""
    async with asyncio.TaskGroup() as group:
        for task in (*EVERY_SERVICE, *runtime.service.periodic.tasks):
            group.create_task(_repeat(runtime, task, stop))


async def tick(runtime: Runtime) -> None:
    """Run each of the service's own tasks once, now. Raises what they raise: for tests."""
    for task in runtime.service.periodic.tasks:
        await task.run(runtime)


async def _repeat(runtime: Runtime, task: PeriodicTask, stop: asyncio.Event) -> None:
    await pause(stop, random.uniform(0, min(1, task.seconds)))  # noqa: S311  # workers do not all begin together
    while not stop.is_set():
        try:
            await task.run(runtime)
        except Exception:  # noqa: BLE001  # a loop: the next turn comes
            _log.exception("periodic_failed", service=runtime.service.name, task=task.run.__qualname__)
        await pause(stop, task.seconds)
