"""Depositing and withdrawing a bid: the hour of the end of the upload, the receipt at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import french_hour
from libs.common.errors import FieldError, NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import events
from services.bids.domain.bids import Deposit, Standing, standings
from services.bids.domain.states import BID, BidState, after
from services.bids.domain.time import is_late, legal_time, to_second
from services.bids.errors import AfterDeadline, WrongEnvelope
from services.bids.sealing import Envelope, EnvelopeError
from services.bids.sealing.receipt import PartyName, Receipt, ReceiptDocument, ReceiptStatement
from services.bids.service import consultations
from services.bids.service.drafts import own_bid, refuse_clash
from services.bids.service.stamping import stamp_now
from services.bids.store import bids as store
from services.bids.store import consultations as consultation_store
from services.bids.store import receipts
from services.bids.store.bids import Bid, BidFile
from services.bids.store.consultations import Consultation

__all__ = ["deposit", "receipt_of", "withdraw"]


async def deposit(runtime: Runtime, actor: Actor, bid_id: UUID, envelope: Envelope) -> Receipt:
    """Complete a deposit: called when the last byte, the envelope, has arrived; that is the hour that counts.

    It is recorded first, then time-stamped: a slow authority changes neither the hour nor the deposit. The same
    envelope again gives the same receipt. Raises UnknownBid, ProcedureSuspended, LotEnded, IllegalTransition,
    WrongEnvelope, PartialReplacement.
    """
    actor.require(OrganisationKind.COMPANY)
    arrived = to_second(runtime.clock.now())
    async with runtime.uow(actor=actor) as uow:
        receipt = await _record(uow, actor, (bid_id, envelope), arrived)
    return await stamp_now(runtime, receipt)


async def withdraw(runtime: Runtime, actor: Actor, bid_id: UUID) -> Receipt:
    """Withdraw a deposited bid before the deadline. Raises UnknownBid, IllegalTransition, AfterDeadline."""
    actor.require(OrganisationKind.COMPANY)
    async with runtime.uow(actor=actor) as uow:
        receipt = await _record_withdrawal(uow, actor, bid_id)
    return await stamp_now(runtime, receipt)


async def receipt_of(runtime: Runtime, actor: Actor, bid_id: UUID, act: str) -> Receipt:
    """Give the receipt of one's own bid; completed meanwhile if its time stamp was pending. Raises NotFound."""
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
        receipt = await receipts.find(conn, bid.id, act)
    if receipt is None:
        raise NotFound("Ce pli n'a pas d'accusé de cette sorte.", "This bid has no such receipt.")
    return receipt


async def _record(uow: Uow, actor: Actor, given: tuple[UUID, Envelope], arrived: datetime) -> Receipt:
    bid_id, envelope = given
    procedure = (await own_bid(uow.conn, actor, bid_id)).procedure
    consultation = await consultation_store.share(uow.conn, procedure)  # before the bid: an opening takes it alone
    bid = await own_bid(uow.conn, actor, bid_id, lock=True)
    if consultation is None:
        raise consultations.unknown()
    if bid.envelope_sha256 == envelope.sha256 and (known := await receipts.find(uow.conn, bid.id, "deposit")):
        return known
    consultations.require_going_on(consultation, bid.lots)
    state = after(BID, bid.state, "deposit")
    files = await store.files(uow.conn, bid.id)
    _check_envelope(envelope, bid, consultation, files)
    await refuse_clash(uow.conn, bid.depositor, procedure, frozenset(bid.lots))
    replaces = await _replaced(uow, bid, consultation, arrived)
    version = await store.deposit(uow.conn, bid.id, state, arrived, envelope)
    sealed = replace(bid, envelope_sha256=envelope.sha256)
    statement = _statement(sealed, consultation, files, "deposit", arrived).model_copy(update={"replaces": replaces})
    receipt = await receipts.add(uow.conn, statement)
    attempt = await store.begin_attempt(uow.conn, bid, "deposit", arrived)
    await store.end_attempt(uow.conn, attempt, arrived, sum(each.size for each in files), "complete")
    uow.audit("deposit_bid", str(bid.id))
    uow.emit(events.deposited(bid, consultation, statement, version=version, occurred_at=arrived))
    return receipt


