"""Opening the bids: after the deadline by clock and by time stamp, with k of n officers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import Conflict, FieldError, NotFound, Unavailable
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampAuthority, TimestampError
from libs.common.uow import Uow
from services.bids.domain.bids import Standing, standings
from services.bids.domain.states import OPENING, OpeningState, after
from services.bids.errors import BeforeDeadline, OfficerPresent, OpeningUnderWay, UnknownOpening, WrongShares
from services.bids.ports import TrustedRoots
from services.bids.sealing import EnvelopeError, OpeningStatement, ShareError, ShareRequest, from_text, to_text
from services.bids.sealing.dealing import check_share
from services.bids.sealing.errors import ProofError
from services.bids.sealing.manifest import SealedShare
from services.bids.sealing.opening import OpenedShare, RequestedShare, check_proof
from services.bids.service import consultations
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store import openings as store
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.openings import Opening, Presence

__all__ = ["bids_to_open", "buyers_opening", "counting", "present", "require_openable", "share_request", "start"]


async def start(runtime: Runtime, actor: Actor, procedure: UUID) -> Opening:
    """Start the opening. The time stamp is asked before anything is written; it must be later than the deadline.

    Raises UnknownConsultation, Forbidden, ProcedureSuspended, LotEnded, BeforeDeadline, OpeningUnderWay, Unavailable
    (no time stamp).
    """
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.OPEN, runtime.clock.now())
        require_openable(consultation)
        consultations.require_passed(runtime.clock.now(), consultation)
        named = bids_to_open(await counting(conn, consultation))
        _refuse_second(await store.of_procedure(conn, procedure), named)
    statement = OpeningStatement(
        opening=uuid4(),
        consultation=procedure,
        deadline=consultation.deadline.astimezone(UTC),
        fingerprint=consultation.keys.fingerprint,
        bids=named,
        nonce=secrets.token_hex(32),
    )
    opening = await _stamp(runtime, statement)
    async with runtime.uow(actor=actor) as uow:
        await _write(uow, opening)
    return opening


def require_openable(consultation: Consultation) -> None:
    """Let pass what is not suspended, and not given up whole. Raises ProcedureSuspended, LotEnded."""
    consultations.require_going_on(consultation, (lot.lot_id for lot in consultation.notice.lots))


async def counting(conn: asyncpg.Connection, consultation: Consultation) -> list[Bid]:
    """Give the bids that count on the present deadline: never superseded, withdrawn or late ones."""
    received = await bid_store.deposited(conn, consultation.procedure)
    judged = standings([each.deposited for each in received], consultation.deadline)
    return [each for each in received if judged[each.id] is Standing.COUNTS]


def bids_to_open(bids: Sequence[Bid]) -> tuple[str, ...]:
    """Name bids as the stamped statement does."""
    return tuple(sorted(f"{each.id} {each.envelope_sha256}" for each in bids))


async def buyers_opening(
    conn: asyncpg.Connection, actor: Actor, opening_id: UUID, permission: Permission, at: datetime
) -> tuple[Opening, Consultation]:
    """Give an opening to which the caller may do this. Raises UnknownOpening, for another buyer's too; RoleMissing."""
    opening = await store.find(conn, opening_id)
    consultation = None if opening is None else await consultation_store.find(conn, opening.procedure)
    unknown = UnknownOpening("Aucune ouverture de votre organisation n'a cet identifiant.", "No such opening of yours.")
    if opening is None or consultation is None:
        raise unknown
    await require(conn, actor, consultation.buyer, consultation.procedure, permission, at, unknown=unknown)
    return opening, consultation


async def share_request(
    conn: asyncpg.Connection, actor: Actor, opening_id: UUID, officer: str, at: datetime
) -> ShareRequest:
    """Give one officer's sealed shares with the proof that the deadline passed. Raises UnknownOpening, NotFound."""
    opening, consultation = await buyers_opening(conn, actor, opening_id, Permission.OPEN, at)
    after(OPENING, opening.state, "present shares")
    _index(consultation, officer)
    asked: list[RequestedShare] = []
    for bid in await _bids(conn, opening):
        asked += [requested for requested, _ in _shares_of(bid, officer)]
    return ShareRequest(officer=officer, statement=opening.statement, token=to_text(opening.token), shares=tuple(asked))


