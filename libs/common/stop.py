"""How a process stops: told by a signal, it finishes what it has in hand, within a bounded time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog

__all__ = ["STOP_SECONDS", "StopTimeoutError", "cancel", "pause", "ringing", "run_process", "stop_on_signals"]

STOP_SECONDS = 27.0
"""To finish what is in hand: less than the 30 s after which Docker and Kubernetes kill."""
_log = structlog.get_logger(__name__)


class StopTimeoutError(Exception):
    """What was in hand took too long and was cut: it will be done again by another process."""


async def cancel(task: asyncio.Task[Any], again: float = 1.0) -> None:
    """Cancel a task and wait for its end; told again every so many seconds until it is heard. Raises what it raised.

    Libraries swallow a cancellation that meets the end of something else (aiormq, where a channel closes): told once, such a
    task would go on for ever, and whoever waits for it with it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=again)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def ringing(stop: asyncio.Event, ring: Callable[[], None]) -> AsyncIterator[None]:
    """Call `ring` when told to stop, so that a loop that waits for something else need not poll for it."""
    waiting = asyncio.create_task(stop.wait())
    waiting.add_done_callback(lambda _: ring())
    try:
        yield
    finally:
        waiting.cancel()


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """Give the event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        _log.info("stopping", signal=number.name)
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def run_process(process: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run a process until a signal tells it to stop, then until it has finished what it has in hand.

    Raises what it raises, or StopTimeoutError when it does not finish in time.
    """
    with stop_on_signals() as stop:
        task = asyncio.create_task(process(stop))
        told = asyncio.create_task(stop.wait())
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        done, _ = await asyncio.wait((task,), timeout=STOP_SECONDS)
        if not done:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise StopTimeoutError(f"still busy {STOP_SECONDS:.0f} s after being told to stop")
        task.result()
