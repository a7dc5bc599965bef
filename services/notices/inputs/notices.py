"""A notice as a buyer writes it in the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from libs.common.actor import Actor
from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, ContractKind, DesignContest, Lot, Nature, Place, Technique
from services.notices import drafting, rules
from services.notices.amending import with_lots
from services.notices.content import Contact, Justification, NoticeContent, ReviewBody
from services.notices.inputs.amending import LotChange
from services.notices.inputs.fields import CpvCode, Description, Input, PageQuery, Region, Title, ToDay
from services.notices.inputs.lots import Amount, NewLot, NewPlace, NewResult, Text, known_code, only_lot
from services.notices.inputs.opening import NewOpening

__all__ = ["NewBuyer", "NewNotice", "NoticePatch", "ProcedureType", "VersionQuery", "VersionsQuery"]

ProcedureType = Literal[
    "adapted",
    "open",
    "restricted",
    "neg-w-call",
    "comp-dial",
    "innovation",
    "neg-wo-call",
    "oth-single",
    "oth-mult",
]
Short = Annotated[str, Field(min_length=1, max_length=400)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")]


class VersionQuery(Input):
    """The states of a notice or of a procedure up to an instant."""

    as_of: ToDay | None = Field(default=None, description="time with offset, or a day; now when absent")


class VersionsQuery(PageQuery, VersionQuery):
    """A page of the states of a notice or of a procedure up to an instant."""


class NewBuyer(Input):
    """How the buyer calls itself in the notice; its identifier is the caller's organisation."""

    name: str = Field(min_length=1, max_length=400)
    city: str | None = Field(default=None, max_length=200)
    postal_code: str | None = Field(default=None, max_length=10)
    legal_type: str | None = Field(default=None, max_length=40, description="eForms buyer-legal-type, BT-11")


class NewContest(Input):
    """How a design contest is judged (R2162-15 to R2162-26 CCP)."""

    jury: Text = Field(description="its composition by functions, no name")
    binding: bool = False
    prizes: list[Short] = Field(default=[], max_length=20)


class NewContact(Input):
    """Where bidders reach the buyer: a department, no person."""

    department: Short | None = None
    street: Short | None = None
    email: Email | None = None
    phone: str | None = Field(default=None, max_length=40, pattern=r"^\+?[0-9 ().-]{4,}$")
    url: Url | None = None
    activity: Annotated[str, AfterValidator(known_code("main-activity"))] | None = None


class NewReview(Input):
    """The court that reviews the procedure."""

    name: Short
    identifier: Short | None = None
    street: Short | None = None
    city: Short | None = None
    postal_code: str | None = Field(default=None, max_length=10)
    nuts: Region | None = None
    email: Email | None = None
    phone: str | None = Field(default=None, max_length=40, pattern=r"^\+?[0-9 ().-]{4,}$")


class NewJustification(Input):
    """Why there is no call for competition (L2122-1 CCP), or why the periods are shortened."""

    code: Annotated[str, AfterValidator(known_code("direct-award-justification"))] | None = None
    text: Text


class NoticePatch(Input):
    """A change of a draft; what is absent stays."""

    deadline: AwareDatetime | None = None
    opening: NewOpening | None = None
    title: Title | None = None
    description: Description | None = None
    contact: NewContact | None = None
    review: NewReview | None = None
    justification: NewJustification | None = None
    planned_on: AwareDatetime | None = None
    documents_url: Url | None = None
    lots: list[LotChange] = Field(default=[], max_length=500)
    results: list[NewResult] = Field(default=[], max_length=2000, description="of an award notice: all of them")

    def rewritten(self, content: NoticeContent) -> NoticeContent:
        """Give a content with what eForms ask beyond its first texts. Raises InvalidInput."""
        given: dict[str, Any] = {
            name: value for name in ("planned_on", "documents_url") if (value := getattr(self, name)) is not None
        }
        for name, kind in (("contact", Contact), ("review", ReviewBody), ("justification", Justification)):
            if (told := getattr(self, name)) is not None:
                given[name] = kind.model_validate(told.model_dump())
        if self.results:
            known = {result.lot_id: result for result in content.results}
            given["results"] = [each.result(known.get(each.lot_id)) for each in self.results]
        return content.model_copy(update={**given, "lots": with_lots(content, self.lots)})


