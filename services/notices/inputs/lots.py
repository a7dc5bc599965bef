"""Lots, their terms, their criteria and their results, as a buyer writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from libs.common.messages.base import Money, OrganisationId
from libs.common.messages.notices import (
    ConcessionRevenue,
    Criterion,
    Lot,
    LotContract,
    LotResult,
    LotTerms,
    Nature,
    Place,
    Winner,
)
from services.notices import drafting
from services.notices.eforms.rules import code_list
from services.notices.inputs.fields import CpvCode, Description, Input, Region, Title

__all__ = [
    "Amount",
    "LotId",
    "NewCriterion",
    "NewLot",
    "NewPlace",
    "NewResult",
    "NewTerms",
    "Text",
    "known_code",
    "only_lot",
]

LotId = Annotated[str, Field(pattern=r"^LOT-\d{4}$")]
Amount = Annotated[Decimal, Field(gt=0, lt=Decimal(10) ** 15, decimal_places=2)]
Text = Annotated[str, Field(min_length=1, max_length=6000)]


def known_code(name: str) -> Callable[[str], str]:
    """Give the check of a code against a list of eForms."""

    def known(value: str) -> str:
        codes = code_list(name)
        if value not in codes:
            some = ", ".join(sorted(codes)[:20])
            raise ValueError(
                f"« {value[:40]} » n'est pas un code de {name} : {some}.",
                f"'{value[:40]}' is no code of {name}: {some}.",
            )
        return value

    return known


Permission = Literal["required", "allowed", "not-allowed"]
Social = Annotated[str, AfterValidator(known_code("social-objective"))]
Environmental = Annotated[str, AfterValidator(known_code("environmental-impact"))]
Innovative = Annotated[str, AfterValidator(known_code("innovative-acquisition"))]
Reserved = Annotated[str, AfterValidator(known_code("reserved-procurement"))]
Strategic = Annotated[str, AfterValidator(known_code("strategic-procurement"))]
Submission = Annotated[str, AfterValidator(known_code("received-submission-type"))]
Language = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class NewPlace(Input):
    """A place of performance."""

    country: str = Field(default="FRA", pattern=r"^[A-Z]{3}$")
    nuts: Region | None = None
    city: str | None = Field(default=None, max_length=200)
    postal_code: str | None = Field(default=None, max_length=10)

    def place(self) -> Place:
        """Give the place, with its department."""
        department = drafting.department_of(self.postal_code, self.nuts, self.country)
        return Place(
            country=self.country, nuts=self.nuts, department=department, city=self.city, postal_code=self.postal_code
        )


class NewCriterion(Input):
    """An award criterion."""

    kind: Literal["price", "cost", "quality"]
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    weight: float | None = Field(default=None, gt=0, le=100, description="percent")


class NewTerms(Input):
    """The terms of a lot, in the codes of eForms."""

    restricted_documents: bool | None = None
    electronic_submission: Permission | None = None
    eu_funded: bool | None = None
    variants: Permission | None = None
    reserved_participation: list[Reserved] = Field(default=[], max_length=5)
    reserved_execution: bool | None = None
    electronic_ordering: bool | None = None
    electronic_payment: bool | None = None
    electronic_invoicing: Permission | None = None
    electronic_catalogue: Permission | None = None
    electronic_auction: bool | None = None
    languages: list[Language] = Field(default=[], max_length=30)
    gpa: bool | None = None
    framework: Literal["none", "fa-wo-rc", "fa-w-rc", "fa-mix"] | None = Field(
        default=None, description="fa-wo-rc: purchase orders; fa-w-rc: subsequent contracts; fa-mix: both (R2162-2 CCP)"
    )
    framework_maximum: Amount | None = None
    framework_participants: int | None = Field(default=None, ge=1, le=10_000)
    framework_duration_reason: Text | None = None
    dynamic_purchasing: Literal["none", "dps-list", "dps-nlist"] | None = None
    options: Text | None = None
    renewals: int | None = Field(default=None, ge=0, le=100)
    strategic: list[Strategic] = Field(default=[], max_length=5)
    social: list[Social] = Field(default=[], max_length=20)
    environmental: list[Environmental] = Field(default=[], max_length=20)
    innovative: list[Innovative] = Field(default=[], max_length=20)
    performance: Text | None = None
    strategy: Text | None = Field(default=None, description="what the clauses and criteria of `strategic` are, BT-777")
    validity_days: int | None = Field(default=None, ge=1, le=3650, description="how long tenders bind bidders, BT-98")

    def terms(self) -> LotTerms:
        """Give the terms."""
        maximum = Money(amount=self.framework_maximum) if self.framework_maximum else None
        return LotTerms.model_validate(self.model_dump() | {"framework_maximum": maximum})


class NewLot(Input):
    """A lot."""

    lot_id: LotId
    title: Title
    description: Description = ""
    nature: Nature | None = None
    cpv: list[CpvCode] = Field(default=[], max_length=50)
    places: list[NewPlace] = Field(default=[], max_length=100)
    value: Amount | None = None
    duration_months: int | None = Field(default=None, ge=1, le=1200)
    criteria: list[NewCriterion] = Field(default=[], max_length=50)
    framework: bool = False
    deadline: AwareDatetime | None = Field(default=None, description="where it is another than the procedure's")
    terms: NewTerms | None = None

    def lot(self, nature: Nature, cpv: list[str]) -> Lot:
        """Give the lot; what it does not say is that of the procedure."""
        terms = self.terms.terms() if self.terms else None
        return Lot(
            lot_id=self.lot_id,
            title=self.title,
            description=self.description,
            nature=self.nature or nature,
            cpv=self.cpv or cpv,
            places=[place.place() for place in self.places],
            value=Money(amount=self.value) if self.value else None,
            duration_months=self.duration_months,
            criteria=[Criterion(**criterion.model_dump()) for criterion in self.criteria],
            framework=self.framework or (terms is not None and terms.framework not in {None, "none"}),
            deadline=self.deadline,
            terms=terms,
        )


def only_lot(said: dict[str, Any], **more: Any) -> Lot:  # noqa: ANN401  # members of a lot
    """Give the single lot of a procedure that is not divided."""
    return Lot.model_validate({"lot_id": "LOT-0001", **said, **more})


class NewWinner(Input):
    """A winner, alone or in a group."""

    organisation: OrganisationId
    name: str = Field(min_length=1, max_length=400)
    city: str | None = Field(default=None, max_length=200)
    postal_code: str | None = Field(default=None, max_length=10)
    country: str = Field(default="FRA", pattern=r"^[A-Z]{3}$")
    nuts: Region | None = None
    size: Annotated[str, AfterValidator(known_code("economic-operator-size"))] | None = None


class NewRevenue(Input):
    """What a concession is worth to the concessionaire."""

    users: Decimal = Field(ge=0, lt=Decimal(10) ** 15, decimal_places=2)
    buyer: Decimal = Field(ge=0, lt=Decimal(10) ** 15, decimal_places=2)
    description: Text


class NewResult(Input):
    """The result of a lot, where the platform does not know it from its own bids."""

    lot_id: str = Field(min_length=1, max_length=40)
    outcome: Literal["awarded", "unsuccessful", "abandoned"]
    winners: list[NewWinner] = Field(default=[], max_length=100)
    value: Amount | None = None
    tenders_received: int | None = Field(default=None, ge=0, le=100_000)
    signed_at: AwareDatetime | None = None
    contract_number: str | None = Field(default=None, min_length=1, max_length=16)
    reason: Annotated[str, AfterValidator(known_code("non-award-justification"))] | None = None
    submissions: dict[Submission, Annotated[int, Field(ge=0, le=100_000)]] = Field(
        default={}, description="tenders received by kind: t-esubm, t-large, t-sme, t-oth-eea, t-no-eea (BT-760)"
    )
    revenue: NewRevenue | None = None

    def result(self, known: LotResult | None = None) -> LotResult:
        """Give the result; contracts that the platform knows of the lot stay, with what is told now of their holders."""
        first = self.winners[0] if self.winners else None
        winners = [Winner.model_validate(each.model_dump()) for each in self.winners]
        return LotResult(
            lot_id=self.lot_id,
            outcome=self.outcome,
            winner=first.organisation if first else None,
            winner_name=first.name if first else None,
            winners=winners,
            value=Money(amount=self.value) if self.value else None,
            tenders_received=self.tenders_received,
            signed_at=self.signed_at,
            contract_number=self.contract_number,
            reason=self.reason,
            submissions=dict(self.submissions),
            revenue=self._revenue(),
            contract_id=known.contract_id if known else None,
            contracts=_held(known.contracts, winners) if known else [],
        )

    def _revenue(self) -> ConcessionRevenue | None:
        told = self.revenue
        if told is None:
            return None
        users, buyer = Money(amount=told.users), Money(amount=told.buyer)
        return ConcessionRevenue(users=users, buyer=buyer, description=told.description)


def _held(contracts: Sequence[LotContract], winners: Sequence[Winner]) -> list[LotContract]:
    """Give the contracts with their holders as they are told now; none where others are told than those who hold them."""
    told = {winner.organisation: winner for winner in winners}
    if {winner.organisation for contract in contracts for winner in contract.winners} != told.keys():
        return []
    return [
        contract.model_copy(update={"winners": [told[winner.organisation] for winner in contract.winners]})
        for contract in contracts
    ]
