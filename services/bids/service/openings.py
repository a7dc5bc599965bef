"""Opening the bids by stages: after the deadline by clock and by time stamp, with k of n officers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import Conflict, FieldError, InvalidInput, NotFound, Unavailable
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampAuthority, TimestampError
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.deputies import store as deputies
from services.bids.domain.states import OPENING, OpeningState, after
from services.bids.errors import (
    BeforeDeadline,
    OfficerPresent,
    OpeningUnderWay,
    StageOrder,
    UnknownOpening,
    WrongShares,
)
from services.bids.evidence import Fact, FactKind
from services.bids.ports import TrustedRoots
from services.bids.sealing import (
    Envelope,
    EnvelopeError,
    OpeningStatement,
    ShareError,
    ShareRequest,
    from_text,
    to_text,
)
from services.bids.sealing.dealing import check_share
from services.bids.sealing.errors import ProofError
from services.bids.sealing.manifest import SealedShare
from services.bids.sealing.opening import OpenedShare, RequestedShare, Stage, check_proof
from services.bids.service import consultations
from services.bids.service.counting import Judged, judge
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store import openings as store
from services.bids.store.bids import EnvelopeRow
from services.bids.store.consultations import Consultation, KeySetVersion
from services.bids.store.openings import Opening, Presence

__all__ = [
    "Wanted", "all_opened", "buyers_opening", "keys_of", "named", "present", "record_step", "require_openable",
    "share_request", "start",
]  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What a buyer asks to open; what is not said is chosen: the next stage, all lots, the oldest key set in question."""

    stage: Stage | None = None
    lots: tuple[str, ...] | None = None
    key_version: int | None = None


@dataclass(frozen=True)
class _Plan:
    """What an opening opens."""

    stage: Stage
    lots: tuple[str, ...]
    fingerprint: str
    envelopes: tuple[str, ...]


async def start(runtime: Runtime, actor: Actor, procedure: UUID, wanted: Wanted) -> Opening:
    """Start the opening of a stage. The time stamp is asked before anything is written; it must be later than the deadline.

    Raises UnknownConsultation, Forbidden, ProcedureSuspended, LotEnded, BeforeDeadline, InvalidInput (unknown lot or key
    version), StageOrder, OpeningUnderWay, Unavailable (no time stamp).
    """
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.OPEN, runtime.clock.now())
        require_openable(consultation)
        consultations.require_passed(runtime.clock.now(), consultation)
        plan = await _plan(conn, consultation, wanted)
        _refuse_second(await store.of_procedure(conn, procedure), plan)
    statement = OpeningStatement(
        opening=uuid4(),
        consultation=procedure,
        stage=plan.stage,
        lots=plan.lots,
        deadline=consultation.deadline.astimezone(UTC),
        fingerprint=plan.fingerprint,
        envelopes=plan.envelopes,
        nonce=secrets.token_hex(32),
    )
    opening = await _stamp(runtime, statement)
    async with runtime.uow(actor=actor) as uow:
        await _write(uow, opening, wanted)
    return opening


def require_openable(consultation: Consultation) -> None:
    """Let pass what is not suspended, and not given up whole. Raises ProcedureSuspended, LotEnded."""
    consultations.require_going_on(consultation, (lot.lot_id for lot in consultation.notice.lots))


def named(envelopes: Sequence[EnvelopeRow]) -> tuple[str, ...]:
    """Name envelopes as the stamped statement does."""
    return tuple(sorted(f"{each.bid} {each.number} {each.sha256}" for each in envelopes))


