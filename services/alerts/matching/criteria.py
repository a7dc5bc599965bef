"""The language of saved searches: what a search may ask, checked, in one canonical form, and in plain French."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.alerts.matching.words import phrase

__all__ = ["DEFAULT_PHASES", "MAX_TERMS", "CpvPrefix", "Criteria", "Department", "Near"]

MAX_TERMS = 500
"""Terms of one search, all lists together; nobody reads a longer search, and each costs at every notice."""

Phase = Literal["planning", "contract", "award", "change"]
DEFAULT_PHASES: list[Phase] = ["change", "contract", "planning"]
"""What may still be answered; who wants to know of awards asks for them."""


def _has_word(text: str) -> str:
    if not phrase(text):
        raise ValueError("Ce terme ne contient aucun mot.", "This term has no word.")
    return " ".join(text.split())


def _canonical(items: list[str]) -> list[str]:
    return sorted(set(items))


def _list(value: object) -> object:
    return [] if value is None else value


Term = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_has_word)]
Terms = Annotated[list[Term], BeforeValidator(_list), AfterValidator(_canonical)]
CpvPrefix = Annotated[str, Field(pattern=r"^[0-9]{1,8}$", description="literal prefix of the 8 digits, zeros counted")]
Department = Annotated[str, Field(pattern=r"^[0-9][0-9AB][0-9]?$", description="department code as text: 01, 2A, 971")]
Amount = Annotated[Decimal, Field(ge=0, le=10**15, allow_inf_nan=False)]


class Near(BaseModel):
    """Within so many kilometres of a point (great circle, Earth radius 6371 km)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    km: float = Field(ge=0, le=20_100)


class Criteria(BaseModel):
    """What a search asks. All given criteria must hold; lists are kept sorted so that equal searches are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    words: Terms = Field(default=[], description="each of these words, whatever its ending or accents")
    any: Terms = Field(default=[], description="at least one of these")
    phrases: Terms = Field(default=[], description="each of these exact phrases; letter case and accents do not count")
    exclude: Terms = Field(default=[], alias="not", description="none of these words or exact phrases")
    cpv: Annotated[list[CpvPrefix], BeforeValidator(_list), AfterValidator(_canonical)] = Field(
        default=[], description="at least one CPV code begins with one of these"
    )
    departments: Annotated[list[Department], BeforeValidator(_list), AfterValidator(_canonical)] = Field(
        default=[], description="in one of these departments"
    )
    near: Near | None = None
    value_min: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    value_max: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    unknown_value: Annotated[bool, BeforeValidator(lambda given: False if given is None else given)] = Field(
        default=False, description="with a value range: notices that tell no value pass too"
    )
    phases: Annotated[list[Phase], BeforeValidator(_list), AfterValidator(_canonical)] = Field(
        default=DEFAULT_PHASES,
        validate_default=True,
        description="kinds of notices; award notices only when asked for",
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        lists = (self.words, self.any, self.phrases, self.exclude, self.cpv, self.departments)
        if sum(map(len, lists)) > MAX_TERMS:
            raise ValueError(f"Au plus {MAX_TERMS} termes par recherche.", f"At most {MAX_TERMS} terms a search.")
        if self.value_min is not None and self.value_max is not None and self.value_min > self.value_max:
            raise ValueError("value_min dépasse value_max.", "value_min exceeds value_max.")
        return self

    @property
    def selective(self) -> bool:
        """Whether it asks for something: a search of nothing, or of negative words only, would match everything."""
        asked = (self.words, self.any, self.phrases, self.cpv, self.departments)
        bounded = self.value_min is not None or self.value_max is not None
        return any(asked) or self.near is not None or (bounded and not self.unknown_value)

    def canonical(self) -> dict[str, Any]:
        """Give the one form of this search: what is not asked is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def digest(self) -> bytes:
        """Give the SHA-256 of the canonical form: equal searches of different people are one list."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True).encode()).digest()
