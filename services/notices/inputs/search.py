"""What a search asks."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from libs.common.messages.base import OrganisationId
from libs.common.messages.notices import ContractKind, Nature, NoticeKind, Technique
from libs.common.reference import communes, regions
from libs.common.search.clauses import clauses_of
from libs.common.search.places import Box, Point
from services.notices.inputs.fields import CpvBranch, Department, FromDay, Input, PageQuery, ProcedureOrType, ToDay
from services.notices.search.criteria import Criteria, Facet, National, Near, Sort

__all__ = ["CriteriaQuery", "MapQuery", "NoticeQuery", "StatisticsQuery"]

Phase = Literal["planning", "open", "suspended", "closed", "awarded", "cancelled"]
LARGEST_RADIUS = 500
"""kilometres"""


def _known_region(code: str) -> str:
    if code not in regions.every():
        raise ValueError(
            f"« {code[:10]} » n'est pas un code de région de l'INSEE : 27 pour la Bourgogne-Franche-Comté.",
            f"'{code[:10]}' is not an INSEE region code: 27 for Bourgogne-Franche-Comté.",
        )
    return code


def _known_commune(code: str) -> str:
    if communes.get(code) is None:
        raise ValueError(
            f"« {code[:10]} » n'est pas un code de commune de l'INSEE : 21231, 2A004, 97105...",
            f"'{code[:10]}' is not an INSEE commune code: 21231, 2A004, 97105...",
        )
    return code


def _point(text: object) -> object:
    """Read the code of a commune, or a latitude and a longitude."""
    if not isinstance(text, str):
        return text
    commune = communes.get(text)
    if commune is not None and commune.latitude is not None and commune.longitude is not None:
        return Point(commune.latitude, commune.longitude)
    numbers = _degrees(text, 2)
    if numbers is None or not (-90 <= numbers[0] <= 90 and -180 <= numbers[1] <= 180):
        raise ValueError(
            "Indiquez une commune par son code INSEE (21231), ou un point : latitude,longitude en degrés (47.32,5.04).",
            "Name a commune by its INSEE code (21231), or a point: latitude,longitude in degrees (47.32,5.04).",
        )
    return Point(*numbers)


def _box(text: object) -> object:
    if not isinstance(text, str):
        return text
    numbers = _degrees(text, 4)
    if numbers is None or not all(-180 <= number <= 180 for number in numbers[::2]):
        numbers = None
    if numbers is None or not -90 <= numbers[1] <= numbers[3] <= 90:
        raise ValueError(
            "Indiquez ouest,sud,est,nord en degrés, le sud avant le nord : 4.9,47.2,5.2,47.4.",
            "Give west,south,east,north in degrees, south before north: 4.9,47.2,5.2,47.4.",
        )
    return Box(*numbers)


def _degrees(text: str, wanted: int) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == wanted and all(abs(number) <= 360 for number in numbers) else None


Region = Annotated[str, AfterValidator(_known_region)]
Commune = Annotated[str, AfterValidator(_known_commune)]
Amount = Annotated[Decimal, Field(ge=0, le=10**13, allow_inf_nan=False)]
Spot = Annotated[Point, BeforeValidator(_point, json_schema_input_type=str)]
Frame = Annotated[Box, BeforeValidator(_box, json_schema_input_type=str)]


class CriteriaQuery(Input):
    """The criteria of a search of published notices; all must hold, several values of one are alternatives."""

    q: str | None = Field(
        default=None, max_length=500, description='words, "phrases", -unwanted; accents do not matter'
    )
    cpv: list[CpvBranch] = Field(default=[], max_length=50, description="code, or its first digits: the whole branch")
    region: list[Region] = Field(
        default=[], max_length=30, description="INSEE code: 27; of performance, else the buyer's"
    )
    department: list[Department] = Field(default=[], max_length=110, description="of performance, else the buyer's")
    commune: list[Commune] = Field(
        default=[], max_length=100, description="INSEE code; of performance, else the buyer's"
    )
    near: Spot | None = Field(default=None, description="INSEE code of a commune, or latitude,longitude")
    radius: float | None = Field(
        default=None, gt=0, le=LARGEST_RADIUS, allow_inf_nan=False, description="kilometres around `near`"
    )
    bbox: Frame | None = Field(default=None, description="west,south,east,north in degrees")
    national: National | None = Field(
        default=None,
        description="notices that tell no place below the country: only them, included whatever the place asked, or excluded",
    )
    value_min: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    value_max: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    unknown_value: bool = Field(default=False, description="with a value range: those that tell no value too")
    procedure: list[ProcedureOrType] = Field(
        default=[], max_length=20, description="identifier of a procedure, or its type: open, adapted, restricted..."
    )
    nature: list[Nature] = Field(default=[], max_length=3)
    contract: list[ContractKind] = Field(default=[], max_length=2)
    technique: list[Technique] = Field(default=[], max_length=6)
    phase: list[Phase] = Field(default=[], max_length=6, description="of the purchase, as the public knows it")
    kind: list[NoticeKind] = Field(default=[], max_length=4)
    buyer: list[OrganisationId] = Field(default=[], max_length=100)
    not_buyer: list[OrganisationId] = Field(default=[], max_length=100, description="whose notices are left out")
    deadline_after: FromDay | None = Field(default=None, description="time with offset, or a day")
    deadline_before: ToDay | None = Field(default=None, description="time with offset, or a day")
    published_after: FromDay | None = Field(default=None, description="time with offset, or a day")
    published_before: ToDay | None = Field(default=None, description="time with offset, or a day")
    clause: list[Literal["social", "environmental"]] = Field(default=[], max_length=2)
    language: list[Annotated[str, Field(pattern="^[A-Z]{3}$")]] = Field(
        default=[], max_length=20, description="of the notice, ISO 639-3: FRA"
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        clauses_of(self.q or "")  # raises for more terms than are looked for
        if self.radius is not None and self.near is None:
            raise ValueError("Indiquez « near » : le centre du rayon.", "Give 'near': the centre of the radius.")
        if self.value_min is not None and self.value_max is not None and self.value_min > self.value_max:
            raise ValueError("value_min dépasse value_max.", "value_min exceeds value_max.")
        if self.unknown_value and self.value_min is None and self.value_max is None:
            raise ValueError(
                "unknown_value complète une fourchette : indiquez value_min ou value_max.",
                "unknown_value adds to a range: give value_min or value_max.",
            )
        return self

    def criteria(self) -> Criteria:
        """Give what is asked, as the search takes it."""
        return Criteria(
            words=clauses_of(self.q or ""),
            cpv=tuple(self.cpv),
            regions=tuple(self.region),
            departments=tuple(self.department),
            communes=tuple(self.commune),
            near=Near(self.near, self.radius) if self.near else None,
            box=self.bbox,
            national=self.national,
            value_min=self.value_min,
            value_max=self.value_max,
            unknown_value=self.unknown_value,
            procedure_types=tuple(each for each in self.procedure if isinstance(each, str)),
            procedures=tuple(each for each in self.procedure if isinstance(each, UUID)),
            natures=tuple(self.nature),
            contracts=tuple(self.contract),
            techniques=tuple(self.technique),
            phases=tuple(self.phase),
            kinds=tuple(self.kind),
            buyers=tuple(self.buyer),
            other_buyers=tuple(self.not_buyer),
            deadline_after=self.deadline_after,
            deadline_before=self.deadline_before,
            published_after=self.published_after,
            published_before=self.published_before,
            clauses=tuple(self.clause),
            languages=tuple(self.language),
        )


class NoticeQuery(CriteriaQuery, PageQuery):
    """A page of a search."""

    sort: Sort = Field(
        default=Sort.PUBLISHED, description="newest first; soonest deadline; words in the title (q); nearest (near)"
    )
    facets: list[Facet] = Field(
        default=[], max_length=len(Facet), description="what to count the answers by, each without its own filter"
    )

    @model_validator(mode="after")
    def _sortable(self) -> Self:
        if self.sort is Sort.RELEVANCE and not clauses_of(self.q or ""):
            raise ValueError("Le tri par pertinence demande des mots (q).", "Sorting by relevance takes words (q).")
        if self.sort is Sort.DISTANCE and self.near is None:
            raise ValueError(
                "Le tri par distance demande un point (near).", "Sorting by distance takes a point (near)."
            )
        if self.sort is not Sort.DISTANCE and self.near is not None and self.radius is None:
            raise ValueError("Indiquez le rayon en kilomètres (radius).", "Give the radius in kilometres (radius).")
        return self


class MapQuery(CriteriaQuery):
    """A part of the map, and how finely answers on it are told apart."""

    bbox: Frame = Field(description="west,south,east,north in degrees")
    zoom: int = Field(default=6, ge=0, le=18, description="as of web maps: 6 shows France, 12 a town")


class StatisticsQuery(CriteriaQuery):
    """How answers are counted over time."""

    by: Literal["day", "week", "month"] = "month"
