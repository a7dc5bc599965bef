"""Depositing and withdrawing a bid: the hour of the end of the upload, the receipt at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import french_hour
from libs.common.errors import Conflict, HallesError, InvalidInput, NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import events, evidence
from services.bids.domain.bids import Deposit, Standing, lot_standings
from services.bids.domain.states import BID, BidState, after
from services.bids.domain.time import is_late, legal_time, to_second
from services.bids.errors import AfterDeadline
from services.bids.evidence import Fact, FactKind, reading
from services.bids.sealing import Envelope
from services.bids.sealing.receipt import PartyName, Receipt, ReceiptDocument, ReceiptEnvelope, ReceiptStatement
from services.bids.service import consultations
from services.bids.service import receipts as sending
from services.bids.service.checking import Awaited, check_envelopes, deposit_hash
from services.bids.service.drafts import own_bid
from services.bids.service.stamping import stamp_now
from services.bids.store import bids as store
from services.bids.store import consultations as consultation_store
from services.bids.store import receipts
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.uploads.composing import complete

__all__ = ["deposit", "receipt_of", "withdraw"]


Envelopes = tuple[Envelope, ...]


async def deposit(runtime: Runtime, actor: Actor, bid_id: UUID, envelopes: Envelopes) -> Receipt:
    """Complete a deposit: called when the last byte, that of the envelopes, has arrived; that is the hour that counts.

    It is recorded first, then time-stamped: a slow authority changes neither the hour nor the deposit. The same
    envelopes again give the same receipt. Raises UnknownBid, ProcedureSuspended, LotEnded, IllegalTransition,
    WrongEnvelope.
    """
    actor.require(OrganisationKind.COMPANY)
    arrived = to_second(runtime.clock.now())
    try:
        envelopes = await complete(runtime, actor, bid_id, envelopes)
        async with runtime.uow(actor=actor) as uow:
            receipt = await _record(uow, actor, (bid_id, envelopes), arrived)
            sending.ask(uow, receipt)
    except (Conflict, InvalidInput) as error:
        await _record_refusal(runtime, actor, bid_id, error)
        raise
    return await stamp_now(runtime, receipt)


async def _record_refusal(runtime: Runtime, actor: Actor, bid_id: UUID, error: HallesError) -> None:
    """Record that a deposit was asked for and refused, and why: its bidder tried."""
    async with runtime.uow(actor=actor) as uow:
        bid = await own_bid(uow.conn, actor, bid_id)
        fact = Fact(bid.procedure, bid.id, FactKind.DEPOSIT_REFUSED, uow.now(), {"reason": error.slug})
        await evidence.record(uow.conn, fact)


async def withdraw(runtime: Runtime, actor: Actor, bid_id: UUID) -> Receipt:
    """Withdraw a deposited bid before the deadline. Raises UnknownBid, IllegalTransition, AfterDeadline."""
    actor.require(OrganisationKind.COMPANY)
    async with runtime.uow(actor=actor) as uow:
        receipt = await _record_withdrawal(uow, actor, bid_id)
        sending.ask(uow, receipt)
    return await stamp_now(runtime, receipt)


async def receipt_of(runtime: Runtime, actor: Actor, bid_id: UUID, act: str) -> Receipt:
    """Give the receipt of one's own bid; completed meanwhile if its time stamp was pending. Raises NotFound."""
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
        receipt = await receipts.find(conn, bid.id, act)
    if receipt is None:
        raise NotFound("Ce pli n'a pas d'accusé de cette sorte.", "This bid has no such receipt.")
    return receipt


