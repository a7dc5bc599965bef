"""The life of a procedure: closed at its deadline, awarded, notified."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.messages.bids import Contract
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import awards, events
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.procedure import AWARD_DECIDED, CONTRACT_NOTIFIED, Procedure
from services.notices.service.publication import publish_draft
from services.notices.store import notices as notice_store
from services.notices.store import procedures as store

__all__ = ["award_decided", "close_due", "contract_notified", "readable_procedure"]

_CLOSED_AT_ONCE = 50


async def readable_procedure(
    runtime: Runtime, procedure_id: UUID, actor: Actor | None
) -> tuple[Procedure, list[store.NoticeLine]]:
    """Give a procedure and its notices; known to all once one of them is published. Raises NotFound."""
    async with runtime.read() as conn:
        procedure = await store.get_procedure(conn, procedure_id)
        own = procedure is not None and actor is not None and actor.organisation == procedure.organisation
        notices = await store.procedure_notices(conn, procedure_id, drafts_too=own)
    if procedure is None or not (notices or own):
        raise NotFound(
            "Aucune consultation publique ne porte cet identifiant.", "No public procedure has this identifier."
        )
    return procedure, notices


async def close_due(runtime: Runtime) -> None:
    """Close the procedures whose deadline passed; an event each."""
    while True:
        async with runtime.uow() as uow:
            due = await store.due_procedures(uow.conn, uow.now(), _CLOSED_AT_ONCE)
            for procedure in due:
                await _close(uow, procedure)
        if len(due) < _CLOSED_AT_ONCE:
            return


async def _close(uow: Uow, procedure: Procedure) -> Procedure:
    closed = procedure.closed(uow.now())
    await store.save_procedure(uow.conn, closed)
    uow.emit(events.closed(closed, uow.now()))
    return closed


async def award_decided(uow: Uow, procedure_id: UUID) -> None:
    """Note that a lot was awarded. The deadline's timer may be late: the procedure is closed first when it is due."""
    procedure = await _due_closed(uow, procedure_id)
    await store.save_procedure(uow.conn, procedure.after(AWARD_DECIDED))


async def contract_notified(uow: Uow, procedure_id: UUID, contract: Contract) -> Notice | None:
    """Make and publish the award notice of a contract, once. None when it was made before."""
    procedure = await _due_closed(uow, procedure_id)
    notice_id = awards.award_notice_id(contract.contract_id, uow.runtime.settings.secret.get_secret_value())
    if await notice_store.get_notice(uow.conn, notice_id):
        return None
    competition = await notice_store.get_notice(uow.conn, procedure.notice_id or contract.notice_id)
    if competition is None:
        raise NotFound(
            "L'avis de marché de ce contrat est inconnu.", "The contract notice of this contract is unknown."
        )
    notified = procedure.after(CONTRACT_NOTIFIED)
    award = Notice(
        notice_id=notice_id,
        procedure_id=procedure_id,
        organisation=procedure.organisation,
        state=NoticeState.DRAFT,
        version=1,
        content=awards.award_content(competition.content, contract),
        created_at=uow.now(),
    )
    await notice_store.add_notice(uow.conn, award)
    return await publish_draft(uow, award, notified)


async def _due_closed(uow: Uow, procedure_id: UUID) -> Procedure:
    procedure = await store.lock_procedure(uow.conn, procedure_id)
    if procedure is None:
        raise NotFound("Consultation inconnue.", "Unknown procedure.")
    return await _close(uow, procedure) if procedure.is_due(uow.now()) else procedure
