"""The life of a procedure: closed at its deadline, suspended and resumed, its lots awarded, unsuccessful or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import IllegalTransition, NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import events
from services.notices.domain.lots import (
    AWARD_DECIDED,
    CONTRACT_SIGNED,
    LOT_UNSUCCESSFUL,
)
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.domain.roles import Permission
from services.notices.service import roles
from services.notices.store import procedures as store

__all__ = [
    "Failure",
    "abandon",
    "abandon_lot",
    "award_decided",
    "close_due",
    "contract_signed",
    "declare_unsuccessful",
    "due_closed",
    "own_procedure",
    "readable_procedure",
    "resume",
    "suspend",
]

_CLOSED_AT_ONCE = 50
_FIRST_NOTICES = 100
"""Shown with a procedure; all are listed apart."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no contract follows: a code of non-award-justification (BT-144), and the reasons in words."""

    reason: str
    explanation: str


async def readable_procedure(
    runtime: Runtime, procedure_id: UUID, actor: Actor | None
) -> tuple[Procedure, list[store.NoticeLine], bool]:
    """Give a procedure, its first notices, and whether the caller reads for its buyer; known to all once a notice is published.

    Raises NotFound.
    """
    async with runtime.read() as conn:
        procedure = await store.get_procedure(conn, procedure_id)
        own = procedure is not None and await roles.may(
            conn, actor, procedure.organisation, procedure_id, runtime.clock.now()
        )
        notices = await store.procedure_notices(conn, procedure_id, drafts_too=own, limit=_FIRST_NOTICES)
    if procedure is None or not (notices or own):
        raise _no_procedure()
    return procedure, notices, own


def _no_procedure() -> NotFound:
    return NotFound(
        "Aucune consultation publique ne porte cet identifiant.", "No public procedure has this identifier."
    )


async def own_procedure(
    uow: Uow, procedure_id: UUID, actor: Actor, permission: Permission = Permission.PUBLISH
) -> Procedure:
    """Give a locked procedure to which the caller may do this. Raises NotFound, also for a draft of another; Forbidden."""
    actor.require(OrganisationKind.BUYER)
    procedure = await store.lock_procedure(uow.conn, procedure_id)
    if procedure is None:
        raise _no_procedure()
    given = await roles.permissions(uow.conn, actor, procedure.organisation, procedure_id, uow.now())
    if procedure.phase is ProcedureState.DRAFT and Permission.READ not in given:
        raise _no_procedure()
    roles.refuse_without(given, permission, actor, procedure.organisation)
    return procedure


async def close_due(runtime: Runtime) -> None:
    """Close the procedures, and the lots, whose deadline passed; an event each."""
    while True:
        async with runtime.uow() as uow:
            due = await store.due_procedures(uow.conn, uow.now(), _CLOSED_AT_ONCE)
            for procedure in due:
                await _close(uow, procedure)
        if len(due) < _CLOSED_AT_ONCE:
            return


async def _close(uow: Uow, procedure: Procedure) -> Procedure:
    now = uow.now()
    if lots := procedure.due_lots(now):
        return await _close_lots(uow, procedure, lots)
    closed = procedure.closed(now)
    await store.save_procedure(uow.conn, closed, now)
    uow.emit(events.closed(closed, now))
    return closed


async def _close_lots(uow: Uow, procedure: Procedure, lots: Sequence[str]) -> Procedure:
    for lot_id in lots:
        procedure = procedure.with_lot_closed(lot_id)
        await store.save_procedure(uow.conn, procedure, uow.now())
        uow.emit(events.lot_closed(procedure, lot_id, uow.now()))
    return procedure


async def suspend(uow: Uow, procedure: Procedure, reason: str, explanation: str | None) -> Procedure:
    """Suspend a locked procedure: its deadline closes nothing any more. Raises IllegalTransition."""
    suspended = (await _closed_when_due(uow, procedure)).suspended(uow.now())
    await store.save_procedure(uow.conn, suspended, uow.now())
    uow.emit(events.suspended(suspended, reason, explanation, uow.now()))
    uow.audit("procedure-suspended", str(procedure.procedure_id))
    return suspended


