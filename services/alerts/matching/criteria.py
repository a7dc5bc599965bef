"""The language of saved searches: what a search may ask, checked, in one canonical form.

It means what the search of published notices means (libs/common/search): a test holds both against each other.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from libs.common.messages.notices import ContractKind, Nature, Technique
from libs.common.search import clauses
from libs.common.search.clauses import Clause, Phrase
from libs.common.search.words import STOP_WORDS, fold, plain

__all__ = [
    "DEFAULT_PHASES",
    "MAX_TERMS",
    "PLACES",
    "Asked",
    "CpvPrefix",
    "Criteria",
    "Department",
    "Near",
    "Phase",
    "asked",
    "phrase",
    "unwanted",
]

MAX_TERMS: Final = 500
"""Terms of one search, all lists together; nobody reads a longer search, and each costs at every notice."""
PLACES: Final = ("departments", "regions", "communes")
"""Lists that tell where; `near` and `national` go with them."""

Phase = Literal["planning", "contract", "change", "answer", "award", "cancellation"]
"""What became public: a planned purchase, a tender, a change, an answer to a question, an award, a cancellation."""
DEFAULT_PHASES: list[Phase] = ["change", "contract", "planning"]
"""What may still be answered; who wants to know of answers, awards and cancellations asks for them."""


def _has_word(text: str) -> str:
    if not plain(text):
        raise ValueError("Ce terme ne contient aucun mot.", "This term has no word.")
    return " ".join(text.split())


def _canonical(items: list[str]) -> list[str]:
    return sorted(set(items))


def _list(value: object) -> object:
    return [] if value is None else value


def _no(value: object) -> object:
    return False if value is None else value


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_has_word)]
CpvPrefix = Annotated[str, Field(pattern=r"^[0-9]{1,8}$", description="literal prefix of the 8 digits, zeros counted")]
Department = Annotated[str, Field(pattern=r"^[0-9][0-9AB][0-9]?$", description="department code as text: 01, 2A, 971")]
Region = Annotated[str, Field(pattern=r"^[0-9]{2,3}$", description="INSEE code of a region: 27")]
Commune = Annotated[str, Field(pattern=r"^[0-9][0-9AB][0-9]{3}$", description="INSEE code of a commune: 21231")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,39}$")]
Organisation = Annotated[str, Field(min_length=3, max_length=120, description="SIRET:24210041000123")]
Amount = Annotated[Decimal, Field(ge=0, le=10**15, allow_inf_nan=False)]
Sorted = (BeforeValidator(_list), AfterValidator(_canonical))
Terms = Annotated[list[Text], *Sorted]
Flag = Annotated[bool, BeforeValidator(_no)]


class Near(BaseModel):
    """Within so many kilometres of a point (great circle, Earth radius 6371 km)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    km: float = Field(ge=0, le=20_100)


class Asked(NamedTuple):
    """What a search asks of the text."""

    criterion: str
    wanted: str
    """As its owner wrote it."""
    clause: Clause


