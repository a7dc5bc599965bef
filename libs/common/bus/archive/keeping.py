"""Retention: partitions made ahead, written to the archive when old, verified, dropped; a crash anywhere loses nothing.

Each step leaves something the next run finds: a file under the name its range gives, a row that says it was read back,
`written_at`, and the drop in one transaction. Only the oldest partition leaves: what readers may still ask for has no
hole. Ages are in real time (the clock of the database), whatever the clock of the domain says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import structlog
from prometheus_client import Gauge

from libs.common.bus.archive.files import QUERIES, Audience, Range, UnverifiedFileError, write
from libs.common.messages import base, registry

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["FILE", "INBOX_DAYS", "keep", "prune_inbox"]

FILE = 100_000
"""Positions of one file."""
AHEAD = 200_000
"""Positions there is always room for: no writer ever waits for a partition."""
INBOX_DAYS = 14
_PRUNED = 5000  # rows of the inbox in one statement
_log = structlog.get_logger(__name__)

OLDEST = Gauge("halles_archive_oldest_seconds", "Age of the oldest event that is still in the database", ["service"])


async def keep(runtime: Runtime) -> None:
    """Make room ahead, then archive and drop what is older than `archive_days`. One process at a time does it."""
    days = runtime.settings.archive_days
    async with runtime.database.session() as conn:
        if not await conn.fetchval(QUERIES["alone"]):
            return
        await conn.fetchval(QUERIES["patience"])
        try:
            OLDEST.labels(runtime.service.name).set(await conn.fetchval(QUERIES["oldest"]))
            await conn.execute(QUERIES["ahead"], AHEAD)
            if await conn.fetchval(QUERIES["is_old_enough_to_cut"], max(1, days // 3)):
                await conn.execute(QUERIES["cut"])
            while due := await conn.fetchrow(QUERIES["due"], days):
                if due["written_at"] is None:
                    await _write(runtime, conn, due["starts"], due["ends"])
                await _drop(runtime, conn, due["starts"], due["ends"])
        except asyncpg.LockNotAvailableError:
            _log.info("archive_waits", service=runtime.service.name)  # somebody reads the log for long: next turn


async def prune_inbox(runtime: Runtime) -> None:
    """Forget messages handled long ago, some at a time: a second delivery comes within hours, or never."""
    done = _PRUNED
    while done == _PRUNED:
        async with runtime.read() as conn:
            status = await conn.execute(QUERIES["prune_inbox"], INBOX_DAYS, _PRUNED)
        done = int(status.rpartition(" ")[2])


async def _write(runtime: Runtime, conn: asyncpg.Connection, starts: int, ends: int) -> None:
    for first in range(max(starts, 1), ends, FILE):
        where = Range(starts, first, min(first + FILE, ends) - 1)
        await _write_once(runtime, conn, where, "internal")
        await _write_once(runtime, conn, where, "public")
    if await conn.fetchval(QUERIES["written"], starts) is None:
        raise UnverifiedFileError(f"the files of the partition at {starts} do not hold all its events")


async def _write_once(runtime: Runtime, conn: asyncpg.Connection, where: Range, audience: Audience) -> None:
    if await conn.fetchval(QUERIES["is_written"], audience, where.first):
        return
    types = None if audience == "internal" else _public(runtime.service.name)
    done = await write(runtime, conn, where, audience, types)
    await conn.execute(
        QUERIES["add"], done.name, audience, where.part, where.first, where.last, done.events, done.from_time,
        done.to_time, done.size, done.sha256, done.key,
    )  # fmt: skip
    _log.info("events_archived", service=runtime.service.name, file=done.key, events=done.events)


async def _drop(runtime: Runtime, conn: asyncpg.Connection, starts: int, ends: int) -> None:
    """Let a partition go: its files are there, and what must outlive it is kept, in one transaction."""
    for row in await conn.fetch(QUERIES["files_of"], starts):
        if await runtime.storage.size(row["storage_key"]) != row["size"]:
            raise UnverifiedFileError(f"{row['storage_key']} is not what was written")
    late = _told_later(runtime.service.name)
    async with conn.transaction():
        await conn.execute(QUERIES["keep"], starts, ends, list(late), list(late.values()))
        await conn.execute(QUERIES["release"], ends, list(late), list(late.values()))
        await conn.execute(QUERIES["drop"], starts)
    _log.info("events_left_the_database", service=runtime.service.name, starts=starts, ends=ends)


def _public(service: str) -> list[str]:
    return [name for name, model in _models(service).items() if model.audience is base.Audience.PUBLIC]


def _told_later(service: str) -> dict[str, str]:
    """Give the types a buyer is told of later, with the type that opens each."""
    return {name: model.buyer_after for name, model in _models(service).items() if model.buyer_after is not None}


def _models(service: str) -> dict[str, type[base.Event]]:
    return {name: model for name, model in registry.all_types().items() if name.startswith(f"{service}.")}
