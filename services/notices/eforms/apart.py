"""Reading and writing of notices apart from the event loop: one at a time, as the schema is no object for several threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

__all__ = ["apart"]

P = ParamSpec("P")
T = TypeVar("T")
_WORKER: Final = ThreadPoolExecutor(1, thread_name_prefix="eforms")


async def apart(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Have it done in the one thread of eForms: a heavy notice keeps nobody but other notices waiting."""
    return await asyncio.get_running_loop().run_in_executor(_WORKER, lambda: work(*arguments, **named))