async def _plan(conn: asyncpg.Connection, consultation: Consultation, wanted: Wanted) -> _Plan:
    judged = await judge(conn, consultation)
    lots = _lots(consultation, wanted)
    stage = wanted.stage or _next_stage(consultation, judged, lots)
    first = consultation.stages[0]
    if stage != first and judged.to_open(first, lots):
        raise StageOrder(
            "Les enveloppes de l'étape précédente de ces lots ne sont pas encore ouvertes : "
            f"commencez par les {'candidatures' if first == 'applications' else 'offres'}.",
            f"Open the {first} of these lots first.",
        )
    envelopes = judged.to_open(stage, lots)
    keys = await _key_version(conn, consultation, wanted, {judged.bids[each.bid].key_fingerprint for each in envelopes})
    sealed_to = [each for each in envelopes if judged.bids[each.bid].key_fingerprint == keys.fingerprint]
    return _Plan(stage, lots, keys.fingerprint, named(sealed_to))


def _lots(consultation: Consultation, wanted: Wanted) -> tuple[str, ...]:
    known = {each.lot_id for each in consultation.notice.lots}
    unknown = sorted(set(wanted.lots or ()) - known)
    if unknown:
        fault = FieldError("body/lots", f"lots inconnus : {', '.join(unknown)}", "unknown lots")
        raise InvalidInput(
            "Ces lots ne sont pas de cette consultation.", "Lots of another consultation.", errors=[fault]
        )
    return tuple(sorted(set(wanted.lots or known) - consultation.abandoned))


def _next_stage(consultation: Consultation, judged: Judged, lots: Sequence[str]) -> Stage:
    return next((each for each in consultation.stages if judged.to_open(each, lots)), "offers")


async def _key_version(
    conn: asyncpg.Connection, consultation: Consultation, wanted: Wanted, used: set[str]
) -> KeySetVersion:
    """Give the key set that the envelopes are sealed to; when there are several, the one asked for, else the oldest."""
    versions = await consultation_store.key_sets(conn, consultation.procedure)
    if wanted.key_version is not None:
        asked = [each for each in versions if each.version == wanted.key_version]
        if not asked:
            fault = FieldError("body/key_version", f"versions : 1 à {len(versions)}", "unknown version")
            raise InvalidInput("Ce jeu de clés n'existe pas.", "No such key set.", errors=[fault])
        return asked[0]
    return next((each for each in versions if each.fingerprint in used), versions[-1])


async def all_opened(conn: asyncpg.Connection, consultation: Consultation, lots: Sequence[str] | None = None) -> bool:
    """Say whether an opening is completed and nothing that counts stays sealed, for these lots or for all."""
    asked = _lots(consultation, Wanted(lots=tuple(lots) if lots else None))
    openings = await store.of_procedure(conn, consultation.procedure)
    completed = any(each.state is OpeningState.COMPLETED for each in openings)
    judged = await judge(conn, consultation)
    return completed and not any(judged.to_open(each, asked) for each in consultation.stages)


async def keys_of(conn: asyncpg.Connection, opening: Opening) -> OpeningKeySet:
    """Give the key set that an opening is for."""
    return (await consultation_store.key_set(conn, opening.procedure, opening.key_fingerprint)).keys


async def record_step(conn: asyncpg.Connection, opening: Opening, step: str, at: datetime, **more: str | int) -> None:
    """Record a step of an opening in the evidence."""
    content = {"opening": str(opening.id), "stage": opening.stage, "step": step, **more}
    await evidence.record(conn, Fact(opening.procedure, None, FactKind.OPENING_STEP, at, content))


async def buyers_opening(
    conn: asyncpg.Connection, actor: Actor, opening_id: UUID, permission: Permission, at: datetime
) -> tuple[Opening, Consultation]:
    """Give an opening to which the caller may do this. Raises UnknownOpening, for another buyer's too; RoleMissing."""
    opening = await store.find(conn, opening_id)
    consultation = None if opening is None else await consultation_store.find(conn, opening.procedure)
    unknown = UnknownOpening("Aucune ouverture de votre organisation n'a cet identifiant.", "No such opening of yours.")
    if opening is None or consultation is None:
        raise unknown
    await require(conn, actor, consultation.buyer, consultation.announced, permission, at, unknown=unknown)
    return opening, consultation


