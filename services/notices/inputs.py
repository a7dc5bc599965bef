"""What the API of the notices service reads: every input is checked here, and refused with what to mend."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from libs.common.actor import Actor
from libs.common.messages.base import Money, OrganisationId
from libs.common.messages.notices import (
    Buyer,
    Criterion,
    Lot,
    Nature,
    NoticeKind,
    OpeningKey,
    OpeningKeySet,
    Place,
    key_set_fingerprint,
)
from libs.common.reference import cpv as vocabulary
from libs.common.reference import departments as territory
from libs.common.reference import nuts as regions
from services.notices import drafting, rules
from services.notices.content import NoticeContent
from services.notices.eforms.rules import code_list

__all__ = ["NewNotice", "NoticePatch", "NoticeQuery", "PageQuery", "RulesQuery", "VersionQuery"]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _known_cpv(code: str) -> str:
    found = vocabulary.normalise(code)
    if found is None:
        raise ValueError(
            f"« {code[:20]} » n'est pas un code de la nomenclature CPV 2008 (8 chiffres).",
            f"'{code[:20]}' is not a CPV 2008 code (8 digits).",
        )
    return found


def _cpv_branch(code: str) -> str:
    """Give the digits that every code of a branch begins with; 2 to 8 digits or a whole code are accepted."""
    padded = code.partition("-")[0].ljust(8, "0")
    if len(code) < 2 or not vocabulary.exists(padded):
        raise ValueError(
            f"« {code[:20]} » n'est pas un code CPV ni le début d'un code (2 à 8 chiffres).",
            f"'{code[:20]}' is neither a CPV code nor the beginning of one (2 to 8 digits).",
        )
    return vocabulary.stem(padded)


def _known_department(code: str) -> str:
    if territory.get(code) is None:
        raise ValueError(
            f"« {code[:10]} » n'est pas un code de département : 01, 2A, 971...",
            f"'{code[:10]}' is not a department code: 01, 2A, 971...",
        )
    return code


def _known_region(code: str) -> str:
    if not regions.exists(code) or regions.level(code) != 3:
        raise ValueError(
            f"« {code[:10]} » n'est pas un code NUTS de niveau 3, par exemple FRC11.",
            f"'{code[:10]}' is not a NUTS level 3 code, for example FRC11.",
        )
    return code


def _whole_day(value: object, clock: str) -> object:
    if isinstance(value, str) and len(value) == 10:
        return f"{value}T{clock}+00:00"
    return value


def _known_procedure(text: str) -> UUID | str:
    if text in code_list("procurement-procedure-type") | {"adapted", "unspecified"}:
        return text
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(
            f"« {text[:40]} » n'est ni l'identifiant d'une consultation ni un type de procédure : open, adapted, restricted...",
            f"'{text[:40]}' is neither the identifier of a procedure nor a type: open, adapted, restricted...",
        ) from None


CpvCode = Annotated[str, AfterValidator(_known_cpv)]
CpvBranch = Annotated[str, AfterValidator(_cpv_branch)]
Department = Annotated[str, AfterValidator(_known_department)]
Region = Annotated[str, AfterValidator(_known_region)]
ProcedureOrType = Annotated[UUID | str, BeforeValidator(_known_procedure)]
FromDay = Annotated[AwareDatetime, BeforeValidator(lambda value: _whole_day(value, "00:00:00"))]
ToDay = Annotated[AwareDatetime, BeforeValidator(lambda value: _whole_day(value, "23:59:59"))]
Title = Annotated[str, Field(min_length=1, max_length=400)]
Description = Annotated[str, Field(max_length=6000)]


class PageQuery(_Input):
    """A page of a list."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=500)


class NoticeQuery(PageQuery):
    """A search of published notices; all criteria must hold, several values of one are alternatives."""

    q: str | None = Field(
        default=None, max_length=500, description='words, "phrases", -unwanted; accents do not matter'
    )
    cpv: list[CpvBranch] = Field(default=[], max_length=50, description="code, or its first digits: the whole branch")
    department: list[Department] = Field(default=[], max_length=110, description="of performance, else the buyer's")
    deadline_after: FromDay | None = Field(default=None, description="time with offset, or a day")
    deadline_before: ToDay | None = Field(default=None, description="time with offset, or a day")
    kind: list[NoticeKind] = Field(default=[], max_length=4)
    buyer: OrganisationId | None = None
    procedure: ProcedureOrType | None = Field(
        default=None, description="identifier of a procedure, or its type: open, adapted, restricted..."
    )


class VersionQuery(_Input):
    """The states of a notice up to an instant."""

    as_of: ToDay | None = Field(default=None, description="time with offset, or a day; now when absent")


class RulesQuery(_Input):
    """The day whose rules are asked."""

    on: date | None = Field(default=None, description="today when absent")


class NewOfficer(_Input):
    """The public key of one opening officer."""

    officer: str = Field(
        min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="a function, no name"
    )
    public_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="X25519 public key, base64url without padding")


class NewOpening(_Input):
    """Who can open the bids, and how many are needed."""

    threshold: int = Field(ge=1, le=20)
    officers: list[NewOfficer] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = {each.officer for each in self.officers}
        keys = {each.public_key for each in self.officers}
        if len(names) < len(self.officers) or len(keys) < len(self.officers):
            raise ValueError(
                "Chaque agent a un nom et une clé différents de ceux des autres.",
                "Each officer has a name and a key of its own.",
            )
        if self.threshold > len(self.officers):
            raise ValueError(
                f"Le seuil ({self.threshold}) dépasse le nombre d'agents ({len(self.officers)}).",
                f"The threshold ({self.threshold}) exceeds the number of officers ({len(self.officers)}).",
            )
        return self

    def key_set(self) -> OpeningKeySet:
        """Give the key set with its fingerprint; officers sorted by name, so that their order means nothing."""
        ordered = sorted(self.officers, key=lambda each: each.officer)
        officers = [OpeningKey(officer=each.officer, public_key=each.public_key) for each in ordered]
        fingerprint = key_set_fingerprint(self.threshold, officers)
        return OpeningKeySet(threshold=self.threshold, officers=officers, fingerprint=fingerprint)


class NoticePatch(_Input):
    """A change of a draft; what is absent stays."""

    deadline: AwareDatetime | None = None
    opening: NewOpening | None = None
    title: Title | None = None
    description: Description | None = None


class NewPlace(_Input):
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


class NewCriterion(_Input):
    """An award criterion."""

    kind: Literal["price", "cost", "quality"]
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=2000)
    weight: float | None = Field(default=None, gt=0, le=100, description="percent")


class NewLot(_Input):
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


class NewBuyer(_Input):
    """How the buyer calls itself in the notice; its identifier is the caller's organisation."""

    name: str = Field(min_length=1, max_length=400)
    city: str | None = Field(default=None, max_length=200)
    postal_code: str | None = Field(default=None, max_length=10)
    legal_type: str | None = Field(default=None, max_length=40, description="eForms buyer-legal-type, BT-11")


class NewNotice(_Input):
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
