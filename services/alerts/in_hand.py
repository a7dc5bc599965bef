"""What one process takes from a queue of its own and has in hand: its turns, its end, and all of it at once for tests."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID, uuid4

import structlog

from libs.common.db import Wake
from libs.common.runtime import Runtime

__all__ = ["InHand"]

_POLL: Final = 1.0  # seconds
_GATHERING: Final = 0.02  # seconds that fates are gathered before they are written
_GRACE: Final = 15.0  # seconds given to what is in hand when told to stop
_log = structlog.get_logger(__name__)


class InHand:
    """The work in hand of one process, each piece a task; subclasses claim it and write what became of it."""

    not_taken: str
    """The line of the log where a turn failed."""

    def __init__(self, runtime: Runtime, wake: Wake | None = None) -> None:
        self._runtime = runtime
        self._wake = wake
        self._lease = uuid4()
        self._running: dict[UUID, asyncio.Task[None]] = {}

    async def take(self) -> int:
        """Claim what there is room for and begin it; give how many pieces that were."""
        raise NotImplementedError

    async def write(self) -> None:
        """Write what became of it; what cannot be written now is kept for the next time."""
        raise NotImplementedError

    async def step(self) -> int:
        """Take and write once, in the order that suits; give how many pieces were taken."""
        raise NotImplementedError

    async def turn(self) -> None:
        """Do a step; wait where there is nothing to do."""
        try:
            await self._runtime.database.keep_listening()
            taken = await self.step()
        except Exception:  # noqa: BLE001  # a loop: the database may be away for a while
            _log.exception(self.not_taken)
            taken = 0
        if not taken and self._wake is not None:
            await self._wake.wait(_POLL)
        await asyncio.sleep(_GATHERING)

    async def finish(self) -> None:
        """Wait for what is in hand, so long as it takes little; leave the rest to other workers."""
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=_GRACE)
        late = list(self._running.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.write()

    async def empty(self) -> int:
        """Do all that is due and wait for it; give how many pieces that were."""
        done = 0
        while taken := await self.take():
            await asyncio.gather(*self._running.values())
            await self.write()
            done += taken
        return done