async def share_request(
    conn: asyncpg.Connection, actor: Actor, opening_id: UUID, officer: str, at: datetime
) -> ShareRequest:
    """Give one officer's sealed shares with the proof that the deadline passed. Raises UnknownOpening, NotFound."""
    opening, _ = await buyers_opening(conn, actor, opening_id, Permission.OPEN, at)
    after(OPENING, opening.state, "present shares")
    _require_officer(await keys_of(conn, opening), officer)
    asked: list[RequestedShare] = []
    for paper in await _papers(conn, opening):
        asked += [requested for requested, _ in _shares_of(paper, officer)]
    return ShareRequest(officer=officer, statement=opening.statement, token=to_text(opening.token), shares=tuple(asked))


async def present(uow: Uow, actor: Actor, opening_id: UUID, presence: Presence) -> Opening:
    """Take an officer's opened shares; each is compared with what its bidder committed to.

    Raises UnknownOpening, NotFound (officer), OfficerPresent, IllegalTransition, ProcedureSuspended, LotEnded, WrongShares
    that names each one.
    """
    officer = presence.officer
    _, consultation = await buyers_opening(uow.conn, actor, opening_id, Permission.OPEN, uow.now())
    opening = await store.lock(uow.conn, opening_id)
    assert opening is not None  # noqa: S101  # openings are never removed
    after(OPENING, opening.state, "present shares")
    require_openable(consultation)
    _require_officer(await keys_of(uow.conn, opening), officer)
    if any(each.officer == officer for each in await store.presences(uow.conn, opening_id)):
        raise OfficerPresent(f"L'officier {officer} a déjà présenté ses parts.", f"{officer} presented already.")
    expected = {
        _place(requested): (paper, sealed)
        for paper in await _papers(uow.conn, opening)
        for requested, sealed in _shares_of(paper, officer)
    }
    _check_shares(presence.shares, expected)
    await store.add_presence(uow.conn, opening_id, presence)
    stand_in = {} if presence.deputy is None else {"deputy": presence.deputy}
    await record_step(uow.conn, opening, "officer present", uow.now(), officer=officer, **stand_in)
    uow.audit("present_shares", f"{opening_id}/{officer}")
    return opening


Place = tuple[UUID, int, int, int]
"""Bid, envelope, part, segment."""


def _place(share: RequestedShare | OpenedShare) -> Place:
    return share.bid, share.envelope, share.part, share.segment


def _told(place: Place) -> str:
    return f"pli {place[0]}, enveloppe {place[1]}, partie {place[2]}, segment {place[3]}"


def _check_shares(shares: Sequence[OpenedShare], expected: dict[Place, tuple[Envelope, SealedShare]]) -> None:
    faults: list[FieldError] = []
    seen: set[Place] = set()
    for index, each in enumerate(shares):
        place, where = _place(each), f"body/shares/{index}"
        if place not in expected or place in seen:
            faults.append(FieldError(where, "part non demandée ou répétée", "a share not asked for, or repeated"))
        elif each.problem is None and not _matches(each, *expected[place]):
            faults.append(FieldError(where, f"part fausse : {_told(place)}", f"forged share: {_told(place)}"))
        seen.add(place)
    faults += [
        FieldError("body/shares", f"part manquante : {_told(place)}", "missing share")
        for place in expected
        if place not in seen
    ]
    if faults:
        raise WrongShares(
            "Les parts présentées ne sont pas celles qui étaient demandées à cet officier : rien n'a été retenu.",
            "These are not the shares asked of this officer: nothing was kept.",
            errors=faults[:100],
        )


def _matches(share: OpenedShare, envelope: Envelope, sealed: SealedShare) -> bool:
    if share.share is None:
        return False
    try:
        check_share(from_text(share.share), envelope.name.segment(share.part, share.segment), sealed)
    except (ShareError, EnvelopeError):
        return False
    return True


