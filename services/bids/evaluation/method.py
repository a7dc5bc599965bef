"""How the bids of a lot are scored: criteria, sub-criteria, weights, formulas, rounding, ties; as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.errors import FieldError
from libs.common.messages.notices import Criterion as Announced

__all__ = ["Criterion", "Formula", "Method", "Step", "weight_faults"]

Formula = Literal["proportional", "linear", "steps", "marks"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Weight = Annotated[Decimal, Field(gt=0, le=100, max_digits=7, decimal_places=4)]
_HUNDRED = Decimal(100)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step: figures up to this one (included) get this share of the points."""

    up_to: Decimal = Field(ge=0, max_digits=18, decimal_places=4)
    share: Decimal = Field(ge=0, le=1, max_digits=5, decimal_places=4)


class Criterion(_Part):
    """A criterion, or a sub-criterion: its weight in points of 100, and how its points are given.

    `proportional`: weight x lowest / figure. `linear`: weight x (2 - figure / lowest), never below 0. `steps`: the share of the
    first step that reaches the figure, else 0. `marks`: weight x mean of the evaluators' marks / out_of.
    """

    name: Name
    weight: Weight
    formula: Formula = "marks"
    out_of: Decimal = Field(default=Decimal(10), gt=0, le=1000, max_digits=7, decimal_places=2)
    steps: tuple[Step, ...] = Field(default=(), max_length=50)
    parts: tuple[Criterion, ...] = Field(
        default=(), max_length=30, description="sub-criteria, whose weights make up its own"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.parts and sum(each.weight for each in self.parts) != self.weight:
            raise ValueError(f"les poids des sous-critères de « {self.name} » doivent faire {self.weight}")
        if self.parts and any(each.parts for each in self.parts):
            raise ValueError("un sous-critère ne se divise pas")
        if bool(self.steps) != (self.formula == "steps" and not self.parts):
            raise ValueError(f"« {self.name} » : les paliers vont avec la formule « steps », et elle avec eux")
        if list(self.steps) != sorted(self.steps, key=lambda each: each.up_to):
            raise ValueError(f"« {self.name} » : les paliers vont du plus bas au plus haut")
        return self

    @property
    def counted(self) -> bool:
        """Whether its points follow from a figure of the bid, the lower the better."""
        return self.formula != "marks"


class Method(_Part):
    """The method of a lot. `decimals`: of the points of each (sub-)criterion, rounded half up; totals add rounded points."""

    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=30)
    decimals: int = Field(default=2, ge=0, le=4)
    tie: Name | None = Field(
        default=None,
        description="the criterion whose points tell bids of one total apart; none: the one with the most weight",
    )
    price: Name | None = Field(
        default=None, description="the counted criterion on which abnormally low offers are looked for"
    )
    low_share: Decimal = Field(
        default=Decimal("0.8"), gt=0, lt=1, max_digits=5, decimal_places=4,
        description="flagged below this share of the mean of the other offers",
    )  # fmt: skip

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [each.name for each in self.criteria] + [part.name for each in self.criteria for part in each.parts]
        if len(set(names)) != len(names):
            raise ValueError("chaque critère et sous-critère a son propre nom")
        if sum(each.weight for each in self.criteria) != _HUNDRED:
            raise ValueError("les poids des critères doivent faire 100")
        if self.tie is not None and self.tie not in {each.name for each in self.criteria}:
            raise ValueError("le critère qui départage est l'un des critères")
        if self.price is not None and self.price not in {each.name for each in self.leaves if each.counted}:
            raise ValueError("le critère de prix est l'un de ceux qui se calculent sur un chiffre")
        return self

    @property
    def leaves(self) -> tuple[Criterion, ...]:
        """What points are given for: sub-criteria, and criteria without any."""
        return tuple(self._leaves())

    @property
    def decisive(self) -> Criterion:
        """The criterion that tells bids of one total apart."""
        if self.tie is not None:
            return next(each for each in self.criteria if each.name == self.tie)
        return max(self.criteria, key=lambda each: each.weight)

    def _leaves(self) -> Iterator[Criterion]:
        for each in self.criteria:
            yield from each.parts or (each,)


def weight_faults(method: Method, announced: Sequence[Announced]) -> list[FieldError]:
    """Hold a method to the criteria and weights of the notice, which bind the buyer (R2152-11, R2152-12 CCP).

    A notice that gives no criterion, or no weights, leaves them to the tender rules: nothing to hold to.
    """
    faults: list[FieldError] = []
    given = {each.name.casefold(): each for each in method.criteria}
    for each in announced:
        mine = given.get(each.name.casefold())
        if mine is None:
            faults.append(
                _fault(
                    f"le critère « {each.name} » de l'avis manque", f"the notice's criterion {each.name!r} is missing"
                )
            )
        elif each.weight is not None and mine.weight != Decimal(str(each.weight)):
            told = f"« {each.name} » : l'avis annonce un poids de {each.weight:g}, et non de {mine.weight:f}"
            faults.append(_fault(told, f"{each.name!r}: the notice says a weight of {each.weight:g}"))
    known = {each.name.casefold() for each in announced}
    if announced:
        faults += [
            _fault(f"« {each.name} » n'est pas un critère de l'avis", f"{each.name!r} is no criterion of the notice")
            for name, each in given.items() if name not in known
        ]  # fmt: skip
    return faults


def _fault(french: str, english: str) -> FieldError:
    return FieldError("body/criteria", french, english)
