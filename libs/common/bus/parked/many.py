"""Many parked messages at once, by what they have in common: as after an outage or a fault that was mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.bus.inbox import FORGED
from libs.common.bus.parked import store
from libs.common.bus.parked.store import QUERIES, Selection
from libs.common.uow import Uow

__all__ = ["STEP", "Done", "discard_many", "replay_many"]

STEP = 500
"""Messages that failed, in one transaction: short locks, and the consumers begin at once."""


class Done(BaseModel):
    """What one step did."""

    model_config = ConfigDict(frozen=True)

    messages: int = Field(description="how many; for a replay, those behind them included")
    more: bool = Field(description="whether to ask again for the rest")
    before: AwareDatetime = Field(
        description="give it back when asking again: what failed again since then is left alone"
    )


async def replay_many(uow: Uow, where: Selection, before: datetime | None = None) -> Done:
    """Have the next of the selected messages handled again, each with the parked ones of its key, in order."""
    rows, since = await _next(uow, where, before, but=(FORGED,))
    released = await store.replay_rows(uow, rows) if rows else 0
    return Done(messages=released, more=len(rows) == STEP, before=since)


async def discard_many(uow: Uow, where: Selection, before: datetime | None = None) -> Done:
    """Give the next of the selected messages up for good; those behind them go on."""
    rows, since = await _next(uow, where, before)
    if rows:
        await store.discard_rows(uow, rows)
    return Done(messages=len(rows), more=len(rows) == STEP, before=since)


async def _next(
    uow: Uow, where: Selection, before: datetime | None, but: Sequence[str] = ()
) -> tuple[Sequence[asyncpg.Record], datetime]:
    await uow.conn.execute(QUERIES["alone"])
    since = before or await uow.conn.fetchval(QUERIES["now"])
    chosen = (where.queue, where.type, where.reason, where.key)
    return await uow.conn.fetch(QUERIES["select"], since, *chosen, list(but), STEP), since