async def _record(uow: Uow, actor: Actor, given: tuple[UUID, Envelopes], arrived: datetime) -> Receipt:
    bid_id, envelopes = given
    procedure = (await own_bid(uow.conn, actor, bid_id)).procedure
    consultation = await consultation_store.share(uow.conn, procedure)  # before the bid: an opening takes it alone
    bid = await own_bid(uow.conn, actor, bid_id, lock=True)
    if consultation is None:
        raise consultations.unknown()
    digest = deposit_hash(envelopes)
    again = bid.sealed_by == "platform" or bid.deposit_sha256 == digest  # the platform seals a bid once
    if again and (known := await receipts.find(uow.conn, bid.id, "deposit")):
        return known
    consultations.require_going_on(consultation, bid.lots)
    arrived = await _not_before(uow.conn, bid.id, arrived)
    sealed = replace(bid, state=after(BID, bid.state, "deposit"), deposit_sha256=digest)
    files = await store.files(uow.conn, bid.id)
    keys = await consultation_store.key_set(uow.conn, procedure, bid.key_fingerprint)
    check_envelopes(envelopes, keys.keys, Awaited(bid, tuple(await store.envelopes(uow.conn, bid.id)), tuple(files)))
    replaces = await _replaced(uow, bid, consultation, arrived)
    version = await store.deposit(uow.conn, sealed, arrived, envelopes)
    statement = await _statement(uow.conn, sealed, consultation, "deposit", arrived)
    statement = statement.model_copy(update={"replaces": replaces})
    receipt = await receipts.add(uow.conn, statement)
    uow.audit("deposit_bid", str(bid.id))
    uow.emit(events.deposited(bid, consultation, statement, version=version, occurred_at=arrived))
    return receipt


async def _not_before(conn: asyncpg.Connection, bid: UUID, arrived: datetime) -> datetime:
    """Give the hour of receipt: that of the last fact of the bid when the clock was set back meanwhile."""
    last = await reading.last_hour(conn, bid)
    return arrived if last is None else max(arrived, to_second(last))


async def _replaced(uow: Uow, bid: Bid, consultation: Consultation, arrived: datetime) -> UUID | None:
    """Give the bid that counted until now and of which this one replaces a lot; the last one, if it does so of several."""
    former = [each.deposited for each in await store.of_depositor(uow.conn, bid.depositor, procedure=bid.procedure)
              if each.received_at is not None]  # fmt: skip
    last = max((each.order for each in former), default=0) + 1
    new = Deposit(bid.id, bid.depositor, frozenset(bid.lots), arrived, last)
    before = lot_standings(former, consultation.deadline, add_up=consultation.adds_up)
    now = lot_standings([*former, new], consultation.deadline, add_up=consultation.adds_up)
    gone = [
        each
        for each in sorted(former, key=lambda one: one.order)
        for lot in each.lots
        if before[each.bid][lot] is Standing.COUNTS and now[each.bid][lot] is Standing.SUPERSEDED
    ]
    return gone[-1].bid if gone else None


async def _record_withdrawal(uow: Uow, actor: Actor, bid_id: UUID) -> Receipt:
    procedure = (await own_bid(uow.conn, actor, bid_id)).procedure
    consultation = await consultation_store.share(uow.conn, procedure)
    bid = await own_bid(uow.conn, actor, bid_id, lock=True)
    if consultation is None:
        raise consultations.unknown()
    if bid.state is BidState.WITHDRAWN and (known := await receipts.find(uow.conn, bid.id, "withdrawal")):
        return known
    state = after(BID, bid.state, "withdraw")
    now = await _not_before(uow.conn, bid.id, to_second(uow.now()))
    if is_late(now, consultation.deadline):
        hour = french_hour(consultation.deadline, consultation.zone)
        raise AfterDeadline(
            f"Un pli ne se retire plus après la date limite : {hour}.",
            f"A bid cannot be withdrawn after the deadline: {consultation.deadline.isoformat()}.",
        )
    version = await store.set_state(uow.conn, bid.id, state)
    statement = await _statement(uow.conn, bid, consultation, "withdrawal", now)
    receipt = await receipts.add(uow.conn, statement)
    uow.audit("withdraw_bid", str(bid.id))
    uow.emit(events.withdrawn(bid, consultation, statement, version=version, occurred_at=now))
    return receipt


async def _statement(
    conn: asyncpg.Connection, bid: Bid, consultation: Consultation, act: str, at: datetime
) -> ReceiptStatement:
    notice = consultation.notice
    keys = await consultation_store.key_set(conn, bid.procedure, bid.key_fingerprint)
    documents = [
        ReceiptDocument(number=each.number, name=each.name, size=each.stored or 0, sha256=str(each.sha256))
        for each in await store.files(conn, bid.id)
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
            "envelopes": [
                ReceiptEnvelope(number=each.number, kind=each.kind, lots=each.lots, sha256=str(each.sha256))
                for each in await store.envelopes(conn, bid.id)
            ],
            "envelope_sha256": bid.deposit_sha256,
            "key_fingerprint": keys.fingerprint,
            "key_version": keys.version,
            "sealed_by": bid.sealed_by,
        }
    )
