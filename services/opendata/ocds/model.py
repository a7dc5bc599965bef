"""The part of OCDS 1.1.5 that Halles publishes, with the lots extension. Absent members are left out, never null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

__all__ = [
    "LICENCE",
    "LOTS_EXTENSION",
    "Award",
    "Contract",
    "Identifier",
    "Item",
    "Lot",
    "Organization",
    "OrganizationReference",
    "Period",
    "Release",
    "Tender",
    "Value",
]

LOTS_EXTENSION = (
    "https://raw.githubusercontent.com/open-contracting-extensions/ocds_lots_extension/v1.1.5/extension.json"
)
LICENCE = "https://www.etalab.gouv.fr/licence-ouverte-open-licence"
"""Licence Ouverte 2.0, the licence of French public data (D323-2-1 CRPA)."""


def _instant(at: datetime) -> str:
    """Give an instant with as many decimals each time, so that texts compare as instants do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[AwareDatetime, PlainSerializer(_instant, return_type=str)]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Value(_Part):
    """An amount excluding tax."""

    amount: float = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Period(_Part):
    """A span of time."""

    start_date: AwareDatetime | None = None
    end_date: AwareDatetime | None = None
    duration_in_days: int | None = Field(default=None, ge=1)


class Identifier(_Part):
    """The official number of an organisation."""

    scheme: Text
    id: Text
    legal_name: Text | None = None


class Address(_Part):
    """A postal address."""

    locality: Text | None = None
    postal_code: Text | None = None
    country_name: Text | None = None


class OrganizationReference(_Part):
    """An organisation named by its place among the parties."""

    id: Text
    name: Text


class Organization(_Part):
    """A party of the procedure."""

    id: Text
    name: Text
    identifier: Identifier
    address: Address | None = None
    roles: list[Literal["buyer", "procuringEntity", "supplier"]] = Field(min_length=1)


class Classification(_Part):
    """A code of the common procurement vocabulary."""

    scheme: Literal["CPV"] = "CPV"
    id: str = Field(pattern=r"^[0-9]{8}$")
    description: Text | None = None


class Item(_Part):
    """What is bought."""

    id: Text
    description: Text | None = None
    classification: Classification
    additional_classifications: list[Classification] | None = Field(default=None, min_length=1)
    related_lot: Text | None = None


class Lot(_Part):
    """A lot (extension `lots`)."""

    id: Text
    title: Text | None = None
    description: Text | None = None
    status: Literal["planned", "active", "cancelled", "unsuccessful", "complete"]
    value: Value | None = None
    contract_period: Period | None = None


class Tender(_Part):
    """The call for bids."""

    id: Text
    title: Text
    description: Text | None = None
    status: Literal["planned", "active", "cancelled", "unsuccessful", "complete"]
    procuring_entity: OrganizationReference
    value: Value | None = None
    procurement_method: Literal["open", "selective", "limited", "direct"]
    procurement_method_details: Text | None = None
    main_procurement_category: Literal["goods", "works", "services"]
    submission_method: list[Literal["electronicSubmission"]] = Field(min_length=1)
    tender_period: Period | None = None
    items: list[Item] = Field(min_length=1)
    lots: list[Lot] = Field(min_length=1)


class Award(_Part):
    """The choice of the winners of a lot."""

    id: Text
    title: Text
    status: Literal["active"]
    date: AwareDatetime
    value: Value
    suppliers: list[OrganizationReference] = Field(min_length=1)
    items: list[Item] = Field(min_length=1)
    contract_period: Period | None = None
    related_lots: list[Text] = Field(min_length=1)


class Contract(_Part):
    """The contract of an award."""

    id: Text
    award_id: Annotated[Text, Field(alias="awardID")]
    title: Text
    status: Literal["active"]
    period: Period | None = None
    value: Value
    items: list[Item] = Field(min_length=1)
    date_signed: AwareDatetime | None = None


Tag = Literal["planning", "planningUpdate", "tender", "tenderAmendment", "tenderUpdate", "award", "contract"]


class Release(_Part):
    """What became public of a procedure, at one moment."""

    ocid: str = Field(pattern=r"^ocds-[a-z0-9]{6}-.+$")
    id: Text
    date: Instant
    tag: list[Tag] = Field(min_length=1)
    initiation_type: Literal["tender"] = "tender"
    language: str = "fr"
    parties: list[Organization] = Field(min_length=1)
    buyer: OrganizationReference
    tender: Tender | None = None
    awards: list[Award] | None = Field(default=None, min_length=1)
    contracts: list[Contract] | None = Field(default=None, min_length=1)

    def to_json(self) -> dict[str, object]:
        """Give the release as JSON values, absent members left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
