"""The dates that the law gives a procedure, as its notices and its present deadline make them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.common.actor import Actor
from libs.common.runtime import Runtime
from services.notices import drafting
from services.notices.rules import LegalDate, dates, extension
from services.notices.service import procedures
from services.notices.store import notices as store

__all__ = ["legal_dates"]


async def legal_dates(
    runtime: Runtime, procedure_id: UUID, actor: Actor | None, *, major: bool
) -> tuple[LegalDate, ...]:
    """Give the dates of a procedure that runs, and the extension that a change made now would ask for.

    Nothing for a procedure without call for competition. `major`: the change matters to the bids. Raises NotFound.
    """
    procedure, _, _ = await procedures.readable_procedure(runtime, procedure_id, actor)
    if procedure.notice_id is None:
        return ()
    async with runtime.read() as conn:
        notice = await store.get_notice(conn, procedure.notice_id)
    if notice is None or notice.dispatched_on is None:
        return ()
    sent_on = notice.content.legal_day(notice.dispatched_on)
    situation = replace(drafting.situation(notice.content, sent_on), deadline=procedure.deadline)
    now = runtime.clock.now()
    running = procedure.deadline is not None and now < procedure.deadline
    proposed = extension(situation, now, major=major) if running else None
    return (*dates(situation), *((proposed,) if proposed else ()))
