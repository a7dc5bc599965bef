"""Work on every core: the same function on many notices, in worker processes where there are cores for them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, TypeVar

from services.notices.offline.files import Unit, chunks

__all__ = ["cores", "in_chunks"]

T = TypeVar("T")
_AHEAD: Final = 2
"""Chunks that wait for each worker: none is ever idle, and memory stays flat."""


def cores() -> int:
    """Give the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_chunks(function: Callable[[Unit], T], found: Iterable[Unit], workers: int) -> Iterator[list[tuple[Unit, T]]]:
    """Give each notice with what the function makes of it, in their order, some at a time; here where there are no workers."""
    if workers < 1:
        for chunk in chunks(found):
            yield list(zip(chunk, _each(function, chunk), strict=True))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[list[Unit], Future[list[T]]]] = deque()
        for chunk in chunks(found):
            waiting.append((chunk, pool.submit(_each, function, chunk)))
            if len(waiting) > _AHEAD * workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)


def _each(function: Callable[[Unit], T], chunk: list[Unit]) -> list[T]:
    return [function(unit) for unit in chunk]


def _next(waiting: deque[tuple[list[Unit], Future[list[T]]]]) -> list[tuple[Unit, T]]:
    chunk, future = waiting.popleft()
    return list(zip(chunk, future.result(), strict=True))
