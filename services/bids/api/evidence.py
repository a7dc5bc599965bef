"""Evidence: reports of what happened to bids, incidents of the platform."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, InvalidInput, NotFound
from libs.common.grants import Permission
from libs.common.http import Cursor, Page, Routes, attachment
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.documents.evidence import evidence_pdf
from services.bids.errors import BeforeDeadline, UnknownBid, UnknownConsultation
from services.bids.evidence import reading
from services.bids.evidence.attempts import Incident, incidents_of
from services.bids.evidence.proof import FactPaper
from services.bids.evidence.report import EvidenceReport
from services.bids.service import consultations, deposits, evidence, incidents, papers

__all__ = ["routes"]

routes = Routes("bids")
What = Annotated[str, Field(min_length=10, max_length=1000)]


class IncidentInput(BaseModel):
    """An incident of the platform, as the operator declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: AwareDatetime
    ends: AwareDatetime | None = Field(default=None, description="null while it lasts; declare it again with its end")
    what: What = Field(description="what did not work, in French, as buyers and bidders will read it")
    what_en: What = Field(description="the same in English")


class IncidentView(BaseModel):
    """An incident that was declared."""

    model_config = ConfigDict(frozen=True)

    incident_id: UUID
    declared_at: datetime
    begins: datetime
    ends: datetime | None
    what: str
    what_en: str

    @classmethod
    def of(cls, fact: FactPaper) -> Self:
        """Present an incident by its fact."""
        told = {name: fact.content[name] for name in ("begins", "ends", "what", "what_en")}
        return cls.model_validate({"incident_id": fact.id, "declared_at": fact.at, **told})


class Declared(BaseModel):
    """An incident, and how many consultations have a deadline near it: their buyers are told."""

    model_config = ConfigDict(frozen=True)

    incident_id: UUID
    consultations: int


class ExtensionView(BaseModel):
    """The request that extends the deadline: send `body` to `url`, verify the draft, publish it."""

    model_config = ConfigDict(frozen=True)

    method: str = Field(default="POST", description="PUT for a round")
    url: str
    body: dict[str, str]


class NearIncident(BaseModel):
    """An incident near the deadline of a consultation, with the extension its buyer may ask for."""

    model_config = ConfigDict(frozen=True)

    incident_id: UUID
    begins: datetime
    ends: datetime | None
    what: str
    extension: ExtensionView


class IncidentQuery(BaseModel):
    """A page of incidents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


@routes.get("/v1/bids/{bid_id}/evidence", errors=[UnknownBid], tag="evidence")
async def get_bid_evidence(runtime: Runtime, actor: Actor, bid_id: UUID) -> EvidenceReport:
    """Read the evidence of one's own bid: attempts, receipts, deadlines, availability (JSON, verifiable offline)."""
    return await evidence.of_bid(runtime, actor, bid_id)


@routes.get("/v1/bids/{bid_id}/evidence.pdf", errors=[UnknownBid], tag="evidence", produces=["application/pdf"])
async def get_bid_evidence_pdf(runtime: Runtime, actor: Actor, bid_id: UUID) -> web.Response:
    """Download the evidence of one's own bid as a paper sealed by the platform; the JSON report is attached to it."""
    return await _paper(runtime, await evidence.of_bid(runtime, actor, bid_id))


@routes.get(
    "/v1/consultations/{procedure}/evidence",
    errors=[UnknownConsultation, Forbidden, BeforeDeadline],
    tag="evidence",
)
async def get_evidence(runtime: Runtime, actor: Actor, procedure: UUID) -> EvidenceReport:
    """Read the evidence of all the bids of a consultation, after the deadline (JSON, verifiable offline)."""
    return await evidence.of_consultation(runtime, actor, procedure)


@routes.get(
    "/v1/consultations/{procedure}/evidence.pdf",
    errors=[UnknownConsultation, Forbidden, BeforeDeadline],
    tag="evidence",
    produces=["application/pdf"],
)
async def get_evidence_pdf(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the evidence of a consultation as a paper sealed by the platform; the JSON report is attached to it."""
    return await _paper(runtime, await evidence.of_consultation(runtime, actor, procedure))


@routes.get("/v1/bids/{bid_id}/withdrawal.pdf", errors=[UnknownBid, NotFound], tag="bids", produces=["application/pdf"])
async def get_withdrawal_pdf(runtime: Runtime, actor: Actor, bid_id: UUID) -> web.Response:
    """Download the receipt of one's own withdrawal, sealed by the platform."""
    receipt = await deposits.receipt_of(runtime, actor, bid_id, "withdrawal")
    return _download(await papers.receipt_paper(runtime, receipt), f"accuse-{receipt.statement.receipt_id}.pdf")


@routes.post("/v1/incidents", status=201, errors=[Forbidden, InvalidInput], tag="evidence")
async def declare_incident(uow: Uow, actor: Actor, body: IncidentInput) -> Declared:
    """Declare an incident of the platform; the buyers whose deadline is near are told, and may extend in one step."""
    told = incidents.Declaration(body.begins, body.ends, body.what, body.what_en)
    incident, concerned = await incidents.declare(uow, actor, told)
    return Declared(incident_id=incident.id, consultations=concerned)


@routes.get("/v1/incidents", errors=[Forbidden], tag="evidence")
async def list_incidents(runtime: Runtime, actor: Actor, query: IncidentQuery) -> Page[IncidentView]:
    """List the incidents declared, newest first; for the operator."""
    actor.require(OrganisationKind.OPERATOR)
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        found = await reading.incidents(conn, before, query.limit + 1)
    items = [IncidentView.of(FactPaper.of(each)) for each, _ in found[: query.limit]]
    more = len(found) > query.limit
    return Page(items=items, next=Cursor.encode(runtime, {"before": found[query.limit - 1][1]}) if more else None)


@routes.get("/v1/consultations/{procedure}/incidents", errors=[UnknownConsultation, Forbidden], tag="evidence")
async def list_near_incidents(runtime: Runtime, actor: Actor, procedure: UUID) -> Page[NearIncident]:
    """List the incidents near the deadline of a consultation, each with the extension that its buyer may ask for."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, now)
        facts = [FactPaper.of(each) for each in await reading.incidents_of(conn, procedure)]
    found = [
        (each, incidents.extension(runtime.settings.public_url, consultation, each, now))
        for each in incidents_of(facts)
    ]
    return Page(items=[_near(each, proposed) for each, proposed in found])


def _near(incident: Incident, proposed: incidents.Extension) -> NearIncident:
    extension = ExtensionView(method=proposed.method, url=proposed.url, body=proposed.body)
    return NearIncident(
        incident_id=incident.id, begins=incident.begins, ends=incident.ends, what=incident.what, extension=extension
    )


async def _paper(runtime: Runtime, report: EvidenceReport) -> web.Response:
    pdf = await papers.sealed(runtime, await asyncio.to_thread(evidence_pdf, report), "Rapport de preuves")
    return _download(pdf, f"preuves-{report.procedure}-{report.made_at:%Y%m%dT%H%M%S}.pdf")


def _download(pdf: bytes, name: str) -> web.Response:
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)
