"""Events of the bids service."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, DocumentReference, Event, Message, Money, OrganisationId, Sha256

__all__ = [
    "AwardDecidedV1",
    "BidDepositedV1",
    "BidJudgedV1",
    "BidWithdrawnV1",
    "BidsOpenedV1",
    "Contract",
    "ContractNotifiedV1",
    "ContractSignedV1",
    "ContractSubmittedV1",
    "DepositorInformedV1",
    "EssentialData",
    "IncidentDeclaredV1",
    "LetterSentV1",
    "LotScoredV1",
    "Party",
    "RequestAnsweredV1",
    "RequestSentV1",
    "RequestSettledV1",
]


class Party(Message):
    """A company of a contract or an award."""

    organisation: OrganisationId
    name: str
    city: str | None = None
    postal_code: str | None = None
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2, where its identifier tells it")
    size: str | None = Field(default=None, description="micro, small, medium, large; BT-165")


class EssentialData(Message):
    """What the essential data ask and no notice says; the buyer gives it at award (order of 22 December 2022).

    Values are the official ones of the DECP 2.0.3 schema, in French.
    """

    nature: str = Field(description="Marché, Marché de partenariat, Marché de défense ou de sécurité")
    ccag: str
    techniques: list[str] = Field(min_length=1)
    execution: list[str] = Field(min_length=1, description="modalitesExecution")
    price_types: list[str] = Field(min_length=1, description="typesPrix")
    price_form: str = Field(description="formePrix")
    innovative: bool
    advance: bool
    advance_rate: float | None = Field(default=None, ge=0, le=1)
    grouping: str = Field(description="typeGroupementOperateurs")
    subcontracting: bool
    social: list[str] = Field(min_length=1, description="considerationsSociales")
    environmental: list[str] = Field(min_length=1, description="considerationsEnvironnementales")
    origin_eu: float | None = Field(default=None, ge=0, le=1)
    origin_france: float | None = Field(default=None, ge=0, le=1)


class Contract(Message):
    """The full state of a contract: one a lot."""

    contract_id: UUID
    number: str = Field(min_length=1, max_length=16, description="the buyer's own contract number")
    title: str
    lot_id: str
    notice_id: UUID
    buyer_name: str
    buyer_department: str | None = None
    buyer_legal_type: str | None = None
    winners: list[Party] = Field(min_length=1)
    value: Money
    procedure_total: Money = Field(description="the sum of the lots, on which the transmission threshold is judged")
    nature: Literal["works", "supplies", "services"]
    cpv: str
    procedure_type: str
    formal: bool
    framework: bool = False
    holders: int = Field(
        default=1,
        ge=1,
        description="contracts that one decision made of the lot: a framework agreement has a contract for each holder",
    )
    framework_number: str | None = Field(
        default=None, description="of a subsequent contract: the number of its holder's framework agreement"
    )
    duration_months: int = Field(ge=1)
    place_code: str
    place_code_kind: str = Field(description="DECP typeCode: Code postal, Code commune, Code département...")
    tenders_received: int = Field(ge=1)
    submissions: dict[str, int] = Field(default={}, description="tenders received by received-submission-type, BT-760")
    awarded_at: AwareDatetime
    signed_at: AwareDatetime | None = None
    notified_at: AwareDatetime | None = None
    document: DocumentReference | None = Field(default=None, description="the signed contract (acte d'engagement)")
    essential: EssentialData


class BidDepositedV1(Event):
    """A bid was received. Its depositor knows at once; the buyer learns of it at the opening, others never."""

    type: ClassVar[str] = "bids.bid.deposited.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION
    buyer_after: ClassVar[str | None] = "bids.opening.completed.v1"

    bid_id: UUID
    lots: list[str]
    received_at: AwareDatetime
    late: bool
    replaces: UUID | None = None
    manifest_sha256: Sha256
    receipt_id: UUID


class BidWithdrawnV1(Event):
    """A bid was withdrawn by its depositor before the deadline. The buyer learns of it at the opening."""

    type: ClassVar[str] = "bids.bid.withdrawn.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION
    buyer_after: ClassVar[str | None] = "bids.opening.completed.v1"

    bid_id: UUID
    withdrawn_at: AwareDatetime
    receipt_id: UUID


class BidsOpenedV1(Event):
    """The envelopes of one stage of a procedure were opened by k of n officers; counts are of envelopes."""

    type: ClassVar[str] = "bids.opening.completed.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    opened: int
    superseded: int
    late: int
    officers: list[str]
    report_sha256: Sha256
    stage: Literal["applications", "offers"] | None = Field(default=None, description="which envelopes")
    lots: list[str] = Field(default=[], description="of which lots; none told: all")


class BidJudgedV1(Event):
    """The buyer said whether an opened bid may be ranked. Its people alone know, until the letters are sent."""

    type: ClassVar[str] = "bids.bid.judged.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    bid_id: UUID
    lot_id: str
    admissible: bool


class LotScoredV1(Event):
    """The bids of a lot were scored, or scored again. Known to the buyer only: no score, no name, no rank in it."""

    type: ClassVar[str] = "bids.lot.scored.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    lot_id: str
    scoring_version: int = Field(ge=1)
    ranked: int = Field(ge=0, description="bids that have a rank")
    set_aside: int = Field(ge=0, description="bids that are not admissible")
    flagged: int = Field(ge=0, description="bids that seem abnormally low")


class RequestSentV1(Event):
    """The buyer asks a bidder for something after the opening; `organisation` is that bidder, a letter waits for it."""

    type: ClassVar[str] = "bids.request.sent.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    lot_id: str
    kind: Literal["application", "precision", "regularisation", "explanation", "proofs"]
    due_at: AwareDatetime
    letter_id: UUID


class RequestAnsweredV1(Event):
    """A bidder answered a request of the buyer; `organisation` is that bidder."""

    type: ClassVar[str] = "bids.request.answered.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    lot_id: str
    kind: Literal["application", "precision", "regularisation", "explanation", "proofs"]
    documents: int = Field(ge=0)


class RequestSettledV1(Event):
    """The buyer said what came of a request; `organisation` is the bidder who was asked."""

    type: ClassVar[str] = "bids.request.settled.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    request_id: UUID
    lot_id: str
    kind: Literal["application", "precision", "regularisation", "explanation", "proofs"]
    outcome: Literal["accepted", "refused", "missing"]


class AwardDecidedV1(Event):
    """The buyer chose the winner of a lot. Known to the buyer only, until the letters are sent."""

    type: ClassVar[str] = "bids.award.decided.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    lot_id: str
    winner: OrganisationId
    value: Money
    standstill_until: AwareDatetime | None = Field(
        default=None, description="the first instant at which the contract may be signed (R2182-1); none if not due"
    )


class LetterSentV1(Event):
    """A letter to a bidder is at its disposal on the platform; `organisation` is the addressee."""

    type: ClassVar[str] = "bids.letter.sent.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION
    buyer_after: ClassVar[str | None] = "bids.award.decided.v1"

    letter_id: UUID
    kind: Literal["award", "rejection", "notification", "receipt"]
    subject: str
    sha256: Sha256


class ContractSubmittedV1(Event):
    """A contract signed by the winner enters the buyer's signature circuit."""

    type: ClassVar[str] = "bids.contract.submitted.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    contract_id: UUID
    title: str
    document: DocumentReference


