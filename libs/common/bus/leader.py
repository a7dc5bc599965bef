"""One leader among the processes of a service: whoever holds an advisory lock, for as long as its session lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import structlog

from libs.common.bus.sql import QUERIES
from libs.common.db import DATABASE_AWAY
from libs.common.stop import pause

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["STAND_BY", "in_session", "lead"]

STAND_BY = 1.0
"""Seconds between two looks at the lock, and after a failure."""
_SILENCE = 10.0
"""Seconds without a word after which the server ends a leader's session: one that hangs, or is stopped, leads no more.
Those that work say something every second."""
Work = Callable[[asyncpg.Connection], Awaitable[None]]
_log = structlog.get_logger(__name__)


async def lead(runtime: Runtime, name: str, work: Work, stop: asyncio.Event) -> None:
    """Stand by until the lock is free, then `work` on its session; again whenever that session is lost, until stopped.

    The server frees the lock when the session ends, however it ends: no clock and no lease decide who leads.
    """

    async def stand_by(conn: asyncpg.Connection) -> None:
        while not stop.is_set():
            if await conn.fetchval(QUERIES["lead"], f"halles.{name}"):
                _log.info("leading", service=runtime.service.name, role=name)
                await work(conn)
            else:
                await pause(stop, STAND_BY)

    await in_session(runtime, name, stand_by, stop)


async def in_session(
    runtime: Runtime, name: str, work: Work, stop: asyncio.Event, *, silence: float = _SILENCE
) -> None:
    """Give `work` a session of its own, whose end frees all its locks; again whenever it is lost, until stopped.

    The server ends it after `silence` seconds in which nothing was asked of it.
    """
    while not stop.is_set():
        try:
            async with runtime.database.session() as conn:
                await conn.execute(QUERIES["end_when_silent"], f"{silence:g}s")
                await work(conn)
        except DATABASE_AWAY as error:
            _log.warning("leader_lost", service=runtime.service.name, role=name, error=type(error).__name__)
            await pause(stop, STAND_BY)
