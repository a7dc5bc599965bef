"""Consultations: opened by the published notice, followed through its changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog

from libs.common.actor import Actor
from libs.common.calendar import french_hour
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.notices import Notice, OpeningKeySet
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.domain.time import is_late
from services.bids.errors import BeforeDeadline, LotEnded, ProcedureSuspended, UnknownConsultation
from services.bids.evidence import Fact, FactKind
from services.bids.sealing import check_key_set
from services.bids.service import depositors
from services.bids.service.key_sets import ask_stamp
from services.bids.store import consultations as store
from services.bids.store import openings
from services.bids.store.consultations import Consultation

__all__ = [
    "follow_notice",
    "follow_suspension",
    "get",
    "require_buyer",
    "require_going_on",
    "require_passed",
    "unknown",
]

_log = structlog.get_logger(__name__)


async def follow_notice(uow: Uow, notice: Notice, procedure: UUID) -> None:
    """Open a consultation for a contract notice, or follow its newer version.

    A notice without deadline or without opening keys takes no electronic bids. Another key set in a later notice is a
    new version that everybody sees: new bids are sealed to it, those prepared before stay with theirs, and depositors
    are told. Nothing is followed any more once bids are being opened.
    Raises EnvelopeError when the key set cannot work or its fingerprint is wrong: the message is parked.
    """
    if notice.kind not in {"contract", "change"} or notice.deadline is None:
        return
    known = await store.lock(uow.conn, procedure)
    if known is None:
        if notice.opening is None:
            return
        check_key_set(notice.opening)
        await store.add(uow.conn, notice, procedure, notice.opening, uow.now())
        ask_stamp(uow, procedure, notice.opening)
        await _hear_deadline(uow, procedure, notice.deadline, notice)
        uow.audit("open_consultation", str(procedure))
        return
    if await _is_old(uow, notice, known):
        return
    if notice.opening is not None and notice.opening.fingerprint != known.keys.fingerprint:
        await _change_keys(uow, known.procedure, notice.opening)
        if notice.kind != "change":  # else they are told of the change anyway
            await depositors.inform(uow, procedure, "change", notice.notice_id, notice.version)
    await store.update(uow.conn, notice, procedure)
    await _hear_deadline(uow, procedure, notice.deadline, notice)
    uow.audit("follow_notice", str(procedure))


async def _hear_deadline(uow: Uow, procedure: UUID, deadline: datetime, notice: Notice) -> None:
    """Record the deadline as this service hears of it: what is late is judged on the last one."""
    content = {"deadline": deadline.astimezone(UTC).isoformat(), "notice": str(notice.notice_id)}
    await evidence.record(uow.conn, Fact(procedure, None, FactKind.DEADLINE_SET, uow.now(), content))


async def _change_keys(uow: Uow, procedure: UUID, keys: OpeningKeySet) -> None:
    check_key_set(keys)
    await store.publish_keys(uow.conn, procedure, keys, uow.now())
    ask_stamp(uow, procedure, keys)
    _log.warning("key_set_changed", procedure=str(procedure), fingerprint=keys.fingerprint)
    uow.audit("change_key_set", str(procedure))


async def _is_old(uow: Uow, notice: Notice, known: Consultation) -> bool:
    """Say whether a notice changes nothing: an older one comes after a newer one, or the bids are opened already."""
    if notice.published_at < known.notice.published_at:
        return True
    if notice.notice_id == known.notice.notice_id and notice.version <= known.notice.version:
        return True
    if not await openings.begun(uow.conn, known.procedure):
        return False
    _log.error("notice_after_opening_not_followed", procedure=str(known.procedure), notice=str(notice.notice_id))
    uow.audit("refuse_notice_after_opening", str(known.procedure))
    return True


async def follow_suspension(
    uow: Uow, procedure: UUID, *, version: int, since: datetime | None, deadline: datetime | None = None
) -> datetime | None:
    """Note that a procedure is suspended since an instant or goes on (None); no deposit, opening or award is half done meanwhile.

    Gives since when it was suspended, if this ends it.
    """
    await store.lock(uow.conn, procedure)
    was = await store.note_suspension(uow.conn, procedure, version=version, since=since, deadline=deadline)
    kind = FactKind.RESUMED if since is None else FactKind.SUSPENDED
    content = {"deadline": deadline.astimezone(UTC).isoformat() if deadline else None, "version": version}
    await evidence.record(uow.conn, Fact(procedure, None, kind, uow.now(), content))
    uow.audit("follow_suspension", str(procedure))
    return was


def require_going_on(consultation: Consultation, lots: Iterable[str]) -> None:
    """Let pass what is not suspended, for lots of which one at least may lead to a contract.

    Raises ProcedureSuspended, LotEnded.
    """
    if consultation.suspended:
        raise ProcedureSuspended(
            "La consultation est suspendue : attendez sa reprise, elle sera annoncée avec la nouvelle date limite.",
            "The procedure is suspended: wait until it is resumed; the new deadline will be announced.",
        )
    asked = set(lots)
    if asked and asked <= consultation.abandoned | consultation.failed:
        names = ", ".join(sorted(asked))
        raise LotEnded(
            f"{names} : lot déclaré sans suite ou infructueux, aucun marché ne sera conclu.",
            f"{names}: given up or declared unsuccessful, no contract will follow.",
        )


async def get(conn: asyncpg.Connection, procedure: UUID) -> Consultation:
    """Give a consultation. Raises UnknownConsultation."""
    found = await store.find(conn, procedure)
    if found is None:
        raise unknown()
    return found


def unknown() -> UnknownConsultation:
    """Give the refusal for a procedure that takes no electronic bids here."""
    return UnknownConsultation(
        "Aucune consultation de cette procédure ne reçoit de plis électroniques.",
        "No consultation of that procedure takes electronic bids.",
    )


async def require_buyer(
    conn: asyncpg.Connection, actor: Actor, consultation: Consultation, permission: Permission, at: datetime
) -> None:
    """Let only those pass who may do this in the consultation. Raises Forbidden, RoleMissing."""
    await require(conn, actor, consultation.buyer, consultation.announced, permission, at)


def require_passed(now: datetime, consultation: Consultation) -> None:
    """Let pass only after the deadline. Raises BeforeDeadline that gives it in legal time."""
    if not is_late(now, consultation.deadline):
        hour = french_hour(consultation.deadline, consultation.zone)
        raise BeforeDeadline(
            f"La date limite n'est pas passée : {hour}. Rien ne peut être ouvert ni connu avant.",
            f"The deadline has not passed: {consultation.deadline.isoformat()}.",
        )
