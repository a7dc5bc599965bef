"""What happened, as the messages other services and the parties read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.bids import (
    AwardDecidedV1,
    BidDepositedV1,
    BidsOpenedV1,
    BidWithdrawnV1,
    Contract,
    ContractNotifiedV1,
    ContractSignedV1,
    ContractSubmittedV1,
    LetterSentV1,
)
from libs.common.messages.rounds import MessageSentV1
from services.bids.domain.time import is_late
from services.bids.sealing.receipt import ReceiptStatement
from services.bids.store.awards import Award, Letter
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.contracts import ContractRow
from services.bids.store.openings import Opening

__all__ = ["Counted", "award_decided", "contract_notified", "contract_signed", "contract_submitted", "deposited", "letter_sent",
           "message_sent", "opened", "withdrawn"]  # fmt: skip


def deposited(
    bid: Bid, consultation: Consultation, statement: ReceiptStatement, *, version: int, occurred_at: datetime
) -> BidDepositedV1:
    """A bid was received."""
    return BidDepositedV1(
        aggregate_id=bid.id,
        aggregate_version=version,
        organisation=bid.depositor,
        buyer=consultation.buyer,
        procedure=consultation.procedure,
        occurred_at=occurred_at,
        bid_id=bid.id,
        lots=list(bid.lots),
        received_at=statement.received_at,
        late=is_late(statement.received_at, consultation.deadline),
        replaces=statement.replaces,
        manifest_sha256=statement.envelope_sha256,
        receipt_id=statement.receipt_id,
    )


def withdrawn(
    bid: Bid, consultation: Consultation, statement: ReceiptStatement, *, version: int, occurred_at: datetime
) -> BidWithdrawnV1:
    """A bid was withdrawn."""
    return BidWithdrawnV1(
        aggregate_id=bid.id,
        aggregate_version=version,
        organisation=bid.depositor,
        buyer=consultation.buyer,
        procedure=consultation.procedure,
        occurred_at=occurred_at,
        bid_id=bid.id,
        withdrawn_at=statement.received_at,
        receipt_id=statement.receipt_id,
    )


@dataclass(frozen=True)
class Counted:
    """What a completed opening found."""

    report_sha256: str
    at: datetime
    envelopes: Mapping[str, int]
    """How many envelopes, by what came of them."""
    officers: tuple[str, ...]


def opened(opening: Opening, consultation: Consultation, *, version: int, counted: Counted) -> BidsOpenedV1:
    """The envelopes of a stage were opened."""
    return BidsOpenedV1(
        aggregate_id=opening.id,
        aggregate_version=version,
        organisation=consultation.buyer,
        procedure=consultation.procedure,
        occurred_at=counted.at,
        opened=counted.envelopes["opened"],
        superseded=counted.envelopes["superseded"],
        late=counted.envelopes["late"],
        officers=list(counted.officers),
        report_sha256=counted.report_sha256,
        stage=opening.stage,
        lots=list(opening.statement.lots),
    )


def award_decided(award: Award, consultation: Consultation, winner: str, value: Money) -> AwardDecidedV1:
    """A winner was chosen."""
    return AwardDecidedV1(
        aggregate_id=award.id,
        aggregate_version=1,
        organisation=consultation.buyer,
        procedure=consultation.announced,
        occurred_at=award.decided_at,
        lot_id=award.lot,
        winner=winner,
        value=value,
        standstill_until=award.standstill_until,
    )


def letter_sent(letter: Letter) -> LetterSentV1:
    """A letter waits for its addressee."""
    return LetterSentV1(
        aggregate_id=letter.id,
        aggregate_version=1,
        organisation=letter.addressee,
        buyer=letter.buyer,
        procedure=letter.procedure,
        occurred_at=letter.sent_at,
        letter_id=letter.id,
        kind=cast("Literal['award', 'rejection', 'notification', 'receipt']", letter.kind),
        subject=letter.subject,
        sha256=letter.sha256,
    )


def message_sent(letter: Letter) -> MessageSentV1:
    """A letter of the platform in the buyer's name, or to the buyer, waits for its addressee."""
    return MessageSentV1(
        aggregate_id=letter.id,
        aggregate_version=1,
        organisation=letter.addressee,
        buyer=letter.buyer,
        procedure=letter.procedure,
        occurred_at=letter.sent_at,
        letter_id=letter.id,
        kind=letter.kind,
        sha256=letter.sha256,
    )


def contract_submitted(
    row: ContractRow, document: DocumentReference, *, version: int, at: datetime
) -> ContractSubmittedV1:
    """A contract enters the buyer's signature circuit."""
    return ContractSubmittedV1(
        aggregate_id=row.id,
        aggregate_version=version,
        organisation=row.buyer,
        procedure=row.procedure,
        occurred_at=at,
        contract_id=row.id,
        title=row.content.title,
        document=document,
    )


def contract_signed(
    row: ContractRow, contract: Contract, documents: list[DocumentReference], *, version: int, at: datetime
) -> ContractSignedV1:
    """Both parties signed."""
    return ContractSignedV1(
        aggregate_id=row.id,
        aggregate_version=version,
        organisation=row.buyer,
        procedure=row.procedure,
        occurred_at=at,
        contract=contract,
        notice_documents=documents,
    )


def contract_notified(row: ContractRow, contract: Contract, *, version: int, at: datetime) -> ContractNotifiedV1:
    """The winner acknowledged the notification."""
    return ContractNotifiedV1(
        aggregate_id=row.id,
        aggregate_version=version,
        organisation=row.buyer,
        procedure=row.procedure,
        occurred_at=at,
        contract=contract,
    )
