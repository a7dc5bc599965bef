"""The platform's own availability: a heartbeat a minute from each process that serves; silence is an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.common.runtime import Runtime
from services.bids.evidence.facts import Fact, FactKind
from services.bids.evidence.store import record

__all__ = ["BEAT", "LONGEST", "Gap", "beat", "gaps"]

BEAT = timedelta(seconds=60)
LONGEST = timedelta(seconds=120)
"""Between two heartbeats of the platform, whichever processes they are of; more is a gap."""
_log = structlog.get_logger(__name__)


class Gap(BaseModel):
    """A time without any heartbeat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: AwareDatetime
    ends: AwareDatetime


async def beat(runtime: Runtime) -> None:
    """Record that this process serves, each minute, until cancelled; what cannot be recorded is a gap."""
    process = str(uuid4())
    while True:
        try:
            async with runtime.uow() as uow:
                await record(uow.conn, Fact(None, None, FactKind.HEARTBEAT, uow.now(), {"process": process}))
        except Exception as error:  # noqa: BLE001  # a loop: the database may be away; the next beat comes
            _log.warning("heartbeat_not_recorded", reason=type(error).__name__)
        await asyncio.sleep(BEAT.total_seconds())


def gaps(beats: Iterable[datetime], begins: datetime, ends: datetime) -> tuple[Gap, ...]:
    """Give the gaps between two instants, in order."""
    found, last = [], begins
    for each in (*sorted(each for each in beats if begins <= each <= ends), ends):
        if each - last > LONGEST:
            found.append(Gap(begins=last, ends=each))
        last = each
    return tuple(found)
