"""What the platform keeps of an eForms notice; the raw XML stays in storage, so that nothing is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from libs.common.messages.notices import LotTerms

__all__ = [
    "Amount",
    "ParsedContact",
    "ParsedContest",
    "ParsedCriterion",
    "ParsedLot",
    "ParsedModification",
    "ParsedNotice",
    "ParsedOrganisation",
    "ParsedPlace",
    "ParsedResult",
    "ParsedRevenue",
    "base_subtype",
    "is_extended",
]

_NATIONAL: Final = re.compile(r"eforms-sdk-.*#|urn:|eforms-(?!sdk\b)[a-z]{2}\b", re.IGNORECASE)


def base_subtype(subtype: str | None) -> str | None:
    """Give the subtype of the SDK that a national one extends: N16 gives 16; another is its own."""
    return subtype[1:] if subtype and subtype[0] == "N" and subtype[1:2].isdigit() else subtype


def is_extended(customisation: str | None) -> bool:
    """Say whether OPT-002 names a national extension: `eforms-sdk-1.7#urn:...`, `eforms-de-1.1`, `urn:...`."""
    return _NATIONAL.match(customisation or "") is not None


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount excluding tax, as the notice gives it."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ParsedPlace:
    """A place of performance (BT-5071, BT-5131, BT-5121, BT-5141)."""

    country: str | None = None
    nuts: str | None = None
    city: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedContact:
    """Where an organisation is reached: its department, never a person's name."""

    department: str | None = None
    """BT-16, else BT-502 where it names a department."""
    street: str | None = None
    """BT-510"""
    email: str | None = None
    """BT-506"""
    phone: str | None = None
    """BT-503"""
    url: str | None = None
    """BT-505"""


@dataclass(frozen=True, slots=True)
class ParsedOrganisation:
    """An organisation of the notice (OPT-200); contact persons are not read: they stay in the raw XML."""

    reference: str
    """ORG-0001"""
    organisation: str
    """`SIRET:...` or `NATIONAL:...`"""
    name: str
    identifier: str | None = None
    country: str | None = None
    city: str | None = None
    postal_code: str | None = None
    nuts: str | None = None
    legal_type: str | None = None
    """BT-11, for a buyer."""
    activity: str | None = None
    """BT-10, for a buyer."""
    size: str | None = None
    """BT-165, for a company: micro, small, medium, large."""
    contact: ParsedContact = ParsedContact()


@dataclass(frozen=True, slots=True)
class ParsedCriterion:
    """An award criterion (BT-539, BT-734, BT-540, BT-541)."""

    kind: str
    name: str
    description: str | None = None
    weight: float | None = None
    """Percent."""


@dataclass(frozen=True, slots=True)
class ParsedLot:
    """A lot, or a part of a planning notice."""

    lot_id: str
    title: str | None = None
    description: str | None = None
    nature: str | None = None
    cpv: tuple[str, ...] = ()
    places: tuple[ParsedPlace, ...] = ()
    value: Amount | None = None
    framework_maximum: Amount | None = None
    duration_months: int | None = None
    criteria: tuple[ParsedCriterion, ...] = ()
    framework: str | None = None
    """BT-765: none, fa-wo-rc..."""
    dynamic_purchasing: str | None = None
    """BT-766"""
    deadline: datetime | None = None
    """BT-131, else BT-1311 (requests to participate), else BT-630 (expressions of interest)."""
    documents_url: str | None = None
    """BT-15, or BT-615 where access is restricted."""
    submission_url: str | None = None
    """BT-18"""
    electronic_submission: str | None = None
    """BT-17: required, allowed, not-allowed"""
    terms: LotTerms | None = None
    previous: tuple[str, ...] = ()
    """BT-125: the planning notices that this lot follows."""
    review: str | None = None
    """OPT-301-Lot-ReviewOrg: reference of the court that reviews the procedure."""
    contest: ParsedContest | None = None


@dataclass(frozen=True, slots=True)
class ParsedRevenue:
    """What a concession is worth to the concessionaire (BT-160, BT-162, BT-163)."""

    buyer: Amount
    users: Amount
    description: str


