"""What a notice says, in the platform's own terms: the draft's content, and the public state that events carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from libs.common.calendar import Territory, territory_of
from libs.common.messages.base import DocumentReference, Message, Money
from libs.common.messages.notices import (
    Buyer,
    Change,
    ContractKind,
    DesignContest,
    Lot,
    LotResult,
    Modification,
    Nature,
    NoticeKind,
    OpeningKeySet,
    Place,
    Technique,
)
from libs.common.messages.notices import Notice as PublicNotice

__all__ = [
    "Contact",
    "EarlierModification",
    "Justification",
    "ModificationBasis",
    "NoticeContent",
    "ReviewBody",
    "UncodedLot",
    "public_notice",
]

_WITHOUT_BIDS: Final = frozenset({"10", "11", "12", "13", "14", "15", "CEI", "N10", "N11"})
"""Calls for competition that ask for expressions of interest or qualifications, not yet for bids."""


class Contact(Message):
    """Where bidders reach the buyer: a department, not a person (BT-502, BT-503, BT-505, BT-506)."""

    department: str | None = None
    street: str | None = None
    email: str | None = None
    phone: str | None = None
    url: str | None = None
    activity: str | None = None
    """Of the buyer, eForms main-activity (BT-10)."""


class ReviewBody(Message):
    """The court that reviews the procedure: its registry tells bidders of appeals (OPT-301-Lot-ReviewOrg)."""

    name: str
    identifier: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    nuts: str | None = None
    email: str | None = None
    phone: str | None = None


class Justification(Message):
    """Why there is no call for competition (BT-135, BT-136) or why the procedure is accelerated (BT-1351)."""

    code: str | None = None
    text: str | None = None


class EarlierModification(Message):
    """A modification of a contract before this one."""

    reason: str | None = None
    """BT-200"""
    amount: Decimal
    """What it added to the contract; less than zero: it shrank. Euros excluding tax."""


class ModificationBasis(Message):
    """What a modification of a contract is measured by (R2194-3, R2194-4, R2194-8 and R2194-9 CCP)."""

    initial: Money
    """Of the contract as it was awarded."""
    updated: Money | None = None
    """The same, updated by the price variation clause of the contract."""
    earlier: list[EarlierModification] = []
    """In their order."""


class UncodedLot(Lot):
    """A lot of a notice of before eForms whose form gave no CPV code: kept and shown as history, that no event tells of."""

    cpv: list[str] = Field(default=[], max_length=0)


def _uncoded(value: Any) -> Any:  # noqa: ANN401  # JSON, or a lot
    return UncodedLot.model_validate(value) if isinstance(value, dict) and value.get("cpv") == [] else value


class NoticeContent(Message):
    """Everything a notice says but its identity, its state and its documents."""

    kind: NoticeKind
    subtype: str = "national"
    language: str = "FRA"
    title: str
    description: str = ""
    internal_reference: str | None = None
    buyer: Buyer
    legal_basis: str | None = None
    procedure_type: str
    accelerated: bool = False
    formal: bool
    nature: Nature
    cpv: list[str]
    places: list[Place] = []
    departments: list[str] = []
    value: Money | None = None
    deadline: AwareDatetime | None = None
    lots: list[Annotated[Lot, BeforeValidator(_uncoded)]]
    opening: OpeningKeySet | None = None
    results: list[LotResult] = []
    documents_url: str | None = None
    electronic: bool = True
    """Whether bids may come by electronic means (BT-17)."""
    changes: str | None = None
    """The notice that this one changes (BT-758)."""
    notice_type: str | None = None
    """BT-02"""
    contract_kind: ContractKind = "marche"
    techniques: list[Technique] = []
    change: Change | None = None
    modification: Modification | None = None
    basis: ModificationBasis | None = None
    """Of a modification: what its amount is measured by, where that is public."""
    contest: DesignContest | None = None
    framework_notice: str | None = None
    """The framework agreement, or the system, under which this is awarded (OPT-100)."""
    contact: Contact | None = None
    review: ReviewBody | None = None
    justification: Justification | None = None
    features: str | None = None
    """The main features of the procedure (BT-88)."""
    planned_on: AwareDatetime | None = Field(default=None, description="of the contract notice, BT-127")
    previous: list[str] = []
    """The planning notices that this one follows (BT-125)."""

    @property
    def takes_bids(self) -> bool:
        """Whether bids or requests to participate answer this very notice."""
        return self.kind == "contract" and self.subtype not in _WITHOUT_BIDS

    @property
    def territory(self) -> Territory:
        """Whose legal time and holidays hold: the buyer's."""
        return territory_of(self.buyer.department)

    def legal_day(self, at: datetime) -> date:
        """Give the day of an instant at the buyer's place: periods, thresholds and publications are of that day."""
        return self.territory.day(at)


def public_notice(
    notice_id: UUID,
    version: int,
    content: NoticeContent,
    *,
    published_at: datetime,
    documents: Sequence[DocumentReference],
) -> PublicNotice:
    """Give the full public state of a notice, as events carry it."""
    said = {name: getattr(content, name) for name in NoticeContent.model_fields if name in PublicNotice.model_fields}
    return PublicNotice(
        notice_id=notice_id, version=version, published_at=published_at, documents=list(documents), **said
    )
