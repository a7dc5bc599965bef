"""Who receives an upload: one process at a time, by a lease in the upload's row, handed over when a client comes again.

No connection is held meanwhile. A client that resumes sets `wanted`; whoever receives sees it within `POLL`, keeps what
it has and releases. A holder that died lets its lease run out; one that lost it can write nothing more: its epoch is old.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog

from libs.common.db import DATABASE_AWAY
from libs.common.runtime import Runtime
from services.bids.uploads.errors import UploadHeld
from services.bids.uploads.store import QUERIES

__all__ = ["LEASE", "POLL", "Lease", "Leases"]

LEASE = timedelta(seconds=6)
"""Real time after which a holder that gave no sign has lost the upload."""
POLL = 0.5
"""Seconds between two signs of a holder, each of which also tells it whether somebody waits."""
_WAIT = 12.0  # seconds that a newcomer waits for the holder: longer than a lease
_TRY = 0.1  # seconds between two tries
_log = structlog.get_logger(__name__)


class Lease:
    """The right to receive one upload."""

    def __init__(self, upload: UUID, epoch: int) -> None:
        self.upload = upload
        self.epoch = epoch
        self.asked = False
        """Somebody else waits, or the lease is lost: stop."""
        self._stop: Callable[[], None] | None = None

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Have this called once when the holder must stop; at once if it must already."""
        self._stop = stop
        if self.asked:
            stop()

    def ask(self) -> None:
        """Ask the holder to keep what it has and to release."""
        if not self.asked:
            self.asked = True
            if self._stop is not None:
                self._stop()


class Leases:
    """The leases of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._held: dict[UUID, Lease] = {}
        self._renewing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def hold(self, upload: UUID) -> AsyncIterator[Lease]:
        """Hold an upload during the block; a holder that is there is asked to stop. Raises UploadHeld."""
        lease = await self._take(upload)
        self._held[upload] = lease
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        try:
            yield lease
        finally:
            if self._held.get(upload) is lease:
                del self._held[upload]
            await asyncio.shield(self._release(lease))

    async def settled(self, upload: UUID) -> None:
        """Wait until nobody receives an upload, having asked whoever does to stop. Raises UploadHeld."""
        await self._until(upload, self._is_free)

    async def close(self) -> None:
        """Have every upload received here kept as far as it came, for another process to go on with."""
        for lease in list(self._held.values()):
            lease.ask()

    async def aclose(self) -> None:
        """Stop renewing."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing

    async def _take(self, upload: UUID) -> Lease:
        epoch = await self._until(upload, self._try)
        return Lease(upload, epoch)

    async def _until(self, upload: UUID, attempt: Callable[[asyncpg.Connection, UUID], object]) -> int:
        loop = asyncio.get_running_loop()
        until = loop.time() + _WAIT
        while True:
            async with self._runtime.read() as conn:
                found = await attempt(conn, upload)  # type: ignore[misc]  # both are coroutines
                if found:
                    return int(found)
                await conn.execute(QUERIES["want_lease"], upload)
            if (mine := self._held.get(upload)) is not None:
                mine.ask()
            if loop.time() > until:
                raise UploadHeld(
                    "Cet envoi est reçu par une autre connexion qui ne répond pas : réessayez dans un instant.",
                    "This upload is being received by another connection that does not let go: try again in a moment.",
                )
            await asyncio.sleep(_TRY)

    async def _try(self, conn: asyncpg.Connection, upload: UUID) -> int | None:
        epoch: int | None = await conn.fetchval(QUERIES["take_lease"], upload, LEASE)
        return epoch

    async def _is_free(self, conn: asyncpg.Connection, upload: UUID) -> bool:
        return not await conn.fetchval(QUERIES["is_held"], upload)

    async def _release(self, lease: Lease) -> None:
        try:
            async with self._runtime.read() as conn:
                await conn.execute(QUERIES["release_lease"], lease.upload, lease.epoch)
        except DATABASE_AWAY as error:  # it runs out by itself
            _log.warning("lease_not_released", error=type(error).__name__)

    async def _renew(self) -> None:
        """Give a sign for all the uploads received here, and learn which are wanted or lost; ends when there are none."""
        while True:
            await asyncio.sleep(POLL)
            if not self._held:
                continue
            try:
                await self._sign(dict(self._held))
            except DATABASE_AWAY as error:
                _log.warning("leases_not_renewed", error=type(error).__name__)

    async def _sign(self, held: dict[UUID, Lease]) -> None:
        epochs = [each.epoch for each in held.values()]
        async with self._runtime.read() as conn:
            rows = await conn.fetch(QUERIES["renew_leases"], list(held), epochs, LEASE)
        wanted = {row["id"]: row["wanted"] for row in rows}
        for upload, lease in held.items():
            if wanted.get(upload, True):
                lease.ask()
