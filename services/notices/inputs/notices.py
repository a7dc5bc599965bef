"""A notice as a buyer writes it in the platform."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.common.actor import Actor
from libs.common.messages.base import Money
from libs.common.messages.notices import (
    Buyer,
    Criterion,
    Lot,
    Nature,
    Place,
)
from services.notices import drafting, rules
from services.notices.content import NoticeContent
from services.notices.inputs.fields import (
    CpvCode,
    Description,
    Input,
    Region,
    Title,
    ToDay,
)
from services.notices.inputs.opening import NewOpening

__all__ = ["NewBuyer", "NewCriterion", "NewLot", "NewNotice", "NewPlace", "NoticePatch", "VersionQuery"]


class VersionQuery(Input):
    """The states of a notice up to an instant."""

    as_of: ToDay | None = Field(default=None, description="time with offset, or a day; now when absent")


class NoticePatch(Input):
    """A change of a draft; what is absent stays."""

    deadline: AwareDatetime | None = None
    opening: NewOpening | None = None
    title: Title | None = None
    description: Description | None = None


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


class NewLot(Input):
    """A lot."""

    lot_id: str = Field(pattern=r"^LOT-\d{4}$")
    title: Title
    description: Description = ""
    nature: Nature | None = None
    cpv: list[CpvCode] = Field(default=[], max_length=50)
    places: list[NewPlace] = Field(default=[], max_length=100)
    value: Decimal | None = Field(default=None, gt=0, lt=Decimal(10) ** 15, decimal_places=2)
    duration_months: int | None = Field(default=None, ge=1, le=1200)
    criteria: list[NewCriterion] = Field(default=[], max_length=50)
    framework: bool = False


class NewBuyer(Input):
    """How the buyer calls itself in the notice; its identifier is the caller's organisation."""

    name: str = Field(min_length=1, max_length=400)
    city: str | None = Field(default=None, max_length=200)
    postal_code: str | None = Field(default=None, max_length=10)
    legal_type: str | None = Field(default=None, max_length=40, description="eForms buyer-legal-type, BT-11")


class NewNotice(Input):
    """A notice written in the platform, without eForms XML."""

    kind: Literal["planning", "contract"] = "contract"
    title: Title
    description: Description = ""
    internal_reference: str | None = Field(default=None, max_length=100)
    buyer: NewBuyer
    procedure_id: UUID | None = Field(
        default=None, description="an earlier procedure of the same buyer; new when absent"
    )
    procedure_type: Literal[
        "adapted",
        "open",
        "restricted",
        "neg-w-call",
        "comp-dial",
        "innovation",
        "neg-wo-call",
        "oth-single",
        "oth-mult",
    ] = "adapted"
    nature: Nature
    cpv: list[CpvCode] = Field(min_length=1, max_length=50)
    places: list[NewPlace] = Field(default=[], max_length=100)
    value: Decimal | None = Field(default=None, gt=0, lt=Decimal(10) ** 15, decimal_places=2)
    deadline: AwareDatetime | None = None
    lots: list[NewLot] = Field(default=[], max_length=500)
    opening: NewOpening | None = None
    documents_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://\S+$")
    electronic: bool = True

    @model_validator(mode="after")
    def _own_lots(self) -> Self:
        if len({lot.lot_id for lot in self.lots}) < len(self.lots):
            raise ValueError("Deux lots portent le même identifiant.", "Two lots have the same identifier.")
        return self

    def content(self, actor: Actor, on: date) -> NoticeContent:
        """Give the content of the draft, for the caller's organisation, under the rules of a day."""
        department = drafting.department_of(self.buyer.postal_code, None, "FRA")
        buyer = Buyer(organisation=actor.organisation, department=department, **self.buyer.model_dump())
        places = [place.place() for place in self.places]
        drafted = NoticeContent(
            kind=self.kind,
            title=self.title,
            description=self.description,
            internal_reference=self.internal_reference,
            buyer=buyer,
            procedure_type=self.procedure_type,
            formal=False,
            nature=self.nature,
            cpv=list(dict.fromkeys(self.cpv)),
            places=places,
            departments=drafting.departments_of([*places, *self._lot_places()], buyer),
            value=Money(amount=self.value) if self.value else None,
            deadline=self.deadline,
            lots=[self._lot(lot) for lot in self.lots] or [self._only_lot(places)],
            opening=self.opening.key_set() if self.opening else None,
            documents_url=self.documents_url,
            electronic=self.electronic,
        )
        formal = self.procedure_type != "adapted" or rules.is_formal(drafting.situation(drafted, on))
        return drafted.model_copy(update={"formal": formal})

    def _lot_places(self) -> list[Place]:
        return [place.place() for lot in self.lots for place in lot.places]

    def _lot(self, lot: NewLot) -> Lot:
        return Lot(
            lot_id=lot.lot_id,
            title=lot.title,
            description=lot.description,
            nature=lot.nature or self.nature,
            cpv=lot.cpv or self.cpv,
            places=[place.place() for place in lot.places],
            value=Money(amount=lot.value) if lot.value else None,
            duration_months=lot.duration_months,
            criteria=[Criterion(**criterion.model_dump()) for criterion in lot.criteria],
            framework=lot.framework,
        )

    def _only_lot(self, places: list[Place]) -> Lot:
        value = Money(amount=self.value) if self.value else None
        return Lot(
            lot_id="LOT-0001", title=self.title, description=self.description, nature=self.nature, cpv=self.cpv,
            places=places, value=value,
        )  # fmt: skip
