"""Events of the notices service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, DocumentReference, Event, Message, Money, OrganisationId, Sha256

__all__ = [
    "AnswerPublishedV1", "Buyer", "Change", "ConcessionRevenue", "Criterion", "DesignContest", "Lot",
    "LotAbandonedV1", "LotClosedV1", "LotContract", "LotResult", "LotTerms", "LotUnsuccessfulV1", "Modification", "Notice",
    "NoticePublishedV1", "OpeningKey", "OpeningKeySet", "OpeningRules", "Place", "ProcedureClosedV1",
    "ProcedureResumedV1", "ProcedureSuspendedV1", "QuestionAskedV1", "RequiredDocument", "Technique", "Winner",
    "key_set_fingerprint",
]  # fmt: skip

NoticeKind = Literal["planning", "contract", "award", "change"]
Nature = Literal["works", "supplies", "services"]
ContractKind = Literal["marche", "concession"]
Technique = Literal[
    "framework",
    "dynamic-purchasing",
    "design-contest",
    "qualification-system",
    "electronic-catalogue",
    "electronic-auction",
]
"""The techniques of purchase (L2125-1 CCP)."""


class Buyer(Message):
    """The contracting authority as the notice names it."""

    organisation: OrganisationId
    name: str
    city: str | None = None
    postal_code: str | None = None
    department: str | None = Field(default=None, description="French department code as text: 01, 2A, 971")
    legal_type: str | None = Field(default=None, description="eForms buyer-legal-type, BT-11")


class Place(Message):
    """A place of performance."""

    country: str = Field(default="FRA", description="ISO 3166-1 alpha-3, BT-5141")
    nuts: str | None = Field(default=None, description="NUTS level 3, BT-5071")
    department: str | None = None
    city: str | None = None
    postal_code: str | None = None


class Criterion(Message):
    """An award criterion (BT-539, BT-734, BT-540, BT-541)."""

    kind: Literal["price", "cost", "quality"]
    name: str
    description: str | None = None
    weight: float | None = Field(default=None, description="percent, when the notice gives one")


class LotTerms(Message):
    """The terms of a lot, in the codes of eForms; None or empty where the notice does not tell."""

    restricted_documents: bool | None = Field(default=None, description="BT-14")
    electronic_submission: Literal["required", "allowed", "not-allowed"] | None = Field(
        default=None, description="BT-17"
    )
    eu_funded: bool | None = Field(default=None, description="BT-60")
    variants: Literal["required", "allowed", "not-allowed"] | None = Field(default=None, description="BT-63")
    reserved_participation: list[str] = Field(default=[], description="reserved-procurement, BT-71")
    reserved_execution: bool | None = Field(default=None, description="sheltered employment programmes, BT-736")
    electronic_ordering: bool | None = Field(default=None, description="BT-92")
    electronic_payment: bool | None = Field(default=None, description="BT-93")
    electronic_invoicing: Literal["required", "allowed", "not-allowed"] | None = Field(
        default=None, description="BT-743"
    )
    electronic_catalogue: Literal["required", "allowed", "not-allowed"] | None = Field(
        default=None, description="BT-764"
    )
    electronic_auction: bool | None = Field(default=None, description="BT-767")
    languages: list[str] = Field(default=[], description="of submission, ISO 639-3, BT-97")
    gpa: bool | None = Field(default=None, description="Government Procurement Agreement, BT-115")
    framework: str | None = Field(default=None, description="none, fa-wo-rc (purchase orders), fa-w-rc, fa-mix; BT-765")
    framework_maximum: Money | None = Field(default=None, description="BT-271")
    framework_duration_reason: str | None = Field(
        default=None, description="why it lasts over four years (eight for contracting entities), BT-109"
    )
    framework_participants: int | None = Field(default=None, description="at most, BT-113")
    dynamic_purchasing: str | None = Field(default=None, description="none, dps-list, dps-nlist; BT-766")
    options: str | None = Field(default=None, description="BT-54")
    renewals: int | None = Field(default=None, description="at most, BT-58")
    strategic: list[str] = Field(default=[], description="env-imp, soc-obj, inn-pur; BT-06")
    social: list[str] = Field(default=[], description="social-objective, BT-775")
    environmental: list[str] = Field(default=[], description="environmental-impact, BT-774")
    innovative: list[str] = Field(default=[], description="innovative-acquisition, BT-776")
    performance: str | None = Field(default=None, description="conditions of performance of the contract, BT-70")
    strategy: str | None = Field(default=None, description="what the clauses and criteria of `strategic` are, BT-777")
    validity_days: int | None = Field(default=None, description="how long tenders bind bidders, BT-98")


class Lot(Message):
    """A lot; a procedure that is not divided has exactly one."""

    lot_id: str = Field(description="BT-137, LOT-0001")
    title: str
    description: str = ""
    nature: Nature
    cpv: list[str] = Field(min_length=1, description="8 digits each, the main one first (BT-262, BT-263)")
    places: list[Place] = []
    value: Money | None = None
    duration_months: int | None = None
    criteria: list[Criterion] = []
    framework: bool = False
    deadline: AwareDatetime | None = Field(default=None, description="of tenders (BT-131), else of requests (BT-1311)")
    terms: LotTerms | None = None


class OpeningKey(Message):
    """The public key of one opening officer. A function, not a person's name: events carry no personal data."""

    officer: str = Field(description="the officer's key name within the consultation: president, deputy...")
    public_key: str = Field(description="X25519 public key, base64url without padding")
    recovery: bool = Field(default=False, description="a recovery officer: one more share, never enough alone")
    proof: str | None = Field(
        default=None, description="proof that the officer holds the private key (docs/sealing.md), base64url"
    )


