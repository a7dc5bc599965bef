"""The windows of a dynamic purchasing system, which open by themselves until its end: a company applies at any time."""

from __future__ import annotations

from typing import Final

from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.rounds import store
from services.bids.rounds.calls import Call, make_round, tell_opened
from services.bids.rounds.store import Ending
from services.bids.rounds.systems import AHEAD, next_deadline
from services.bids.store import consultations as consultation_store

__all__ = ["go_on"]

_AT_ONCE: Final = 20


async def go_on(runtime: Runtime) -> int:
    """Open the window that follows each one about to end, where the system goes on; give how many were opened."""
    async with runtime.uow() as uow:
        found = await store.ending(uow.conn, uow.now() + AHEAD, _AT_ONCE)
        return sum([await _follow(uow, each) for each in found])


async def _follow(uow: Uow, last: Ending) -> bool:
    principal = await consultation_store.lock(uow.conn, last.principal)
    lots = [each for each in last.lots if principal is not None and each not in principal.abandoned]
    if principal is None or principal.suspended or not lots:
        return False
    deadline = next_deadline(last.opened_at, last.deadline, last.until, uow.now())
    call = Call("application", deadline, last.terms, tuple(lots), until=last.until)
    identity = await make_round(uow, principal, call, last.opened_by, lots)
    await tell_opened(uow, principal, call, identity, 0)
    return True