def _check_envelope(envelope: Envelope, bid: Bid, consultation: Consultation, files: list[BidFile]) -> None:
    faults: list[FieldError] = []
    if (envelope.consultation, envelope.bid) != (bid.procedure, bid.id):
        faults.append(FieldError("body/envelope/bid", "scellée pour un autre pli", "sealed for another bid"))
    try:
        envelope.check(consultation.keys)
    except EnvelopeError as error:
        faults.append(FieldError("body/envelope", "enveloppe incohérente ou d'un autre jeu de clés", str(error)))
    sealed = {each.number: each for each in envelope.files}
    for file in files:
        if file.sha256 is None:
            faults.append(FieldError(f"files/{file.number}", "fichier non reçu", "file not received"))
        elif file.number not in sealed:
            faults.append(FieldError(f"files/{file.number}", "absent de l'enveloppe", "not in the envelope"))
        elif (sealed[file.number].size, sealed[file.number].sha256) != (file.size, file.sha256):
            faults.append(
                FieldError(
                    f"files/{file.number}", "octets reçus différents de l'enveloppe", "other bytes were received"
                )
            )
    if len(sealed) > len(files):
        faults.append(FieldError("body/envelope/files", "fichiers non annoncés", "files that were not announced"))
    if faults:
        raise WrongEnvelope(
            "L'enveloppe ne correspond pas au pli reçu : corrigez les points listés, puis déposez de nouveau.",
            "The envelope does not match the bid received: mend what is listed, then deposit again.",
            errors=faults,
        )


async def _replaced(uow: Uow, bid: Bid, consultation: Consultation, arrived: datetime) -> UUID | None:
    """Give the bid that counted until now and is replaced by this one."""
    former = [each.deposited for each in await store.of_depositor(uow.conn, bid.depositor, procedure=bid.procedure)
              if each.received_at is not None]  # fmt: skip
    last = max((each.order for each in former), default=0) + 1
    new = Deposit(bid.id, bid.depositor, frozenset(bid.lots), arrived, last)
    before = standings(former, consultation.deadline)
    now = standings([*former, new], consultation.deadline)
    gone = [each for each in before if before[each] is Standing.COUNTS and now[each] is Standing.SUPERSEDED]
    return gone[-1] if gone else None


async def _record_withdrawal(uow: Uow, actor: Actor, bid_id: UUID) -> Receipt:
    procedure = (await own_bid(uow.conn, actor, bid_id)).procedure
    consultation = await consultation_store.share(uow.conn, procedure)
    bid = await own_bid(uow.conn, actor, bid_id, lock=True)
    if consultation is None:
        raise consultations.unknown()
    if bid.state is BidState.WITHDRAWN and (known := await receipts.find(uow.conn, bid.id, "withdrawal")):
        return known
    state = after(BID, bid.state, "withdraw")
    now = to_second(uow.now())
    if is_late(now, consultation.deadline):
        hour = french_hour(consultation.deadline, consultation.zone)
        raise AfterDeadline(
            f"Un pli ne se retire plus après la date limite : {hour}.",
            f"A bid cannot be withdrawn after the deadline: {consultation.deadline.isoformat()}.",
        )
    version = await store.set_state(uow.conn, bid.id, state)
    files = await store.files(uow.conn, bid.id)
    statement = _statement(bid, consultation, files, "withdrawal", now)
    receipt = await receipts.add(uow.conn, statement)
    attempt = await store.begin_attempt(uow.conn, bid, "withdrawal", now)
    await store.end_attempt(uow.conn, attempt, now, 0, "complete")
    uow.audit("withdraw_bid", str(bid.id))
    uow.emit(events.withdrawn(bid, consultation, statement, version=version, occurred_at=now))
    return receipt


def _statement(bid: Bid, consultation: Consultation, files: list[BidFile], act: str, at: datetime) -> ReceiptStatement:
    notice = consultation.notice
    documents = [
        ReceiptDocument(number=each.number, name=each.name, size=each.size, sha256=str(each.sha256)) for each in files
    ]
    return ReceiptStatement.model_validate(
        {
            "act": act,
            "receipt_id": uuid4(),
            "bid_id": bid.id,
            "depositor": PartyName(organisation=bid.depositor, name=bid.depositor_name),
            "buyer": PartyName(organisation=consultation.buyer, name=notice.buyer.name),
            "procedure": bid.procedure,
            "title": notice.title,
            "object": notice.description or notice.title,
            "lots": bid.lots,
            "received_at": legal_time(at, consultation.zone),
            "time_zone": consultation.zone.key,
            "documents": documents,
            "envelope_sha256": bid.envelope_sha256,
            "key_fingerprint": consultation.keys.fingerprint,
        }
    )
