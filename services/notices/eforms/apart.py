"""The check of a notice apart from the event loop: one at a time, as the schema is no object for several threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from services.notices.eforms.check import CheckedNotice, check

__all__ = ["checked"]

_CHECKER: Final = ThreadPoolExecutor(1, thread_name_prefix="eforms")


async def checked(body: bytes) -> CheckedNotice:
    """Check a notice: a heavy one keeps nobody but other checks waiting."""
    return await asyncio.get_running_loop().run_in_executor(_CHECKER, check, body)
