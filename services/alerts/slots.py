"""Workers hold notices against saved searches: each has the searches of its slots in memory, and writes what they find.

Slots are shared by advisory locks, which only spare work: whose turn it is, the mark on the notice decides.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from libs.common.bus.leader import in_session
from libs.common.bus.shares import Shares
from libs.common.db import Wake
from libs.common.runtime import Runtime
from libs.common.service import Loop
from libs.common.stop import ringing
from services.alerts.live import LiveIndex
from services.alerts.matching.match import Reason
from services.alerts.matching.notice import Subject
from services.alerts.service import matching
from services.alerts.store import matching as store
from services.alerts.store.matching import Waiting
from services.alerts.subject import subject_of_said

__all__ = ["MATCHING"]

LOCKS: Final = 0x48534C54
"""The class of the locks of slots: "HSLT"."""
_POLL: Final = 0.5
"""Seconds between looks at what changed and what waits, when nobody rings."""
_SILENCE: Final = 30.0
"""Seconds without a word after which the server frees the slots of a worker that hangs."""
_MOST: Final = 50
"""Notices of one turn."""
_BREATH: Final = 500
"""Matches found without letting the process do something else."""
_log = structlog.get_logger(__name__)


async def _run(runtime: Runtime, stop: asyncio.Event) -> None:
    live = LiveIndex()
    async with runtime.database.listen("matching") as wake, ringing(stop, wake.set):

        async def work(conn: asyncpg.Connection) -> None:
            shares = await Shares.join_for(conn, range(matching.SLOTS), LOCKS)
            while not stop.is_set():
                await _turn(runtime, conn, live, shares, wake)

        await in_session(runtime, "matching", work, stop, silence=_SILENCE)
    live.hold(())


async def _turn(runtime: Runtime, conn: asyncpg.Connection, live: LiveIndex, shares: Shares, wake: Wake) -> None:
    """Take or leave slots, load what is missing, take in what changed, match what waits; rest where there is nothing."""
    await runtime.database.keep_listening()
    if not await shares.is_fair():
        live.hold(await shares.balance())
    loading = await live.load(conn)
    notices = await store.waiting(conn, live.slots, _MOST) if live.slots else []
    await live.follow(conn)  # after the notices are read: a search that was saved before one of them is in memory then
    told = 0
    for notice in notices:
        try:
            await _match(runtime, live, notice)
            told += 1
        except Exception:  # noqa: BLE001  # a loop: one notice that cannot be matched now stops no other
            _log.exception("notice_not_matched", notice_id=str(notice.notice_id))
    if not loading and not told:
        await wake.wait(_POLL)


async def _match(runtime: Runtime, live: LiveIndex, notice: Waiting) -> None:
    found: dict[UUID, list[Reason]] = {}
    slots = live.slots
    for name, reasons in live.matches(_subject(notice)):
        found[name] = reasons
        if len(found) % _BREATH == 0:
            await asyncio.sleep(0)
    await matching.tell(runtime, notice, slots, found)


def _subject(notice: Waiting) -> Subject:
    return subject_of_said(notice.said, phase=notice.phase, at=notice.published_at, deadline=notice.deadline)


async def _drain(runtime: Runtime) -> int:
    """Match all that waits, with all slots."""
    async with runtime.read() as conn:
        notices = await store.waiting(conn, matching.ALL, _MOST)
        if not notices:
            return 0
        live = LiveIndex()
        live.hold(range(matching.SLOTS))
        loading = True
        while loading:
            loading = await live.load(conn)
    for notice in notices:
        await _match(runtime, live, notice)
    return len(notices)


MATCHING = Loop(_run, _drain)
