"""The page of a buyer, as the API shows it: public data only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from libs.common.messages.notices import LotResult
from services.notices.service.organisations import Organisation
from services.notices.store.organisations import AwardLine, OpenProcedure
from services.notices.views.base import View

__all__ = [
    "AwardView",
    "CountsView",
    "OpenProcedureView",
    "OrganisationContact",
    "OrganisationPlace",
    "OrganisationView",
]


class OpenProcedureView(View):
    """A procedure that takes bids."""

    procedure_id: UUID
    notice_id: UUID | None
    title: str
    deadline: datetime | None

    @classmethod
    def of(cls, row: OpenProcedure) -> Self:
        """Show a procedure."""
        return cls.model_validate(row, from_attributes=True)


class AwardView(View):
    """A public award notice."""

    notice_id: UUID
    procedure_id: UUID
    title: str
    published_at: datetime
    results: Sequence[LotResult]

    @classmethod
    def of(cls, row: AwardLine) -> Self:
        """Show an award."""
        return cls.model_validate(row, from_attributes=True)


class OrganisationPlace(View):
    """Where a buyer is."""

    street: str | None
    postal_code: str | None
    city: str | None
    department: str | None = Field(description="French department code as text: 01, 2A, 971")


class OrganisationContact(View):
    """Where it is reached: a department, not a person."""

    department_name: str | None
    email: str | None
    phone: str | None
    website: str | None


class CountsView(View):
    """How many public notices, by kind, and procedures that take bids now."""

    open_procedures: int
    planning: int
    contract: int
    award: int
    change: int


class OrganisationView(View):
    """A buyer: its own words where it keeps its page, else those of its last public notice."""

    organisation: str
    version: int = Field(description="of what it says of itself; 0 while it says nothing")
    name: str
    legal_type: str | None
    description: str
    place: OrganisationPlace
    contact: OrganisationContact
    buyer_profile: str | None
    updated_at: datetime | None = Field(description="when it last kept its page; null while its notices are read")
    last_published_at: datetime | None
    counts: CountsView
    open_procedures: list[OpenProcedureView] = Field(description="the first ten to close; all are listed apart")
    awards: list[AwardView] = Field(description="the ten newest; all are listed apart")

    @classmethod
    def of(cls, found: Organisation) -> Self:
        """Show a buyer."""
        said, numbers = found.details, found.counts
        buyer = said.buyer(found.organisation)
        return cls(
            organisation=found.organisation,
            version=found.kept.version if found.kept else 0,
            name=said.name,
            legal_type=said.legal_type,
            description=said.description,
            place=OrganisationPlace(
                street=said.street, postal_code=said.postal_code, city=said.city, department=buyer.department
            ),
            contact=OrganisationContact.model_validate(said, from_attributes=True),
            buyer_profile=said.buyer_profile,
            updated_at=found.kept.updated_at if found.kept else None,
            last_published_at=numbers.last_published_at,
            counts=CountsView(
                open_procedures=found.open_count,
                planning=numbers.planning,
                contract=numbers.contract,
                award=numbers.award,
                change=numbers.change,
            ),
            open_procedures=[OpenProcedureView.of(each) for each in found.open_procedures],
            awards=[AwardView.of(each) for each in found.awards],
        )