def _shares_of(envelope: Envelope, officer: str) -> list[tuple[RequestedShare, SealedShare]]:
    return [
        (
            RequestedShare(
                bid=envelope.bid, envelope=envelope.number, part=segment.part, segment=segment.number,
                sealed=share.sealed, commitment=share.commitment,
            ),
            share,
        )
        for segment in envelope.segments
        for share in segment.shares
        if share.officer == officer
    ]  # fmt: skip


async def _papers(conn: asyncpg.Connection, opening: Opening) -> list[Envelope]:
    """Give the papers of the envelopes that the stamped statement names."""
    return [await bid_store.paper(conn, *each) for each in opening.statement.named]


def _require_officer(keys: OpeningKeySet, officer: str) -> None:
    names = [each.officer for each in keys.officers]
    if officer not in names:
        told = ", ".join(names)
        raise NotFound(
            f"Aucun officier de cette consultation ne porte ce nom ; officiers : {told}.", f"Officers: {told}."
        )


def _refuse_second(known: Sequence[Opening], plan: _Plan) -> Opening | None:
    """Give the opening that this one replaces, if any: one that began before a bid received in time was recorded.

    Raises OpeningUnderWay.
    """
    running = next((each for each in known if each.state is not OpeningState.COMPLETED), None)
    if running is not None:
        same = (running.stage, running.statement.lots, running.key_fingerprint) == (
            plan.stage,
            plan.lots,
            plan.fingerprint,
        )
        if running.state is OpeningState.STARTED and same and running.statement.envelopes != plan.envelopes:
            return running
        raise _under_way(running)
    done = [each for each in known if each.stage == plan.stage and set(plan.lots) <= set(each.statement.lots)]
    if done and not plan.envelopes:
        raise _under_way(done[-1])
    return None


def _under_way(opening: Opening) -> OpeningUnderWay:
    return OpeningUnderWay(
        f"Une ouverture existe déjà pour cette consultation : {opening.id}.", f"There is an opening: {opening.id}."
    )


async def _stamp(runtime: Runtime, statement: OpeningStatement) -> Opening:
    try:
        token = await runtime.port(TimestampAuthority).stamp(statement.digest)  # type: ignore[type-abstract]  # a port
        stamped = check_proof(statement, token, runtime.port(TrustedRoots).certificates)
    except TimestampError as error:
        raise Unavailable(
            "Aucune autorité d'horodatage ne répond : l'ouverture attend sa preuve d'heure, recommencez bientôt.",
            "No time stamp authority answers: the opening needs its proof of time, try again soon.",
        ) from error
    except ProofError as error:
        raise BeforeDeadline(
            "L'horodatage obtenu n'est pas postérieur à la date limite, ou n'est pas d'une autorité reconnue.",
            str(error),
        ) from error
    now = runtime.clock.now()
    return Opening(
        statement.opening, 1, statement.consultation, OpeningState.STARTED, statement.stage, statement.fingerprint,
        statement, token, stamped, now, None, None, None,
    )  # fmt: skip


async def _write(uow: Uow, opening: Opening, wanted: Wanted) -> None:
    consultation = await consultation_store.lock(uow.conn, opening.procedure)
    assert consultation is not None  # noqa: S101  # consultations are never removed
    require_openable(consultation)
    plan = await _plan(uow.conn, consultation, wanted)
    if (plan.stage, plan.envelopes) != (opening.stage, opening.statement.envelopes):
        raise Conflict(
            "Un pli reçu à temps vient d'être enregistré : recommencez l'ouverture.",
            "A bid received in time was just recorded: start again.",
        )
    former = _refuse_second(await store.of_procedure(uow.conn, opening.procedure), plan)
    if former is not None:
        await store.set_state(uow.conn, former.id, after(OPENING, former.state, "replace"))
        await store.forget_shares(uow.conn, former.id)
        await deputies.forget(uow.conn, former.id)
    await store.add(uow.conn, opening)
    await record_step(uow.conn, opening, "started", uow.now(), statement=opening.statement.digest.hex())
    uow.audit("start_opening", str(opening.id))
