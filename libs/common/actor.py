"""Who acts, and for which organisation: read from the bearer token, checked on every access."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from libs.common.errors import Forbidden

__all__ = ["Actor", "CompanyStanding", "OrganisationKind", "Person"]


class OrganisationKind(StrEnum):
    """What an organisation is on the platform (claim `orgs[].kind`)."""

    BUYER = "buyer"
    COMPANY = "company"
    STATE = "state"
    PARTNER = "partner"
    OPERATOR = "operator"


class CompanyStanding(StrEnum):
    """What a person is for a company, by the records of the platform."""

    UNRECORDED = "unrecorded"
    """No user of the company was ever recorded: the token says who acts for it."""
    ADMINISTRATOR = "administrator"
    DEPOSITOR = "depositor"
    READER = "reader"
    STRANGER = "stranger"
    """Users of the company are recorded, and the person is none of them now."""


@dataclass(frozen=True, slots=True)
class Person:
    """An authenticated person, whatever organisation they act for: their token may name none."""

    subject: str
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated person or machine, acting for one organisation."""

    subject: str
    """The token's `sub`: the only thing the journal keeps of a person."""
    name: str
    organisation: str
    """`SIRET:...` (see messages.base.OrganisationId)."""
    kind: OrganisationKind
    recorded: bool = False
    """Whether a record of the platform, not the token, lets the person act for it: maybe in one consultation only."""
    reads_only: bool = False
    """Whether the person is a reader of the company: nothing is done in its name."""

    def require(self, *kinds: OrganisationKind) -> None:
        """Let only these kinds of organisation pass. Raises Forbidden."""
        if self.kind not in kinds:
            wanted = ", ".join(kinds)
            raise Forbidden(
                f"Cette action est réservée aux organisations de type : {wanted}.",
                f"This action is for organisations of kind: {wanted}.",
            )

    def require_organisation(self, owner: str) -> None:
        """Let only members of the owner pass. Raises Forbidden."""
        if self.organisation != owner:
            raise Forbidden(
                "Cet objet appartient à une autre organisation.", "This object belongs to another organisation."
            )
