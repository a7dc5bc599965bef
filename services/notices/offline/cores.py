"""Work on every core: the same function on many notices, in worker processes where there are cores for them."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final, TypeVar

from services.notices.offline.files import Unit, chunks

__all__ = ["cores", "in_chunks"]

T = TypeVar("T")
_GARBAGE: Final = 20_000
"""Objects made between two looks for garbage, some twenty notices: Python's own 700 has it look twice at each notice while it is read."""
_AHEAD: Final = 2
"""Chunks that wait for each worker: none is ever idle, and memory stays flat."""


def cores() -> int:
    """Give the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def in_chunks(function: Callable[[Unit], T], found: Iterable[Unit], workers: int) -> Iterator[list[tuple[Unit, T]]]:
    """Give each notice with what the function makes of it, in their order, some at a time; here where there are no workers."""
    if workers < 1:
        with _collecting_rarely():
            for chunk in chunks(found):
                yield list(zip(chunk, _each(function, chunk), strict=True))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_collect_rarely) as pool:
        waiting: deque[tuple[list[Unit], Future[list[T]]]] = deque()
        for chunk in chunks(found):
            waiting.append((chunk, pool.submit(_each, function, chunk)))
            if len(waiting) > _AHEAD * workers:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    before = gc.get_threshold()
    _collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _collect_rarely() -> None:
    """Look for garbage rarely, and never again in what was loaded until now: elements that point at each other are most of the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])


def _each(function: Callable[[Unit], T], chunk: list[Unit]) -> list[T]:
    return [function(unit) for unit in chunk]


def _next(waiting: deque[tuple[list[Unit], Future[list[T]]]]) -> list[tuple[Unit, T]]:
    chunk, future = waiting.popleft()
    return list(zip(chunk, future.result(), strict=True))
