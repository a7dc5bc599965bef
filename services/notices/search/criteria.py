"""What a search of published notices may ask, and in which order it is answered: data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from libs.common.search.clauses import Clause
from libs.common.search.places import Box, Point

__all__ = ["FACETS", "Criteria", "Facet", "National", "Near", "Position", "Sort"]


class Sort(StrEnum):
    """The order of the answers."""

    PUBLISHED = "published"
    """Newest first."""
    DEADLINE = "deadline"
    """Soonest first; those without deadline last."""
    RELEVANCE = "relevance"
    """All words in the title, then some of them, then none; newest first among these."""
    DISTANCE = "distance"
    """Nearest first, then newest first; what stands at no point is left out."""


class National(StrEnum):
    """What becomes of notices that tell no place of performance."""

    ONLY = "only"
    INCLUDED = "included"
    EXCLUDED = "excluded"


class Facet(StrEnum):
    """What answers may be counted by."""

    CPV = "cpv"
    REGION = "region"
    DEPARTMENT = "department"
    NATURE = "nature"
    PROCEDURE = "procedure"
    PHASE = "phase"
    KIND = "kind"
    CONTRACT = "contract"
    TECHNIQUE = "technique"
    BUYER = "buyer"
    CLAUSE = "clause"
    LANGUAGE = "language"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Near:
    """Within so many kilometres of a point; without them, the point is what distances are counted from."""

    point: Point
    kilometres: float | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search: all criteria must hold, several values of one are alternatives, an empty one is not asked."""

    words: tuple[Clause, ...] = ()
    cpv: tuple[str, ...] = ()
    """Branches: first digits of codes."""
    regions: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    communes: tuple[str, ...] = ()
    near: Near | None = None
    box: Box | None = None
    national: National | None = None
    """`included`: adds them to those that the place criteria find."""
    value_min: Decimal | None = None
    value_max: Decimal | None = None
    unknown_value: bool = False
    """With a value range: notices that tell no value pass too."""
    procedure_types: tuple[str, ...] = ()
    procedures: tuple[UUID, ...] = ()
    natures: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    buyers: tuple[str, ...] = ()
    other_buyers: tuple[str, ...] = ()
    """Buyers whose notices are left out."""
    deadline_after: datetime | None = None
    deadline_before: datetime | None = None
    published_after: datetime | None = None
    published_before: datetime | None = None
    clauses: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def without(self, facet: Facet) -> Criteria:
        """Give the search without the filter of a facet: what its other values would give."""
        return replace(self, **{name: getattr(_EMPTY, name) for name in FACETS[facet]})


FACETS: Final[dict[Facet, tuple[str, ...]]] = {
    Facet.CPV: ("cpv",),
    Facet.REGION: ("regions",),
    Facet.DEPARTMENT: ("departments",),
    Facet.NATURE: ("natures",),
    Facet.PROCEDURE: ("procedure_types",),
    Facet.PHASE: ("phases",),
    Facet.KIND: ("kinds",),
    Facet.CONTRACT: ("contracts",),
    Facet.TECHNIQUE: ("techniques",),
    Facet.BUYER: ("buyers", "other_buyers"),
    Facet.CLAUSE: ("clauses",),
    Facet.LANGUAGE: ("languages",),
    Facet.VALUE: ("value_min", "value_max", "unknown_value"),
}
"""The criteria that each facet leaves out of its counts."""
_EMPTY: Final = Criteria()


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the answers: those behind it have a greater `rank`, or the same and a smaller key, or a smaller identifier."""

    rank: int
    """Of relevance: how few words are in the title. Of distance: metres. Else 0."""
    key: int
    notice: UUID