class Criteria(BaseModel):
    """What a search asks. All given criteria must hold; lists are kept sorted so that equal searches are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    words: Terms = Field(default=[], description="each of these words, whatever its ending or accents; AMO is exact")
    any: Terms = Field(default=[], description="at least one of these")
    phrases: Terms = Field(default=[], description="each of these exact phrases; letter case and accents do not count")
    exclude: Terms = Field(default=[], alias="not", description="none of these words or exact phrases")
    cpv: Annotated[list[CpvPrefix], *Sorted] = Field(
        default=[], description="at least one CPV code begins with one of these"
    )
    either: Flag = Field(default=False, description="the words or the CPV codes suffice: buyers mistake codes")
    departments: Annotated[list[Department], *Sorted] = Field(
        default=[], description="of performance, else the buyer's"
    )
    regions: Annotated[list[Region], *Sorted] = Field(default=[], description="of performance, else the buyer's")
    communes: Annotated[list[Commune], *Sorted] = Field(default=[], description="of performance, else the buyer's")
    near: Near | None = None
    national: Literal["only", "included", "excluded"] | None = Field(
        default=None, description="notices that tell no place: only them, beside the places asked, or none of them"
    )
    value_min: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    value_max: Amount | None = Field(default=None, description="euros excluding tax, inclusive")
    unknown_value: Flag = Field(default=False, description="with a value range: notices that tell no value pass too")
    procedures: Annotated[list[Code], *Sorted] = Field(default=[], description="types: open, adapted, restricted...")
    natures: Annotated[list[Nature], *Sorted] = []
    contracts: Annotated[list[ContractKind], *Sorted] = []
    techniques: Annotated[list[Technique], *Sorted] = []
    clauses: Annotated[list[Literal["environmental", "social"]], *Sorted] = []
    languages: Annotated[list[Annotated[str, Field(pattern="^[A-Z]{3}$")]], *Sorted] = []
    buyers: Annotated[list[Organisation], *Sorted] = Field(default=[], description="published by one of these")
    not_buyers: Annotated[list[Organisation], *Sorted] = Field(default=[], description="published by none of these")
    deadline_days: int | None = Field(
        default=None, ge=0, le=365, description="the deadline is at least so many days away"
    )
    phases: Annotated[list[Phase], *Sorted] = Field(
        default=DEFAULT_PHASES,
        validate_default=True,
        description="what became public; answers, awards and cancellations only when asked for",
    )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if sum(len(value) for _, value in self if isinstance(value, list)) > MAX_TERMS:
            raise ValueError(f"Au plus {MAX_TERMS} termes par recherche.", f"At most {MAX_TERMS} terms a search.")
        if self.value_min is not None and self.value_max is not None and self.value_min > self.value_max:
            raise ValueError("value_min dépasse value_max.", "value_min exceeds value_max.")
        if self.either and not (self.cpv and (self.words or self.any or self.phrases)):
            raise ValueError(
                "« either » demande des mots et des codes CPV : l'un ou l'autre suffira.",
                "'either' takes words and CPV codes: one or the other will do.",
            )
        return self

    @property
    def selective(self) -> bool:
        """Whether it asks for something: one of nothing, of negative words or of small words only would match everything."""
        places = (self.departments, self.regions, self.communes, self.buyers)
        bounded = self.value_min is not None or self.value_max is not None
        asked = any(places) or self.near is not None or (bounded and not self.unknown_value) or self.national == "only"
        terms = [*self.words, *self.phrases]
        said = any(map(_says, terms)) or (bool(self.any) and all(map(_says, self.any)))
        return asked or bool(self.cpv and not self.either) or said

    def text(self) -> list[Asked]:
        """Give what it asks of the words of a notice, and of its codes where either will do."""
        wanted = [Asked("words", term, asked(term)) for term in self.words]
        wanted += [Asked("phrases", term, phrase(term)) for term in self.phrases]
        if self.any:
            wanted.append(Asked("any", ", ".join(self.any), clauses.one_of(self.any)))
        if self.either:
            said = " ".join(term for _, term, _ in wanted)
            wanted = [Asked("either", said, clauses.either([clause for _, _, clause in wanted], self.cpv))]
        return wanted + [Asked("not", term, unwanted(term)) for term in self.exclude]

    @classmethod
    def stored(cls, definition: dict[str, Any]) -> Criteria:
        """Read the canonical form of a search that was checked when it was kept; much faster than checking it again."""
        values = {"exclude" if name == "not" else name: value for name, value in definition.items()}
        for name in values.keys() & {"value_min", "value_max"}:
            values[name] = Decimal(values[name])
        if "near" in values:
            values["near"] = Near.model_construct(**values["near"])
        return _NOTHING.model_copy(update=values)

    def canonical(self) -> dict[str, Any]:
        """Give the one form of this search: what is not asked is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def digest(self) -> bytes:
        """Give the SHA-256 of the canonical form: equal searches of different people are one list."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True).encode()).digest()


_NOTHING: Final = Criteria()


def _says(term: str) -> bool:
    """Whether a term says more than small words do."""
    return any(word.lower() not in STOP_WORDS and fold(word) not in STOP_WORDS for word in plain(term).split())


def _known(clause: Clause | None) -> Clause:
    return clause or Clause(((Phrase(("",)),),))  # a term has a word: it was checked


@lru_cache(maxsize=100_000)
def asked(term: str) -> Clause:
    """Give the clause of a term of `words`."""
    return _known(clauses.asked(term))


@lru_cache(maxsize=100_000)
def phrase(term: str) -> Clause:
    """Give the clause of an exact phrase."""
    return _known(clauses.phrase(term))


@lru_cache(maxsize=100_000)
def unwanted(term: str) -> Clause:
    """Give the clause of a term of `not`."""
    return _known(clauses.unwanted(term))