class RequiredDocument(Message):
    """A document that the buyer asks of bidders: what the completeness of a bid is checked against before its deposit."""

    kind: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$", examples=["dc1"])
    label: str = Field(min_length=1, max_length=200)
    envelope: Literal["application", "offer"]
    lots: list[str] = Field(default=[], description="none told: each lot")
    mandatory: bool = True
    valid_on_deadline: bool = Field(default=False, description="a certificate: it must be valid on the deadline")
    each_member: bool = Field(
        default=False,
        description="each member of a group gives its own, and each company whose capacities are relied upon",
    )


class OpeningRules(Message):
    """How the bids of a consultation are deposited and opened, beside the keys."""

    application: Literal["required", "optional"] = Field(
        default="optional", description="whether each lot of a bid needs an envelope of application"
    )
    order: Literal["applications-first", "offers-first"] = Field(
        default="applications-first", description="offers first in open procedures only (R2144-3, R2161-4 CCP)"
    )
    deposits_add_up: bool | None = Field(
        default=None, description="a later deposit replaces nothing; not said: so in concessions only (CE 454801)"
    )
    platform_sealing: bool = Field(default=True, description="whether bids may be sealed by the platform on the fly")
    recovery_refused: str | None = Field(
        default=None, description="why the buyer wants no recovery officer, in writing", max_length=500
    )
    documents: list[RequiredDocument] = Field(default=[], description="what each bid must hold; none told: not checked")
    one_bid_per_company: bool = Field(
        default=False, description="a company bids once for a lot, alone or in a group (R2142-21 CCP)"
    )


class OpeningKeySet(Message):
    """Who can open the bids, and how many of them are needed. Fixed and fingerprinted at publication."""

    threshold: int = Field(ge=1)
    officers: list[OpeningKey] = Field(min_length=1)
    fingerprint: Sha256
    rules: OpeningRules | None = None