class ContractSignedV1(Event):
    """A contract carries the signatures of both parties."""

    type: ClassVar[str] = "bids.contract.signed.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    contract: Contract
    notice_documents: list[DocumentReference] = Field(default=[], description="pieces of R2131-5 CGCT at hand")


class ContractNotifiedV1(Event):
    """The winner acknowledged the notification of the contract: it binds from that date."""

    type: ClassVar[str] = "bids.contract.notified.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    contract: Contract


class IncidentDeclaredV1(Event):
    """The operator declares an incident of the platform near the deadline of a consultation; `organisation` is its buyer."""

    type: ClassVar[str] = "bids.incident.declared.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    incident_id: UUID
    begins: AwareDatetime
    ends: AwareDatetime | None = Field(default=None, description="null while it lasts")
    what: str
    deadline: AwareDatetime
    proposed_deadline: AwareDatetime = Field(description="of the extension that the buyer may ask for")
    correction_url: str = Field(description="where a correction with the new deadline is asked for")


class DepositorInformedV1(Event):
    """A company that deposited a bid is to be told of a change or an answer; the services alone may know who did."""

    type: ClassVar[str] = "bids.depositor.informed.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    subject: Literal["change", "answer"]
    reference: UUID = Field(description="the change notice, or the question answered")
    reference_version: int = Field(ge=1, description="of the answer; 1 for a change notice")
