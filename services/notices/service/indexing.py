"""The index of an api process: built from the database at its start, then kept no older than a search that asks it.

Changes are followed by the transaction that made them. Each look goes on from the oldest transaction that was not over at
the look before: what commits late is behind that one, never missed; what was read already is known by its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Gauge, Histogram

from libs.common.runtime import Runtime
from libs.common.search import places
from services.notices.search.index import SearchIndex, TantivyIndex
from services.notices.search.settings import SearchSettings
from services.notices.store import search as store

__all__ = ["LiveIndex", "forget_changes"]

T = TypeVar("T")
CHANNEL: Final = "notice_change"
KEPT: Final = timedelta(hours=6)
"""How long changes are kept: an index that heard nothing for longer is built again."""
_POLL: Final = 1.0
"""seconds, should a notification be lost"""
_GATHER: Final = 0.4
"""seconds in which changes come together where no search waits for them: each look commits, which costs the processor"""
_PATIENCE: Final = 3.0
"""seconds a search waits for what was committed before it; then it is answered with what there is"""
_START: Final = 20.0
"""seconds a process that starts waits for its index; PostgreSQL answers until a larger one is built"""
_AT_ONCE: Final = 500
_READERS: Final = 2
_AGAIN: Final = 1.0  # seconds after a failure
_TOLD: Final = 50_000
"""notices after which the progress of a build is told"""

NOTICES = Gauge("halles_search_notices", "Notices in the index of this process", ["service"])
READY = Gauge("halles_search_ready", "1 once the index of this process is built", ["service"])
LAG = Histogram(
    "halles_search_catch_up_seconds",
    "Time from a look that found changes until they can be searched",
    ["service"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_log = structlog.get_logger(__name__)


class LiveIndex:
    """The index of one process. A port: `runtime.port(LiveIndex)`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._index: TantivyIndex | None = None
        self._horizon = 0
        self._seen: dict[int, int] = {}
        self._heard = 0.0
        self._built = asyncio.Event()
        self._turn = asyncio.Lock()
        self._coming: asyncio.Task[None] | None = None
        """A look that has not begun: what it sees, all who wait for it see."""
        self._looks: set[asyncio.Task[None]] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="search")

    @property
    def ready(self) -> bool:
        """Whether it answers; while it is built, it does not."""
        return self._index is not None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Build it and keep it fresh, until the end of the block, which begins once it is built or after some seconds."""
        with _folder(self._runtime.port(SearchSettings).search_dir) as folder:
            task = asyncio.create_task(self._live(folder))
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_START):
                        await self._built.wait()
                yield
            finally:
                for each in (task, *self._looks):
                    each.cancel()
                await asyncio.gather(task, *self._looks, return_exceptions=True)
                self._index = None
                for threads in (self._writer, self._readers):
                    threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Callable[[SearchIndex], T]) -> T:
        """Give the answer of the index to a question, which is asked in a thread. Raises LookupError before it is built."""
        index = self._index
        if index is None:
            raise LookupError("the index is not built yet")
        return await asyncio.get_running_loop().run_in_executor(self._readers, question, index)

    async def fresh(self) -> None:
        """Wait until all that is committed now can be searched; not for long. Those who wait at once share one look."""
        if self._index is None:
            return
        if self._coming is None:
            self._coming = asyncio.create_task(self._look())
            self._looks.add(self._coming)
            self._coming.add_done_callback(self._looks.discard)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await asyncio.shield(self._coming)

    async def _live(self, folder: Path | None) -> None:
        async with self._runtime.database.listen(CHANNEL) as wake:
            while True:
                try:
                    if self._index is None or time.monotonic() - self._heard > KEPT.total_seconds() / 2:
                        await self._build(folder)
                    await self._runtime.database.keep_listening()
                    await self.fresh()
                    await wake.wait(_POLL)
                    await asyncio.sleep(_GATHER)
                except Exception:  # noqa: BLE001  # a loop: the database comes back
                    _log.exception("search_index_failed", service=self._runtime.service.name)
                    await asyncio.sleep(_AGAIN)

    async def _build(self, folder: Path | None) -> None:
        """Read every published notice. What changes meanwhile is followed from the horizon taken first."""
        began, self._index = time.monotonic(), None
        READY.labels(self._runtime.service.name).set(0)
        async with self._runtime.read() as conn:
            self._horizon = await store.horizon(conn)
        self._seen, self._heard = {}, began
        index = await self._write(lambda: TantivyIndex(_emptied(folder)))
        await self._write(places.prepare)
        notices = await self._fill(index)
        await self._write(index.built)
        self._index = index
        await self._look()
        self._built.set()
        READY.labels(self._runtime.service.name).set(1)
        _log.info("search_index_built", notices=notices, seconds=round(time.monotonic() - began, 1))

    async def _fill(self, index: TantivyIndex) -> int:
        total, last = 0, None
        adding: Awaitable[None] | None = None
        while True:
            async with self._runtime.read() as conn:
                rows = await store.rows_after(conn, last, _AT_ONCE)
            if adding is not None:
                await adding
            if not rows:
                return total
            adding = asyncio.ensure_future(self._write(partial(index.add, rows)))
            last, total = rows[-1].notice_id, total + len(rows)
            if total % _TOLD < len(rows):
                _log.info("search_index_building", notices=total)

    async def _look(self) -> None:
        """Read what changed, and show it. One look at a time; whoever comes once it began needs the next one."""
        async with self._turn:
            self._coming = None
            index = self._index
            if index is None:
                return
            while await self._catch_up(index):
                pass
            self._heard = time.monotonic()

    async def _catch_up(self, index: TantivyIndex) -> bool:
        """Take over a batch of changes; say whether more may wait."""
        began = time.monotonic()
        async with self._runtime.read() as conn:
            horizon, changes = await store.changes(conn, self._horizon, self._seen.keys(), _AT_ONCE)
            changed: set[UUID] = {change.notice_id for change in changes}
            rows = await store.rows_of(conn, changed) if changed else []
        if horizon < self._horizon:  # another database is behind the address, an older copy
            self._index = None
            return False
        if changed:
            await self._write(lambda: index.replace(changed, rows))
            LAG.labels(self._runtime.service.name).observe(time.monotonic() - began)
        self._seen |= {change.change_id: change.transaction for change in changes}
        if len(changes) == _AT_ONCE:
            return True
        self._horizon = horizon
        self._seen = {change: made_by for change, made_by in self._seen.items() if made_by >= horizon}
        NOTICES.labels(self._runtime.service.name).set(index.size)
        return False

    async def _write(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, act)


async def forget_changes(runtime: Runtime) -> None:
    """Remove the changes that every index has read."""
    async with runtime.read() as conn:
        await store.forget_changes(conn, KEPT)


@contextmanager
def _folder(within: Path | None) -> Iterator[Path | None]:
    """Give a folder of this process alone, removed at its end; None where the index is kept in memory."""
    if within is None:
        yield None
        return
    within.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="notices-", dir=within, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _emptied(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
