"""Periodic work of a worker: each task about every so many seconds of real time; a failure waits for the next turn."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge

from libs.common import jobs
from libs.common.bus import measuring
from libs.common.bus.archive import keeping
from libs.common.service import PeriodicTask
from libs.common.stop import pause

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["EVERY_RELAY", "EVERY_SERVICE", "run_periodic", "tick"]

EVERY_RELAY = (PeriodicTask(measuring.measure, measuring.EVERY),)
"""What every relay does."""
EVERY_SERVICE = (
    *EVERY_RELAY,
    PeriodicTask(jobs.measure, 15),
    PeriodicTask(jobs.prune, 3600),
    PeriodicTask(keeping.keep, 300),
    PeriodicTask(keeping.prune_inbox, 3600),
)
"""What every worker does, whatever its service."""
DONE = Gauge("halles_periodic_done_timestamp_seconds", "When the task last ended well", ["service", "task"])
PERIOD = Gauge("halles_periodic_seconds", "How often the task is done", ["service", "task"])
_log = structlog.get_logger(__name__)


async def run_periodic(runtime: Runtime, stop: asyncio.Event, tasks: Sequence[PeriodicTask] | None = None) -> None:
    """Run tasks, or all those of a worker of the service, until told to stop; what runs then is finished."""
    async with asyncio.TaskGroup() as group:
        for task in (*EVERY_SERVICE, *runtime.service.periodic.tasks) if tasks is None else tasks:
            group.create_task(_repeat(runtime, task, stop))


async def tick(runtime: Runtime) -> None:
    """Run each of the service's own tasks once, now. Raises what they raise: for tests."""
    for task in runtime.service.periodic.tasks:
        await task.run(runtime)


async def _repeat(runtime: Runtime, task: PeriodicTask, stop: asyncio.Event) -> None:
    labels = (runtime.service.name, _name(task))
    PERIOD.labels(*labels).set(task.seconds)
    DONE.labels(*labels).set(time.time())  # a task that never succeeds is late from the start of its process
    await pause(stop, random.uniform(0, min(1, task.seconds)))  # noqa: S311  # workers do not all begin together
    while not stop.is_set():
        try:
            await task.run(runtime)
            DONE.labels(*labels).set(time.time())
        except Exception:  # noqa: BLE001  # a loop: the next turn comes
            _log.exception("periodic_failed", service=runtime.service.name, task=task.run.__qualname__)
        await pause(stop, task.seconds)


def _name(task: PeriodicTask) -> str:
    """Give a name that is the same in every process: the module's and the function's."""
    return f"{task.run.__module__.rpartition('.')[2]}.{task.run.__qualname__}"
