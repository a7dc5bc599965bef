"""Deciding on late bids and bids by another channel; registering, opening and destroying copies. Each step is a fact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import FieldError, InvalidInput
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.admissions import store
from services.bids.admissions.errors import CopyStaysClosed, NotAdmissible, UnknownCopy
from services.bids.admissions.letter import admission_letter
from services.bids.admissions.offers import offers_of, original_of
from services.bids.admissions.rules import (
    Decision,
    Ground,
    Medium,
    Original,
    Purpose,
    copy_refusal,
    may_destroy,
)
from services.bids.admissions.store import Admission, Copy
from services.bids.domain.bids import Standing
from services.bids.domain.states import BID, BidState, OpeningState, after
from services.bids.errors import UnknownBid
from services.bids.evidence import Fact, FactKind, reading
from services.bids.evidence.batches import Recorded
from services.bids.service import consultations, letters
from services.bids.service.counting import Judged, judge
from services.bids.store import awards, openings
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = ["Arrival", "Decided", "Unsealing", "decide", "destroy", "open_copy", "register"]


@dataclass(frozen=True)
class Decided:
    """A decision as the buyer takes it: on a bid, or on a copy that is the bid itself."""

    decision: Decision
    reason: str
    facts: tuple[UUID, ...]
    bid: UUID | None = None
    copy: UUID | None = None


@dataclass(frozen=True)
class Arrival:
    """A copy, or a bid by another channel, as who took it registers it."""

    purpose: Purpose
    medium: Medium
    depositor: str
    depositor_name: str
    lots: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True)
class Unsealing:
    """Why a copy is opened, and in the place of which electronic bid."""

    ground: Ground
    bid: UUID | None


async def decide(uow: Uow, actor: Actor, procedure: UUID, decided: Decided) -> Admission:
    """Admit a late bid or one by another channel, or refuse to; the last decision holds until the bid is opened.

    Raises UnknownConsultation, Forbidden, RoleMissing, BeforeDeadline, ProcedureSuspended, UnknownBid, UnknownCopy,
    NotAdmissible, InvalidInput (facts that are not of this bid).
    """
    consultation = await _locked(uow, actor, procedure, Permission.EVALUATE)
    consultations.require_passed(uow.now(), consultation)
    consultations.require_going_on(consultation, ())
    await _require_no_opening(uow.conn, procedure)
    if decided.bid is not None:
        await _admit_bid(uow, consultation, decided)
    else:
        await _check_copy(uow.conn, procedure, decided)
    identity, now = uuid4(), uow.now()
    fact = await _tell(uow, procedure, decided.bid, _content(identity, decided))
    admission = Admission(
        identity, procedure, decided.bid, decided.copy, decided.decision, decided.reason, decided.facts, fact, now
    )
    await store.add_admission(uow.conn, admission, actor.subject)
    uow.audit(f"{decided.decision}_bid", str(decided.bid or decided.copy))
    return admission


def _content(identity: UUID, decided: Decided) -> dict[str, object]:
    """Give what the fact tells; the reason may name people: its hash alone."""
    subject = {"copy": str(decided.copy)} if decided.copy else {}
    rests_on = [str(each) for each in decided.facts]
    digest = sha256(decided.reason.encode()).hexdigest()
    return {"admission": str(identity), "decision": decided.decision.value, "reason_sha256": digest, "facts": rests_on,
            **subject}  # fmt: skip


async def _admit_bid(uow: Uow, consultation: Consultation, decided: Decided) -> None:
    """Check that a late bid may be admitted, on facts of its own; one set aside waits again. Its depositor is told."""
    assert decided.bid is not None  # noqa: S101  # the caller's condition
    judged = await judge(uow.conn, consultation, admit=False)
    bid = judged.bids.get(decided.bid)
    if bid is None:
        raise _unknown_bid()
    _require_late(judged, bid)
    if decided.decision is Decision.ADMITTED:
        _require_unrivalled(judged, bid, adds_up=consultation.adds_up)
    await _require_not_awarded(uow.conn, consultation.procedure, bid.lots)
    known = await reading.facts_of_bid(uow.conn, consultation.procedure, bid.id)
    platform = await reading.incidents_of(uow.conn, consultation.procedure)
    _require_facts(decided, known, platform)
    if bid.state is BidState.SET_ASIDE and decided.decision is Decision.ADMITTED:
        await bid_store.set_state(uow.conn, bid.id, after(BID, bid.state, "admit"))
    await letters.tell(uow, consultation, ("", bid.depositor), admission_letter(consultation, bid, decided.decision))


def _require_late(judged: Judged, bid: Bid) -> None:
    if judged.standing(bid.id) is Standing.LATE and bid.state in {BidState.DEPOSITED, BidState.SET_ASIDE}:
        return
    raise NotAdmissible(
        "Seul un pli hors délai, ni retiré ni ouvert, peut faire l'objet de cette décision.",
        "Only a late bid that was neither withdrawn nor opened can be decided on.",
    )


def _require_unrivalled(judged: Judged, bid: Bid, *, adds_up: bool) -> None:
    """Let pass a late bid whose company has no opened offer for the same lot: once it is known, nothing replaces it."""
    opened = [
        each for each in judged.envelopes
        if each.state == "opened" and each.kind == "offer" and judged.bids[each.bid].depositor == bid.depositor
        and set(each.lots) & set(bid.lots)
    ]  # fmt: skip
    if opened and not adds_up:
        raise NotAdmissible(
            "L'offre de cette entreprise reçue à temps pour le même lot est déjà ouverte : rien ne la remplace plus.",
            "This company's offer in time for the same lot is opened already: nothing replaces it any more.",
        )


async def _require_not_awarded(conn: asyncpg.Connection, procedure: UUID, lots: Collection[str]) -> None:
    done = {each.lot for each in await awards.of_procedure(conn, procedure)} & set(lots)
    if done:
        names = ", ".join(sorted(done))
        raise NotAdmissible(f"Lot déjà attribué : {names}.", f"Lot already awarded: {names}.")


async def _require_no_opening(conn: asyncpg.Connection, procedure: UUID) -> None:
    running = {OpeningState.STARTED, OpeningState.OPENING}
    if any(each.state in running for each in await openings.of_procedure(conn, procedure)):
        raise NotAdmissible(
            "Une ouverture est en cours : terminez-la, puis décidez.",
            "An opening is under way: complete it, then decide.",
        )


def _require_facts(decided: Decided, known: Sequence[Recorded], platform: Sequence[Recorded]) -> None:
    """Let pass a decision that rests on facts of this bid, of its consultation or on incidents. Raises InvalidInput."""
    there = {each.id for each in (*known, *platform)}
    faults = [
        FieldError(f"body/facts/{index}", "ce fait n'est pas du rapport de preuves de ce pli", "not a fact of this bid")
        for index, each in enumerate(decided.facts)
        if each not in there
    ]
    if decided.decision is Decision.ADMITTED and not decided.facts:
        faults.append(FieldError("body/facts", "citez les faits du rapport de preuves", "name the facts it rests on"))
    if faults:
        raise InvalidInput(
            "Une décision s'appuie sur des faits du rapport de preuves : corrigez leur liste.",
            "A decision rests on facts of the evidence report: mend their list.", errors=faults,
        )  # fmt: skip


async def _check_copy(conn: asyncpg.Connection, procedure: UUID, decided: Decided) -> None:
    copy = await store.find_copy(conn, decided.copy) if decided.copy else None
    if copy is None or copy.procedure != procedure:
        raise _unknown_copy()
    if copy.purpose is not Purpose.BID or copy.opened_at is not None or copy.destroyed_at is not None:
        raise NotAdmissible(
            "Seul un pli reçu par une autre voie, encore fermé, peut être admis ; une copie de sauvegarde s'ouvre pour un motif.",
            "Only a closed bid by another channel is admitted; a backup copy is opened on a ground.",
        )
    facts = await reading.facts_of_procedure(conn, procedure)
    _require_facts(decided, facts, await reading.incidents_of(conn, procedure))


async def register(uow: Uow, actor: Actor, procedure: UUID, arrival: Arrival) -> Copy:
    """Register by hand what came by another way. Raises UnknownConsultation, Forbidden, RoleMissing, InvalidInput."""
    consultation = await _locked(uow, actor, procedure, Permission.WRITE)
    _check_arrival(consultation, arrival, uow.now())
    copy = Copy(
        uuid4(), procedure, arrival.purpose, arrival.medium, arrival.depositor, arrival.depositor_name, arrival.lots,
        arrival.received_at, uow.now(),
    )  # fmt: skip
    await store.add_copy(uow.conn, copy, actor.subject)
    told = {"purpose": copy.purpose.value, "medium": copy.medium.value, "received_at": copy.received_at.isoformat()}
    await _tell(uow, procedure, None, {"copy": str(copy.id), "step": "registered", **told})
    uow.audit("register_copy", str(copy.id))
    return copy


def _check_arrival(consultation: Consultation, arrival: Arrival, now: datetime) -> None:
    faults = []
    unknown = [each for each in arrival.lots if consultation.lot(each) is None]
    if unknown:
        faults.append(FieldError("body/lots", f"lots inconnus : {', '.join(unknown)}", "unknown lots"))
    if arrival.received_at > now:
        faults.append(FieldError("body/received_at", "cette heure est à venir", "this hour is to come"))
    if faults:
        raise InvalidInput("Corrigez l'enregistrement.", "Mend the registration.", errors=faults)


async def open_copy(uow: Uow, actor: Actor, copy_id: UUID, unsealing: Unsealing | None) -> Copy:
    """Note that a copy is opened, if the rules let it; without `unsealing`, on the first ground that the platform recorded.

    Raises UnknownCopy, RoleMissing, BeforeDeadline, ProcedureSuspended, CopyStaysClosed.
    """
    copy, consultation = await _buyers_copy(uow, actor, copy_id)
    consultations.require_passed(uow.now(), consultation)
    consultations.require_going_on(consultation, ())
    unsealing = unsealing or await _offered(uow.conn, consultation, copy)
    original = await _original(uow.conn, consultation, copy, unsealing.bid)
    admitted = copy.id in await store.admitted(uow.conn, copy.procedure)
    refusal = copy_refusal(copy.copied(admitted=admitted), unsealing.ground, original, consultation.deadline)
    if refusal is not None:
        raise CopyStaysClosed(*refusal)
    opened = replace(copy, ground=unsealing.ground, bid=unsealing.bid, opened_at=uow.now())
    await store.open_copy(uow.conn, opened, actor.subject)
    content = {"copy": str(copy.id), "step": "opened", "ground": unsealing.ground.value}
    await _tell(uow, copy.procedure, unsealing.bid, content)
    uow.audit("open_copy", str(copy.id))
    return opened


async def _offered(conn: asyncpg.Connection, consultation: Consultation, copy: Copy) -> Unsealing:
    """Give the first ground of the law that holds. Raises CopyStaysClosed."""
    offers = await offers_of(conn, consultation, copy)
    if not offers:
        raise CopyStaysClosed(
            "Rien de ce que la plateforme a relevé ne permet d'ouvrir cette copie : elle reste fermée.",
            "Nothing that the platform recorded lets this copy be opened.",
        )
    return Unsealing(offers[0].ground, offers[0].bid)


async def _original(
    conn: asyncpg.Connection, consultation: Consultation, copy: Copy, bid_id: UUID | None
) -> Original | None:
    """Give what is known of the electronic bid, of the same company and consultation. Raises UnknownBid."""
    if bid_id is None:
        return None
    bid = await bid_store.find(conn, bid_id)
    if bid is None or bid.procedure != copy.procedure or bid.depositor != copy.depositor:
        raise _unknown_bid()
    return await original_of(conn, consultation, copy, bid)


async def destroy(uow: Uow, actor: Actor, copy_id: UUID, *, set_aside: bool) -> Copy:
    """Note that a copy was destroyed: unopened, or set aside after its opening. Raises UnknownCopy, CopyStaysClosed."""
    copy, consultation = await _buyers_copy(uow, actor, copy_id)
    consultations.require_passed(uow.now(), consultation)
    refusal = may_destroy(copy.copied(), set_aside=set_aside)
    if refusal is not None:
        raise CopyStaysClosed(*refusal)
    fate = "set_aside" if set_aside else "unopened"
    await store.destroy(uow.conn, copy.id, fate, uow.now(), actor.subject)
    await _tell(uow, copy.procedure, copy.bid, {"copy": str(copy.id), "step": "destroyed", "fate": fate})
    uow.audit("destroy_copy", str(copy.id))
    return replace(copy, fate=fate, destroyed_at=uow.now())


async def _buyers_copy(uow: Uow, actor: Actor, copy_id: UUID) -> tuple[Copy, Consultation]:
    copy = await store.find_copy(uow.conn, copy_id, lock=True)
    if copy is None:
        raise _unknown_copy()
    consultation = await consultations.get(uow.conn, copy.procedure)
    await require(
        uow.conn, actor, consultation.buyer, copy.procedure, Permission.OPEN, uow.now(), unknown=_unknown_copy()
    )
    return copy, consultation


async def _locked(uow: Uow, actor: Actor, procedure: UUID, permission: Permission) -> Consultation:
    """Give a consultation to which the caller may do this, held alone. Raises UnknownConsultation, Forbidden."""
    await consultations.require_buyer(
        uow.conn, actor, await consultations.get(uow.conn, procedure), permission, uow.now()
    )
    consultation = await consultation_store.lock(uow.conn, procedure)
    assert consultation is not None  # noqa: S101  # consultations are never removed
    return consultation


async def _tell(uow: Uow, procedure: UUID, bid: UUID | None, content: Mapping[str, object]) -> UUID:
    return await evidence.record(uow.conn, Fact(procedure, bid, FactKind.ADMISSION, uow.now(), content))


def _unknown_bid() -> UnknownBid:
    return UnknownBid(
        "Aucun pli de cette consultation n'a cet identifiant.", "No bid of this consultation has that id."
    )


def _unknown_copy() -> UnknownCopy:
    return UnknownCopy(
        "Aucune copie de cette consultation n'a cet identifiant.", "No copy of this consultation has that id."
    )
