"""What the platform keeps of an eForms notice; the raw XML stays in storage, so that nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

__all__ = [
    "Amount",
    "ParsedCriterion",
    "ParsedLot",
    "ParsedNotice",
    "ParsedOrganisation",
    "ParsedPlace",
    "ParsedResult",
]


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
    """BT-131, else BT-1311 (requests to participate)."""
    documents_url: str | None = None
    """BT-15, or BT-615 where access is restricted."""
    submission_url: str | None = None
    """BT-18"""
    electronic_submission: str | None = None
    """BT-17: required, allowed, not-allowed"""


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
    lots: tuple[ParsedLot, ...] = ()
    parts: bool = False
    """True when `lots` are parts of a planning notice, not yet lots."""
    results: tuple[ParsedResult, ...] = ()
    changes: str | None = None
    """BT-758: identifier of the notice that this one changes."""
    change_reason: str | None = None
    """BT-140"""
    modification_reason: str | None = None
    """BT-200"""
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
