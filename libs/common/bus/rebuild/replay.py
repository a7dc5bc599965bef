"""Replays exports into a fresh read model beside the live one, then puts it in its place in one transaction.

From `begin` on, the queue's live messages wait in order, as when a dependency is down. Readers see the old rows until the
swap. A rebuild that was killed goes on where it was; nothing is swapped in while an event is missing that the live
consumer had handled.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from libs.common.bus import inbox
from libs.common.bus.inbox import BrokenMessageError
from libs.common.bus.rebuild.export import QUERIES, Exported
from libs.common.messages.envelope import CloudEvent
from libs.common.uow import Uow

if TYPE_CHECKING:
    from libs.common.runtime import Runtime
    from libs.common.service import Consumer

__all__ = ["MissingEventsError", "NotAProjectionError", "Rebuild", "RebuildError", "rebuilding"]

BATCH = 200
"""Events replayed in one transaction."""
_TRIES = 10  # of a statement that met a busy table


class RebuildError(Exception):
    """The rebuild cannot go on; the live read model is as it was."""


class NotAProjectionError(RebuildError):
    """A handler of the queue does more than update a read model: replaying it would do its effects again."""


class MissingEventsError(RebuildError):
    """The live consumer handled events that the exports lack: export again, now that it waits."""


class Rebuild:
    """The rebuild of one queue's read model, by one process. Given by `rebuilding`."""

    def __init__(self, runtime: Runtime, conn: asyncpg.Connection, queue: str, tables: Sequence[str]) -> None:
        self.queue = queue
        self._runtime = runtime
        self._conn = conn
        self._tables = list(tables)
        self._shadow = "rebuild_" + re.sub(r"[^a-z0-9]", "_", queue)
        self._consumers = _projection(runtime.service.consumers.items, queue)

    @property
    def producers(self) -> list[str]:
        """The services whose events the queue consumes."""
        return sorted({name.split(".", 1)[0] for name in self._consumers})

    async def begin(self) -> None:
        """Let live messages wait, and make the fresh tables; goes on with those of a rebuild that was killed."""
        await self._patiently("begin", self.queue, self._shadow, self._tables)
        await self._conn.execute(QUERIES["path"], self._shadow)

    async def replay(self, folder: Path, progress: Callable[[int, int], None]) -> int:
        """Replay the exports of all producers and give how many events they hold.

        `progress` gets how many are done, and of how many. Raises BadExportError before anything is replayed;
        RebuildError when a handler refuses an event.
        """
        exports = [Exported.load(folder, name, self.queue) for name in self.producers]
        total = sum(one.events for one in exports)
        events = heapq.merge(*(one.read(folder) for one in exports), key=lambda event: event.recordedtime)
        done = 0
        for batch in _batches(events):
            await self._replay(batch)
            done += len(batch)
            progress(done, total)
        return total

    async def swap(self) -> None:
        """Put the fresh tables in place of the live ones, and let live messages go on.

        Raises MissingEventsError; live messages wait then, so that a new export has them all.
        """
        missing = await self._conn.fetchval(QUERIES["missing"], self.queue)
        if missing:
            raise MissingEventsError(
                f"{missing} events that {self.queue} handled are not in the exports. It waits now: export again into"
                " the same folder, and run this again"
            )
        await self._patiently("swap", self.queue, self._shadow, self._tables)
        await self.end()

    async def end(self) -> None:
        """Let live messages go on, and forget what was not swapped in."""
        await self._patiently("end", self._shadow)

    async def _replay(self, batch: Sequence[CloudEvent]) -> None:
        async with self._conn.transaction():
            identities = [event.id for event in batch]
            fresh = {row["id"] for row in await self._conn.fetch(QUERIES["new_ones"], self.queue, identities)}
            for event in batch:
                if event.id in fresh:
                    await self._handle(event)
            await self._conn.execute(QUERIES["replayed"], identities, [event.recordedtime for event in batch])

    async def _handle(self, envelope: CloudEvent) -> None:
        try:
            message = inbox.read(envelope.to_json(), self._consumers)
        except BrokenMessageError as error:
            raise RebuildError(f"{envelope.type} {envelope.id}: {error}") from error
        uow = Uow(self._runtime, self._conn, cause=message.envelope)
        await message.consumer.handler(uow, message.event)
        if uow.events or uow.jobs or uow.journal:
            raise NotAProjectionError(f"the handler of {envelope.type} does more than update a read model")

    async def _patiently(self, query: str, *arguments: object) -> None:
        """Try again when a table is busy: waiting for long would make its users wait too."""
        for attempt in range(1, _TRIES + 1):
            try:
                await self._conn.execute(QUERIES[query], *arguments)
            except asyncpg.LockNotAvailableError as error:
                if attempt == _TRIES:
                    raise RebuildError("a table stayed busy: run this again at a quieter hour") from error
                await asyncio.sleep(1)
            else:
                return


@asynccontextmanager
async def rebuilding(runtime: Runtime, queue: str, tables: Sequence[str]) -> AsyncIterator[Rebuild]:
    """Give the rebuild of a queue's read model. Raises NotAProjectionError, RebuildError when another one runs."""
    async with runtime.database.session() as conn:
        made = Rebuild(runtime, conn, queue, tables)
        if not await conn.fetchval(QUERIES["alone"], f"halles.rebuild.{queue}"):
            raise RebuildError(f"{queue} is being rebuilt by another process")
        await conn.execute(QUERIES["patience"])
        yield made


def _projection(consumers: Sequence[Consumer], queue: str) -> dict[str, Consumer]:
    found = {one.event.type: one for one in consumers if one.queue == queue}
    if not found or not all(one.projection for one in found.values()):
        raise NotAProjectionError(f"{queue} is no queue of projections only")
    return found


def _batches(events: Iterable[CloudEvent]) -> Iterator[list[CloudEvent]]:
    rest = iter(events)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch
