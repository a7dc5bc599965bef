"""What a bidder says of his bid: the kinds of its documents, his group of companies, his subcontractors."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.messages.base import OrganisationId
from services.bids.applications.identifiers import identifier_problem

__all__ = ["Application", "Document", "Group", "Kind", "Member", "Subcontractor", "concerned", "repeated"]

Short = Annotated[str, Field(min_length=1, max_length=200)]
Kind = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$", examples=["dc1"])]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Company(_Said):
    """A company by its identifier, French or foreign."""

    organisation: OrganisationId
    name: Short

    @model_validator(mode="after")
    def _identified(self) -> Self:
        problem = identifier_problem(self.organisation)
        if problem is not None:
            raise ValueError(f"{self.organisation} : {problem[0]}", f"{self.organisation}: {problem[1]}")
        return self


class Document(_Said):
    """What a file of the bid is: its number, its kind as the buyer named it, and until when it is valid."""

    file: int = Field(ge=1, description="its number in the bid")
    kind: Kind
    valid_until: date | None = Field(default=None, description="the last day of validity, of certificates")
    member: OrganisationId | None = Field(
        default=None, description="whose it is, in a group or among those relied upon; none told: the depositor's"
    )


class Member(_Company):
    """A member of a group, for all the lots of the bid or for some."""

    lots: list[Short] = Field(default=[], max_length=200, description="none told: all")


class Group(_Said):
    """A group of companies (art. R2142-19 to R2142-24 CCP)."""

    form: Literal["joint", "several"] = Field(
        description="several: each answers for his part (conjoint); joint: each answers for all (solidaire)"
    )
    mandatary: OrganisationId = Field(description="who acts for the group (mandataire): one of its members")
    mandatary_jointly_liable: bool = Field(default=False, description="of a group of the form several")
    members: list[Member] = Field(min_length=2, max_length=50)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mandatary not in {each.organisation for each in self.members}:
            raise ValueError("le mandataire est l'un des membres du groupement", "the mandatary is one of the members")
        places = Counter((each.organisation, lot) for each in self.members for lot in each.lots or ["*"])
        twice = sorted({each for (each, _), times in places.items() if times > 1})
        if twice:
            named = ", ".join(twice)
            raise ValueError(f"membre deux fois pour le même lot : {named}", f"a member twice for one lot: {named}")
        return self


class Subcontractor(_Company):
    """A subcontractor who is declared with the bid (form DC4; law of 31 December 1975)."""

    lots: list[Short] = Field(default=[], max_length=200, description="none told: all")
    services: str = Field(min_length=3, max_length=1000, description="what is subcontracted")
    amount: Decimal | None = Field(
        default=None, ge=0, max_digits=18, decimal_places=2, description="EUR, excluding tax"
    )
    direct_payment: bool = Field(default=True, description="paid by the buyer (art. R2193-10 CCP)")
    relied_upon: bool = Field(default=False, description="its capacities support the application (art. R2142-3 CCP)")


class Application(_Said):
    """All that a bidder says of his bid, replaced as a whole until the deposit."""

    documents: list[Document] = Field(default=[], max_length=1000)
    group: Group | None = None
    subcontractors: list[Subcontractor] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _each_file_once(self) -> Self:
        numbers = [each.file for each in self.documents]
        if len(set(numbers)) < len(numbers):
            raise ValueError("un fichier n'est annoncé qu'une fois", "a file is announced once")
        return self

    def companies(self, depositor: str, lots: list[str]) -> set[tuple[str, str]]:
        """Give who bids, by lot: the members of the group, else the depositor alone."""
        if self.group is None:
            return {(depositor, lot) for lot in lots}
        return {(each.organisation, lot) for each in self.group.members for lot in each.lots or lots}


def concerned(said: Application, depositor: str, lot: str) -> dict[str, str]:
    """Give who shows his capacities for a lot, by identifier and name: the members of the group, else the bidder; who is relied upon."""
    members = said.group.members if said.group else []
    named: list[Member | Subcontractor] = [*members, *(each for each in said.subcontractors if each.relied_upon)]
    found = {each.organisation: each.name for each in named if not each.lots or lot in each.lots}
    return found if said.group else {depositor: ""} | found


def repeated(bids: list[set[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Give the companies that bid more than once for a lot, alone or in groups (art. R2142-21 CCP)."""
    places = Counter(place for each in bids for place in each)
    return sorted(place for place, times in places.items() if times > 1)