def key_set_fingerprint(threshold: int, officers: Sequence[OpeningKey]) -> str:
    """Give the fingerprint of a key set: SHA-256 of its RFC 8785 JSON, officers in their order (docs/sealing.md).

    `recovery` stands in it where it is true, `proof` where there is one.
    """
    members = [
        {"officer": each.officer, "public_key": each.public_key}
        | ({"recovery": True} if each.recovery else {})
        | ({"proof": each.proof} if each.proof is not None else {})
        for each in officers
    ]
    text = json.dumps(
        {"officers": members, "threshold": threshold}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return sha256(text.encode()).hexdigest()


class Winner(Message):
    """A winner of a lot, alone or in a group."""

    organisation: OrganisationId
    name: str
    city: str | None = None
    postal_code: str | None = None
    country: str = Field(default="FRA", description="ISO 3166-1 alpha-3, BT-514")
    nuts: str | None = Field(default=None, description="NUTS level 3, BT-507")
    size: str | None = Field(default=None, description="micro, small, medium, large, sme; BT-165")


class DesignContest(Message):
    """How a design contest is judged (L2125-1, 2° CCP)."""

    jury: str = Field(description="its composition by functions: events carry no personal data")
    binding: bool = Field(default=False, description="whether its decision binds the buyer, BT-42")
    prizes: list[str] = Field(default=[], description="BT-44")


class Change(Message):
    """What a notice corrects in an earlier one."""

    notice_id: UUID | None = Field(default=None, description="the notice changed, BT-758")
    reason: str | None = Field(default=None, description="change-corig-justification, BT-140")
    description: str | None = Field(default=None, description="BT-762")


class Modification(Message):
    """A contract modified during its life (L2194-1 CCP)."""

    lot_id: str | None = None
    contract_number: str | None = Field(default=None, description="BT-150")
    reason: str | None = Field(default=None, description="modification-justification, BT-200")
    description: str | None = Field(default=None, description="BT-201, BT-202")
    value: Money | None = Field(default=None, description="of the whole contract, once modified")
    duration_months: int | None = None


class ConcessionRevenue(Message):
    """What a concession is worth to the concessionaire (R3121-1 CCP)."""

    users: Money = Field(description="paid by users, BT-162")
    buyer: Money = Field(description="paid by the buyer, BT-160")
    description: str = Field(description="how the value was computed, BT-163")


class LotContract(Message):
    """One contract of a lot that has several: that of one holder of a framework agreement, alone or in a group."""

    contract_id: UUID | None = None
    number: str | None = Field(default=None, description="the buyer's own, BT-150")
    winners: list[Winner] = []
    value: Money | None = Field(default=None, description="BT-720")
    signed_at: AwareDatetime | None = Field(default=None, description="BT-145")


class LotResult(Message):
    """The result of one lot, in an award notice."""

    lot_id: str
    outcome: Literal["awarded", "unsuccessful", "abandoned"]
    winner: OrganisationId | None = None
    winner_name: str | None = None
    value: Money | None = None
    contract_id: UUID | None = None
    tenders_received: int | None = None
    signed_at: AwareDatetime | None = None
    winners: list[Winner] = []
    reason: str | None = Field(default=None, description="of a lot without winner: non-award-justification, BT-144")
    contract_number: str | None = Field(default=None, description="BT-150")
    submissions: dict[str, int] = Field(default={}, description="tenders by kind: t-esubm, t-oth-eea (BT-760)")
    revenue: ConcessionRevenue | None = None
    contracts: list[LotContract] = Field(default=[], description="of several holders: then `winners` are all of them")


class Notice(Message):
    """The full public state of a notice."""

    notice_id: UUID
    version: int = Field(ge=1)
    kind: NoticeKind
    subtype: str = Field(description="eForms notice subtype (OPP-070), or `national` for the national form")
    language: str = Field(default="FRA", description="ISO 639-3, BT-702")
    title: str
    description: str = ""
    internal_reference: str | None = None
    buyer: Buyer
    procedure_type: str = Field(description="eForms procedure type (BT-105), or `adapted`")
    formal: bool = Field(description="formal procedure (procédure formalisée): standstill and transmission follow")
    nature: Nature
    cpv: list[str]
    places: list[Place] = []
    departments: list[str] = []
    value: Money | None = None
    published_at: AwareDatetime
    deadline: AwareDatetime | None = Field(default=None, description="end of reception of bids (BT-131)")
    lots: list[Lot] = Field(min_length=1)
    documents: list[DocumentReference] = []
    opening: OpeningKeySet | None = None
    results: list[LotResult] = []
    notice_type: str | None = Field(
        default=None, description="eForms notice type (BT-02): pin-only, pmc, cn-standard..."
    )
    contract_kind: ContractKind = "marche"
    techniques: list[Technique] = []
    change: Change | None = None
    modification: Modification | None = None
    contest: DesignContest | None = None
    framework_notice: str | None = Field(
        default=None,
        description="the notice of the framework agreement, or of the system, under which this is awarded (OPT-100)",
    )


class NoticePublishedV1(Event):
    """A notice became public."""

    type: ClassVar[str] = "notices.notice.published.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    notice: Notice


class ProcedureClosedV1(Event):
    """The deadline of a procedure passed: it takes no more bids in time."""

    type: ClassVar[str] = "notices.procedure.closed.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    notice_id: UUID
    deadline: AwareDatetime


class ProcedureSuspendedV1(Event):
    """A procedure is suspended, by the buyer or by a judge: its deadline does not close it, nothing is opened or awarded."""

    type: ClassVar[str] = "notices.procedure.suspended.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    reason: str = Field(description="review: a court was asked (L551-4 CJA); buyer: the buyer's own decision")
    explanation: str | None = None


class ProcedureResumedV1(Event):
    """A suspended procedure goes on."""

    type: ClassVar[str] = "notices.procedure.resumed.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    deadline: AwareDatetime | None = Field(default=None, description="the new one, where bids are still awaited")


class LotClosedV1(Event):
    """The deadline of one lot passed, while other lots of the procedure still take bids."""

    type: ClassVar[str] = "notices.lot.closed.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    lot_id: str
    deadline: AwareDatetime


class LotUnsuccessfulV1(Event):
    """A lot had no bid, or none that is acceptable (infructueux). The award notice makes it public."""

    type: ClassVar[str] = "notices.lot.failed.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    lot_id: str
    reason: str = Field(description="non-award-justification (BT-144): no-rece, all-rej, one-admis, other")
    explanation: str | None = None


class LotAbandonedV1(Event):
    """The buyer gives a lot up (déclaration sans suite, R2185-1 CCP): no contract will follow."""

    type: ClassVar[str] = "notices.lot.abandoned.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    lot_id: str
    reason: str = Field(description="non-award-justification (BT-144): ins-fund, chan-need, tch-pr-error, other...")
    explanation: str = Field(description="the reasons, as the candidates are told (R2185-2 CCP)")


class QuestionAskedV1(Event):
    """A company asked the buyer a question about a procedure: known to the buyer alone, without who asked, nor what."""

    type: ClassVar[str] = "notices.question.asked.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    late: bool = Field(description="after the closing of questions")


class AnswerPublishedV1(Event):
    """An answer to a question about a procedure became public, or was corrected. Never who asked, nor when."""

    type: ClassVar[str] = "notices.answer.published.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    question: str = Field(description="in the words that the buyer published")
    answer: str
    published_at: AwareDatetime = Field(description="the first time")