@dataclass(frozen=True, slots=True)
class ParsedContest:
    """How a design contest is judged; the names of the jury (BT-46) are not read."""

    binding: bool
    """BT-42"""
    prizes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedResult:
    """The result of one lot (BT-142 and what it refers to)."""

    lot_id: str
    outcome: str
    """awarded, unsuccessful, abandoned, or pending (open-nw: no winner yet, the competition is still open)."""
    reason: str | None = None
    """BT-144"""
    winners: tuple[ParsedOrganisation, ...] = ()
    value: Amount | None = None
    tenders_received: int | None = None
    signed_at: datetime | None = None
    """BT-145"""
    contract_reference: str | None = None
    """BT-150"""
    contracts: tuple[str, ...] = ()
    """CON-0001: references of its contracts."""
    submissions: dict[str, int] = field(default_factory=dict)
    """BT-760: number (BT-759), but that of all tenders."""
    revenue: ParsedRevenue | None = None


@dataclass(frozen=True, slots=True)
class ParsedModification:
    """The modification of a contract (BT-200, BT-201, BT-202)."""

    contract: str | None = None
    """CON-0001: the contract that is modified."""
    previous: str | None = None
    """BT-1501(n): the award notice, or the modification before."""
    reason: str | None = None
    """BT-200"""
    explanation: str | None = None
    """BT-201"""
    description: str | None = None
    """BT-202"""


@dataclass(frozen=True, slots=True)
class ParsedNotice:
    """An eForms notice, as far as it could be read; whatever is absent or unreadable is None or empty."""

    document: str
    """CN, CAN, PIN or BRIN."""
    sdk: str | None = None
    """Customisation (OPT-002) as written."""
    sdk_version: tuple[int, int] | None = None
    notice_id: UUID | None = None
    notice_version: str | None = None
    procedure_id: UUID | None = None
    subtype: str | None = None
    notice_type: str | None = None
    form_type: str | None = None
    language: str | None = None
    legal_basis: str | None = None
    issued_at: datetime | None = None
    title: str | None = None
    description: str | None = None
    internal_reference: str | None = None
    procedure_type: str | None = None
    accelerated: bool = False
    nature: str | None = None
    cpv: tuple[str, ...] = ()
    places: tuple[ParsedPlace, ...] = ()
    value: Amount | None = None
    framework_maximum: Amount | None = None
    buyers: tuple[ParsedOrganisation, ...] = ()
    buyer_profile_url: str | None = None
    business: ParsedOrganisation | None = None
    """The company registered, in X01 and X02."""
    lots: tuple[ParsedLot, ...] = ()
    parts: bool = False
    """True when `lots` are parts of a planning notice, not yet lots."""
    results: tuple[ParsedResult, ...] = ()
    changes: str | None = None
    """BT-758: identifier of the notice that this one changes."""
    change_reason: str | None = None
    """BT-140"""
    change_description: str | None = None
    """BT-762, then BT-141: why, then what."""
    modification: ParsedModification | None = None
    features: str | None = None
    """BT-88"""
    acceleration_reason: str | None = None
    """BT-1351"""
    direct_award_code: str | None = None
    """BT-136"""
    direct_award_reason: str | None = None
    """BT-135"""
    planned_on: datetime | None = None
    """BT-127: when the contract notice is expected."""
    framework_notice: str | None = None
    """OPT-100: the notice of the framework agreement under which contracts are awarded."""
    organisations: dict[str, ParsedOrganisation] = field(default_factory=dict)

    @property
    def deadline(self) -> datetime | None:
        """The last instant at which a lot still takes tenders or requests to participate."""
        return max((lot.deadline for lot in self.lots if lot.deadline), default=None)

    @property
    def kind(self) -> str:
        """`planning`, `contract`, `award`, `change` (a correction, or a contract's modification) or `registration`."""
        if self.document == "BRIN" or self.form_type == "bri":
            return "registration"
        if self.changes or self.form_type == "cont-modif":
            return "change"
        kinds = {"planning": "planning", "consultation": "planning", "competition": "contract"}
        by_document = {"CN": "contract", "PIN": "planning", "CAN": "award"}
        if self.form_type in {"result", "dir-awa-pre", "completion"}:
            return "award"
        return kinds.get(self.form_type or "", by_document[self.document])
