"""What a company says of itself, and what official data say of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.common.messages.base import Money

__all__ = [
    "Address",
    "Certificate",
    "CompanyData",
    "CompanyFile",
    "Origin",
    "Reference",
    "Representative",
    "Staff",
    "Turnover",
]

Short = Annotated[str, Field(min_length=1, max_length=200)]
Year = Annotated[int, Field(ge=1900, le=2200)]
CertificateKind = Literal[
    "tax", "social", "registration", "insurance-liability", "insurance-ten-year", "insolvency", "disability-employment",
    "qualification", "label", "other",
]  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(_Part):
    """A postal address."""

    street: Short
    postcode: Annotated[str, Field(min_length=1, max_length=20)]
    city: Short
    country: str = Field(default="FRA", pattern=r"^[A-Z]{3}$", description="ISO 3166-1 alpha-3")


class Representative(_Part):
    """A person who may bind the company."""

    name: Short
    role: Short
    birth_date: date | None = None


class Turnover(_Part):
    """The turnover of a financial year."""

    year: Year
    amount: Money


class Staff(_Part):
    """The mean number of people employed in a year."""

    year: Year
    people: int = Field(ge=0, le=10_000_000)


class Reference(_Part):
    """Something done before that is like what buyers ask for."""

    title: Short
    client: Short
    year: Year
    amount: Money | None = None
    description: str = Field(default="", max_length=2000)


class Certificate(_Part):
    """A certificate or an insurance, with its dates."""

    kind: CertificateKind
    issuer: Short
    number: str = Field(default="", max_length=100)
    issued_on: date
    valid_until: date | None = None
    url: str | None = Field(default=None, max_length=500, pattern=r"^https://", description="where it is verified")


class CompanyData(_Part):
    """What is known of a company; whatever is not known is left out."""

    name: Short | None = None
    legal_form: Short | None = None
    vat_number: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9A-Z]{2,13}$")] | None = None
    size: Literal["micro", "small", "medium", "large"] | None = None
    address: Address | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    telephone: Annotated[str, Field(max_length=40)] | None = None
    representatives: Annotated[list[Representative], Field(max_length=50)] | None = None
    turnover: Annotated[list[Turnover], Field(max_length=10)] | None = None
    staff: Annotated[list[Staff], Field(max_length=10)] | None = None
    references: Annotated[list[Reference], Field(max_length=200)] | None = None
    certificates: Annotated[list[Certificate], Field(max_length=100)] | None = None

    def known(self) -> dict[str, Any]:
        """Give the parts that are known."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


class Origin(_Part):
    """Who said a part, and when."""

    source: Literal["declared", "provider"]
    provider: str | None = None
    at: datetime


@dataclass(frozen=True)
class CompanyFile:
    """A version of the file of a company."""

    company: str
    version: int
    declared: CompanyData
    provided: CompanyData | None
    provider: str | None
    provided_at: datetime | None
    saved_at: datetime
    sequence: int = 0

    @property
    def effective(self) -> CompanyData:
        """What is used for bids: official data where there are any, else what the company says.

        Certificates of both are kept: the company may hold some that no administration issues.
        """
        official = self.provided.known() if self.provided else {}
        said = self.declared.known()
        both = said | official
        if "certificates" in said and "certificates" in official:
            both["certificates"] = [*official["certificates"], *said["certificates"]]
        return CompanyData.model_validate(both)

    @property
    def origins(self) -> Mapping[str, list[Origin]]:
        """Who said each part in use, and when."""
        told: dict[str, list[Origin]] = {}
        official = self.provided.known() if self.provided else {}
        for name in self.effective.known():
            if name in official and self.provided_at is not None:
                told[name] = [Origin(source="provider", provider=self.provider, at=self.provided_at)]
            if name not in official or (name == "certificates" and self.declared.certificates):
                told.setdefault(name, []).append(Origin(source="declared", at=self.saved_at))
        return told
