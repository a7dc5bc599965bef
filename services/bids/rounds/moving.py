"""Putting off the deadline of an open round, by the buyer or by a suspension: everybody invited is told at once, in the same words (L3 CCP)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from libs.common.actor import Actor
from libs.common.calendar import french_hour
from libs.common.errors import FieldError
from libs.common.grants import Permission
from libs.common.messages.rounds import RoundMovedV1
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.domain.time import is_late
from services.bids.evidence import Fact, FactKind
from services.bids.rounds import store
from services.bids.rounds.calls import NAMES, write_to
from services.bids.rounds.errors import RoundClosed, WrongRound
from services.bids.rounds.store import Round
from services.bids.service import consultations, openings
from services.bids.store import consultations as consultation_store
from services.bids.store.consultations import Consultation

__all__ = ["Move", "make_up", "move"]


@dataclass(frozen=True)
class Move:
    """A later deadline, and why: those invited are told both."""

    deadline: datetime
    reason: str


async def move(uow: Uow, actor: Actor, identity: UUID, wanted: Move) -> Round:
    """Put off the deadline of a round; what is late is judged on the last one.

    Raises UnknownConsultation, Forbidden, RoleMissing, ProcedureSuspended, LotEnded, RoundClosed, WrongRound (of a procedure as
    published, or earlier than before).
    """
    consultation = await consultation_store.lock(uow.conn, identity)
    if consultation is None:
        raise consultations.unknown()
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.EVALUATE, uow.now())
    moved = await _round(uow.conn, consultation)
    openings.require_openable(consultation)
    _require_later(consultation, wanted, uow.now())
    await _put_off(uow, consultation, moved, wanted)
    return await _round(uow.conn, consultation)


async def make_up(uow: Uow, principal: UUID, *, since: datetime, until: datetime) -> None:
    """Give the rounds of a procedure that was suspended between two instants, in UTC, that time back.

    Only rounds that were open when it was suspended; applications to a system go on by themselves.
    """
    for identity in await store.open_at(uow.conn, principal, since):
        consultation = await consultation_store.lock(uow.conn, identity)
        if consultation is None:
            raise consultations.unknown()
        moved = await _round(uow.conn, consultation)
        reason = "la procédure, suspendue, a repris : le temps de la suspension vous est rendu."
        await _put_off(uow, consultation, moved, Move(consultation.deadline + (until - since), reason))


async def _put_off(uow: Uow, consultation: Consultation, moved: Round, wanted: Move) -> None:
    """Write the later deadline and tell it."""
    identity = consultation.procedure
    notice = consultation.notice.model_copy(update={"deadline": wanted.deadline})
    await store.move(uow.conn, identity, wanted.deadline, notice)
    told = {"deadline": wanted.deadline.astimezone(UTC).isoformat(), "round_of": str(moved.principal)}
    await evidence.record(uow.conn, Fact(identity, None, FactKind.DEADLINE_SET, uow.now(), told))
    invited = await store.invited(uow.conn, identity)
    for each in invited:
        text = _text(consultation, moved, wanted)
        await write_to(uow, consultation, each, ("Date limite repoussée", text), "information")
    uow.audit("move_round", str(identity))
    uow.emit(_event(consultation, moved, wanted, len(invited), uow.now()))


async def _round(conn: asyncpg.Connection, consultation: Consultation) -> Round:
    """Give the round of a consultation. Raises WrongRound for a procedure as published, and for applications at any time."""
    found = await store.get(conn, consultation.procedure)
    if found is None:
        french = "la date limite d'une procédure publiée se reporte par un rectificatif de son avis"
        raise _wrong(FieldError("procedure", french, "the deadline of a procedure moves by a correction of its notice"))
    if found.kind == "application":
        french = "les candidatures se suivent d'elles-mêmes jusqu'à la fin du système : rien n'est à reporter"
        raise _wrong(FieldError("procedure", french, "applications go on by themselves: there is nothing to put off"))
    return found


def _require_later(consultation: Consultation, wanted: Move, now: datetime) -> None:
    if is_late(now, consultation.deadline):
        hour = french_hour(consultation.deadline, consultation.zone)
        raise RoundClosed(
            f"Le tour est clos depuis le {hour} : un pli hors délai s'admet par une décision motivée, ou un autre tour s'ouvre.",
            f"The round closed at {consultation.deadline.isoformat()}: admit a late bid, or open another round.",
        )
    if wanted.deadline <= consultation.deadline:
        hour = french_hour(consultation.deadline, consultation.zone)
        raise _wrong(
            FieldError(
                "body/deadline", f"une date limite ne s'avance pas : après le {hour}", "later than the present one"
            )
        )


def _wrong(fault: FieldError) -> WrongRound:
    return WrongRound(
        "La date limite ne peut pas être déplacée ainsi.", "The deadline cannot be moved so.", errors=[fault]
    )


def _text(consultation: Consultation, moved: Round, wanted: Move) -> str:
    """Write what everybody is told: the same words to each."""
    lines = [
        f"{NAMES[moved.kind]} : {consultation.notice.title} (tour {moved.number}).",
        f"Date limite précédente : {french_hour(consultation.deadline, consultation.zone)}.",
        f"Nouvelle date et heure limites de réception : {french_hour(wanted.deadline, consultation.zone)}.",
        f"Motif : {wanted.reason}",
        "Un pli déjà déposé reste valable ; vous pouvez le remplacer jusqu'à la nouvelle date limite.",
    ]
    return "\n".join(lines)


def _event(consultation: Consultation, moved: Round, wanted: Move, invited: int, at: datetime) -> RoundMovedV1:
    return RoundMovedV1(
        aggregate_id=moved.id,
        aggregate_version=consultation.version + 1,
        organisation=consultation.buyer,
        procedure=moved.principal,
        occurred_at=at,
        round_id=moved.id,
        number=moved.number,
        former=consultation.deadline,
        deadline=wanted.deadline,
        invited=invited,
    )