class NewNotice(Input):
    """A notice written in the platform, without eForms XML."""

    kind: Literal["planning", "contract", "award"] = "contract"
    notice_type: Literal["pin-only", "pmc"] | None = Field(
        default=None,
        description="of a planning notice: pmc is a preliminary market consultation (sourcing, R2111-1 CCP)",
    )
    title: Title
    description: Description = ""
    internal_reference: str | None = Field(default=None, max_length=100)
    buyer: NewBuyer
    contact: NewContact | None = None
    review: NewReview | None = None
    procedure_id: UUID | None = Field(
        default=None, description="an earlier procedure of the same buyer; new when absent"
    )
    procedure_type: ProcedureType = "adapted"
    accelerated: bool = False
    justification: NewJustification | None = None
    features: Text | None = Field(default=None, description="the main features of the procedure, BT-88")
    contract_kind: ContractKind = "marche"
    techniques: list[Technique] = Field(default=[], max_length=6)
    contest: NewContest | None = None
    framework_notice: str | None = Field(
        default=None,
        max_length=200,
        description="of a subsequent contract or a specific one: the notice of its framework agreement or system",
    )
    nature: Nature
    cpv: list[CpvCode] = Field(min_length=1, max_length=50)
    places: list[NewPlace] = Field(default=[], max_length=100)
    value: Amount | None = None
    deadline: AwareDatetime | None = None
    planned_on: AwareDatetime | None = Field(default=None, description="when the contract notice is planned, BT-127")
    previous: list[str] = Field(default=[], max_length=20, description="the planning notices it follows, BT-125")
    lots: list[NewLot] = Field(default=[], max_length=500)
    results: list[NewResult] = Field(default=[], max_length=2000)
    opening: NewOpening | None = None
    documents_url: Url | None = None
    electronic: bool = True

    @model_validator(mode="after")
    def _own_lots(self) -> Self:
        if len({lot.lot_id for lot in self.lots}) < len(self.lots):
            raise ValueError("Deux lots portent le même identifiant.", "Two lots have the same identifier.")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.notice_type is not None and self.kind != "planning":
            raise ValueError(
                "Seul un avis de pré-information (planning) précise notice_type.",
                "Only a planning notice has a notice_type.",
            )
        if bool(self.results) != (self.kind == "award"):
            raise ValueError(
                "Un avis d'attribution dit ses résultats, et lui seul.",
                "An award notice says its results, and it alone.",
            )
        return self

    def content(self, actor: Actor, at: datetime) -> NoticeContent:
        """Give the content of the draft, for the caller's organisation, under the rules of the day of an instant at its place."""
        drafted = NoticeContent.model_validate(self._said() | self._made(actor))
        formal = self.procedure_type != "adapted" or rules.is_formal(drafting.situation(drafted, drafted.legal_day(at)))
        return drafted.model_copy(update={"formal": formal and self.notice_type != "pmc"})

    def _said(self) -> dict[str, Any]:
        """Give what is taken as it is written."""
        names = {
            "kind", "title", "description", "internal_reference", "procedure_type", "accelerated", "features",
            "contract_kind", "framework_notice", "nature", "deadline", "planned_on", "previous", "documents_url",
            "electronic", "notice_type",
        }  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def _made(self, actor: Actor) -> dict[str, Any]:
        """Give what is made of what is written."""
        department = drafting.department_of(self.buyer.postal_code, None, "FRA")
        buyer = Buyer(organisation=actor.organisation, department=department, **self.buyer.model_dump())
        places = [place.place() for place in self.places]
        lots = self._lots(places)
        return {
            "subtype": "E1" if self.notice_type == "pmc" else "national",
            "buyer": buyer,
            "formal": False,
            "cpv": list(dict.fromkeys(self.cpv)),
            "places": places,
            "departments": drafting.departments_of([*places, *self._lot_places()], buyer),
            "value": self._value(),
            "lots": lots,
            "results": [result.result() for result in self.results],
            "opening": self.opening.key_set() if self.opening else None,
            "techniques": _techniques(self.techniques, lots),
            "contest": DesignContest(**self.contest.model_dump()) if self.contest else None,
            "contact": Contact(**self.contact.model_dump()) if self.contact else None,
            "review": ReviewBody(**self.review.model_dump()) if self.review else None,
            "justification": Justification(**self.justification.model_dump()) if self.justification else None,
        }

    def _lot_places(self) -> list[Place]:
        return [place.place() for lot in self.lots for place in lot.places]

    def _value(self) -> Money | None:
        """Give the value of the whole: as written, else the sum of the lots when each tells its own."""
        amounts = [lot.value for lot in self.lots]
        total = self.value or (sum(filter(None, amounts)) if amounts and all(amounts) else None)
        return Money.model_validate({"amount": total}) if total else None

    def _lots(self, places: list[Place]) -> list[Lot]:
        if self.lots:
            made = [lot.lot(self.nature, self.cpv) for lot in self.lots]
            every = "framework" in self.techniques and not any(lot.framework for lot in made)
            return [lot.model_copy(update={"framework": True}) for lot in made] if every else made
        said = {name: getattr(self, name) for name in ("title", "description", "nature", "cpv")}
        value = Money(amount=self.value) if self.value else None
        return [only_lot(said, places=places, value=value, framework="framework" in self.techniques)]


def _techniques(named: list[Technique], lots: list[Lot]) -> list[Technique]:
    """Give the techniques, with those that the terms of the lots say."""
    found: list[Technique] = list(named)
    for lot in lots:
        terms = lot.terms
        if lot.framework:
            found.append("framework")
        if terms is not None and terms.dynamic_purchasing not in {None, "none"}:
            found.append("dynamic-purchasing")
        if terms is not None and terms.electronic_auction:
            found.append("electronic-auction")
        if terms is not None and terms.electronic_catalogue in {"required", "allowed"}:
            found.append("electronic-catalogue")
    return list(dict.fromkeys(found))