async def resume(uow: Uow, procedure: Procedure, deadline: datetime | None) -> Procedure:
    """Let a suspended procedure go on, its deadline put off. Raises IllegalTransition, Conflict."""
    resumed = procedure.resumed(uow.now(), deadline)
    await store.save_procedure(uow.conn, resumed, uow.now())
    uow.emit(events.resumed(resumed, uow.now()))
    uow.audit("procedure-resumed", str(procedure.procedure_id))
    return resumed


async def abandon(uow: Uow, procedure: Procedure, failure: Failure) -> Procedure:
    """Give up every lot that has no contract yet (déclaration sans suite, R2185-1); an event each. Raises IllegalTransition."""
    procedure = await _closed_when_due(uow, procedure)
    possible = [lot.lot_id for lot in procedure.lots if lot.may_be_abandoned]
    if not possible:
        raise IllegalTransition(
            "Aucun lot ne peut plus être déclaré sans suite.", "No lot can be declared abandoned any more."
        )
    for lot_id in possible:
        procedure = await abandon_lot(uow, procedure, lot_id, failure)
    return procedure


async def abandon_lot(uow: Uow, procedure: Procedure, lot_id: str, failure: Failure) -> Procedure:
    """Give up one lot. Raises NotFound, IllegalTransition."""
    given_up = procedure.abandoned(lot_id, failure.reason, failure.explanation)
    await store.save_procedure(uow.conn, given_up, uow.now())
    uow.emit(events.lot_abandoned(given_up, lot_id, uow.now()))
    uow.audit("lot-abandoned", f"{procedure.procedure_id}/{lot_id}")
    return given_up


async def declare_unsuccessful(uow: Uow, procedure: Procedure, lot_id: str, failure: Failure) -> Procedure:
    """Declare that a lot had no bid, or none acceptable (infructueux). Raises NotFound, IllegalTransition."""
    procedure = await _closed_when_due(uow, procedure)
    if procedure.phase is ProcedureState.SUSPENDED:
        raise IllegalTransition(
            "La consultation est suspendue : aucun lot ne se décide avant sa reprise.",
            "The procedure is suspended: no lot is decided before it is resumed.",
        )
    lot = procedure.lot(lot_id).failed(LOT_UNSUCCESSFUL, failure.reason, failure.explanation)
    declared = procedure.with_lot(lot)
    await store.save_procedure(uow.conn, declared, uow.now())
    uow.emit(events.lot_unsuccessful(declared, lot_id, uow.now()))
    uow.audit("lot-unsuccessful", f"{procedure.procedure_id}/{lot_id}")
    return declared


async def award_decided(uow: Uow, procedure_id: UUID, lot_id: str) -> None:
    """Note that a lot was awarded. The deadline's timer may be late: the procedure is closed first when it is due."""
    procedure = await due_closed(uow, procedure_id)
    await store.save_procedure(uow.conn, procedure.after_lot(lot_id, AWARD_DECIDED), uow.now())


async def contract_signed(uow: Uow, procedure_id: UUID, lot_id: str) -> None:
    """Note that both parties signed the contract of a lot."""
    procedure = await due_closed(uow, procedure_id)
    await store.save_procedure(uow.conn, procedure.after_lot(lot_id, CONTRACT_SIGNED), uow.now())


async def due_closed(uow: Uow, procedure_id: UUID) -> Procedure:
    """Give a locked procedure, closed first where its deadline passed. Raises NotFound."""
    procedure = await store.lock_procedure(uow.conn, procedure_id)
    if procedure is None:
        raise NotFound("Consultation inconnue.", "Unknown procedure.")
    return await _closed_when_due(uow, procedure)


async def _closed_when_due(uow: Uow, procedure: Procedure) -> Procedure:
    while procedure.is_due(uow.now()):
        procedure = await _close(uow, procedure)
    return procedure
