"""Lanes: messages of one ordering key are worked on one after the other, those of different keys side by side.

A lane works on all that waits in it, up to a batch: under load the batches fill by themselves, nobody waits for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Generic, TypeVar

import structlog

__all__ = ["Lanes", "lane_of"]

T = TypeVar("T")
_log = structlog.get_logger(__name__)


def lane_of(key: str, lanes: int) -> int:
    """Give the lane of a key: the same in every process."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % lanes


class Lanes(Generic[T]):
    """A fixed number of workers, each with its own queue."""

    def __init__(self, count: int, work: Callable[[list[T]], Awaitable[None]], batch: int = 1) -> None:
        self._work = work
        self._batch = batch
        self._queues: list[asyncio.Queue[T | None]] = [asyncio.Queue() for _ in range(count)]
        self._tasks = [asyncio.create_task(self._run(queue)) for queue in self._queues]

    def submit(self, key: str, item: T) -> None:
        """Put an item behind the others of its key."""
        self._queues[lane_of(key, len(self._queues))].put_nowait(item)

    @property
    def waiting(self) -> int:
        """How many items were not begun."""
        return sum(queue.qsize() for queue in self._queues)

    async def close(self) -> list[T]:
        """Finish what is in hand and give back what was not begun."""
        waiting = [item for queue in self._queues for item in _rest(queue)]
        for queue in self._queues:
            queue.put_nowait(None)
        await asyncio.gather(*self._tasks)
        return waiting + [item for queue in self._queues for item in _rest(queue)]

    async def _run(self, queue: asyncio.Queue[T | None]) -> None:
        while (item := await queue.get()) is not None:
            items = [item]
            while len(items) < self._batch and not queue.empty():
                more = queue.get_nowait()
                if more is None:
                    queue.put_nowait(None)  # the end, for the next turn
                    break
                items.append(more)
            try:
                await self._work(items)
            except Exception:  # noqa: BLE001  # a loop: a lane that ended would hold its keys for ever
                _log.exception("lane_failed")


def _rest(queue: asyncio.Queue[T | None]) -> list[T]:
    items = [queue.get_nowait() for _ in range(queue.qsize())]
    return [item for item in items if item is not None]