async def present(uow: Uow, actor: Actor, opening_id: UUID, given: tuple[str, tuple[OpenedShare, ...]]) -> Opening:
    """Take an officer's opened shares; each is compared with what its bidder committed to.

    Raises UnknownOpening, NotFound (officer), OfficerPresent, IllegalTransition, ProcedureSuspended, LotEnded, WrongShares
    that names each one.
    """
    officer, shares = given
    _, consultation = await buyers_opening(uow.conn, actor, opening_id, Permission.OPEN, uow.now())
    opening = await store.lock(uow.conn, opening_id)
    assert opening is not None  # noqa: S101  # openings are never removed
    after(OPENING, opening.state, "present shares")
    require_openable(consultation)
    _index(consultation, officer)
    if any(each.officer == officer for each in await store.presences(uow.conn, opening_id)):
        raise OfficerPresent(f"L'officier {officer} a déjà présenté ses parts.", f"{officer} presented already.")
    expected = {
        (requested.bid, requested.file, requested.segment): (bid, sealed)
        for bid in await _bids(uow.conn, opening)
        for requested, sealed in _shares_of(bid, officer)
    }
    _check_shares(shares, expected)
    await store.add_presence(uow.conn, opening_id, Presence(officer, uow.now(), shares))
    uow.audit("present_shares", f"{opening_id}/{officer}")
    return opening


Place = tuple[UUID, int, int]


def _check_shares(shares: Sequence[OpenedShare], expected: dict[Place, tuple[Bid, SealedShare]]) -> None:
    faults: list[FieldError] = []
    seen: set[Place] = set()
    for index, each in enumerate(shares):
        place = (each.bid, each.file, each.segment)
        where = f"body/shares/{index}"
        if place not in expected or place in seen:
            faults.append(FieldError(where, "part non demandée ou répétée", "a share not asked for, or repeated"))
        elif each.problem is None and not _matches(each, *expected[place]):
            faults.append(
                FieldError(
                    where,
                    f"part fausse : pli {each.bid}, fichier {each.file}, segment {each.segment}",
                    f"forged share: bid {each.bid}, file {each.file}, segment {each.segment}",
                )
            )
        seen.add(place)
    missing = [place for place in expected if place not in seen]
    faults += [
        FieldError("body/shares", f"part manquante : pli {bid}, fichier {file}, segment {segment}", "missing share")
        for bid, file, segment in missing
    ]
    if faults:
        raise WrongShares(
            "Les parts présentées ne sont pas celles qui étaient demandées à cet officier : rien n'a été retenu.",
            "These are not the shares asked of this officer: nothing was kept.",
            errors=faults[:100],
        )


def _matches(share: OpenedShare, bid: Bid, sealed: SealedShare) -> bool:
    envelope = bid.envelope
    if envelope is None or share.share is None:
        return False
    try:
        check_share(from_text(share.share), envelope.name.segment(share.file, share.segment), sealed)
    except (ShareError, EnvelopeError):
        return False
    return True


def _shares_of(bid: Bid, officer: str) -> list[tuple[RequestedShare, SealedShare]]:
    if bid.envelope is None:
        return []
    return [
        (
            RequestedShare(
                bid=bid.id, file=file.number, segment=segment.number, sealed=share.sealed, commitment=share.commitment
            ),
            share,
        )
        for file in bid.envelope.all_files
        for segment in file.segments
        for share in segment.shares
        if share.officer == officer
    ]


async def _bids(conn: asyncpg.Connection, opening: Opening) -> list[Bid]:
    """Give the bids that the stamped statement names, with their envelopes."""
    found = [await bid_store.find(conn, UUID(each.split(" ", 1)[0])) for each in opening.statement.bids]
    return [each for each in found if each is not None]


def _index(consultation: Consultation, officer: str) -> None:
    if officer not in [each.officer for each in consultation.keys.officers]:
        names = ", ".join(each.officer for each in consultation.keys.officers)
        raise NotFound(
            f"Aucun officier de cette consultation ne porte ce nom ; officiers : {names}.", f"Officers: {names}."
        )


def _refuse_second(known: Opening | None, named: tuple[str, ...]) -> None:
    """Let a second opening start only when a bid received in time was recorded after the first one began."""
    if known is None:
        return
    if known.state is OpeningState.COMPLETED or known.statement.bids == named:
        raise OpeningUnderWay(
            f"Une ouverture existe déjà pour cette consultation : {known.id}.", f"There is an opening: {known.id}."
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
        statement.opening, 1, statement.consultation, OpeningState.STARTED, statement, token, stamped, now, None, None,
        None,
    )  # fmt: skip


async def _write(uow: Uow, opening: Opening) -> None:
    consultation = await consultation_store.lock(uow.conn, opening.procedure)
    assert consultation is not None  # noqa: S101  # consultations are never removed
    require_openable(consultation)
    if bids_to_open(await counting(uow.conn, consultation)) != opening.statement.bids:
        raise Conflict(
            "Un pli reçu à temps vient d'être enregistré : recommencez l'ouverture.",
            "A bid received in time was just recorded: start again.",
        )
    former = await store.of_procedure(uow.conn, opening.procedure)
    _refuse_second(former, opening.statement.bids)
    if former is not None:
        await store.set_state(uow.conn, former.id, after(OPENING, former.state, "replace"))
        await store.forget_shares(uow.conn, former.id)
    await store.add(uow.conn, opening)
    uow.audit("start_opening", str(opening.id))
