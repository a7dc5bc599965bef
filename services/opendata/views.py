"""What callers of the open data service read and send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.messages.base import Money, OrganisationId
from libs.common.messages.bids import EssentialData, Party
from services.opendata.decp.check import Problem
from services.opendata.domain import Essentials

__all__ = ["BuyerQuery", "Completion", "ContractQuery", "ContractView", "ReleaseQuery", "StatusView"]

Limit = Annotated[int, Field(ge=1, le=200)]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContractQuery(_Query):
    """Which contracts to list."""

    buyer: OrganisationId | None = None
    winner: OrganisationId | None = None
    procedure: UUID | None = None
    state: Literal["published", "not_applicable"] = "published"
    limit: Limit = 50
    cursor: str | None = None


class PendingQuery(_Query):
    """Which page."""

    limit: Limit = 50
    cursor: str | None = None


class BuyerQuery(_Query):
    """Whose contracts."""

    buyer: OrganisationId | None = None


class ReleaseQuery(_Query):
    """Which releases."""

    buyer: OrganisationId | None = None
    limit: Limit = 100
    cursor: str | None = None


class ContractView(_View):
    """A contract whose data are public, or not due."""

    contract_id: UUID
    uid: str
    ocid: str
    state: str
    buyer: str
    buyer_name: str
    winners: list[Party]
    title: str
    cpv: str
    value: Money
    procedure: UUID
    notified_at: AwareDatetime | None
    published_at: datetime | None
    validated_with: str | None
    reason: str | None
    reason_en: str | None
    record: dict[str, Any] | None = Field(description="the official DECP record, as published")

    @classmethod
    def of(cls, data: Essentials, ocid: str) -> Self:
        """Present a contract."""
        contract, exemption = data.contract, data.exemption
        return cls(
            contract_id=contract.contract_id,
            uid=data.uid,
            ocid=ocid,
            state=data.state,
            buyer=data.buyer,
            buyer_name=contract.buyer_name,
            winners=contract.winners,
            title=contract.title,
            cpv=contract.cpv,
            value=contract.value,
            procedure=data.procedure,
            notified_at=contract.notified_at,
            published_at=data.published_at,
            validated_with=data.validated_with,
            reason=exemption.reason if exemption else None,
            reason_en=exemption.reason_en if exemption else None,
            record=data.record,
        )


class ProblemView(_View):
    """An item that holds the publication back, by its official French name."""

    item: str
    path: str
    message: str
    message_en: str

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Present a problem."""
        return cls(item=problem.name, path=problem.pointer, message=problem.message, message_en=problem.message_en)


class StatusView(_View):
    """Where the essential data of a contract stand, for its buyer."""

    contract_id: UUID
    uid: str
    title: str
    state: str
    problems: list[ProblemView]
    warnings: list[ProblemView]
    reason: str | None
    reason_en: str | None
    validated_with: str | None
    notified_at: AwareDatetime | None
    published_at: datetime | None
    late: bool = Field(description="published more than two months after the notification")
    essential: EssentialData
    version: int

    @classmethod
    def of(cls, data: Essentials) -> Self:
        """Present where a contract stands."""
        exemption = data.exemption
        return cls(
            contract_id=data.contract.contract_id,
            uid=data.uid,
            title=data.contract.title,
            state=data.state,
            problems=[ProblemView.of(problem) for problem in data.problems],
            warnings=[ProblemView.of(problem) for problem in data.warnings],
            reason=exemption.reason if exemption else None,
            reason_en=exemption.reason_en if exemption else None,
            validated_with=data.validated_with,
            notified_at=data.contract.notified_at,
            published_at=data.published_at,
            late=data.late,
            essential=data.contract.essential,
            version=data.version,
        )


class DecpContracts(_View):
    """The contracts of an official file."""

    marche: list[dict[str, Any]] = Field(description="records of schema_decp_v2.0.3.json")


class DecpFile(_View):
    """The official file of essential data."""

    marches: DecpContracts


class Publisher(_View):
    """Who publishes a package."""

    name: str


class PackageLinks(_View):
    """Where more releases are."""

    next: str


class ReleasePackage(_View):
    """An OCDS 1.1 release package."""

    uri: str
    version: Literal["1.1"]
    published_date: AwareDatetime = Field(serialization_alias="publishedDate")
    publisher: Publisher
    license: str
    extensions: list[str]
    releases: list[dict[str, Any]] = Field(min_length=1, description="OCDS 1.1.5 releases")
    links: PackageLinks | None = None


class Completion(EssentialData):
    """The buyer's items, corrected; all of them are given anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")
