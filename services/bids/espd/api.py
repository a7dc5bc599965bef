"""ESPD in and out: read one, answer one with the file of one's company, print one."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, InvalidInput, NotFound
from libs.common.http import Routes, attachment
from libs.common.runtime import Runtime
from services.bids.applications import service as applications
from services.bids.applications.said import Application
from services.bids.companies import service as companies
from services.bids.companies.file import CompanyFile
from services.bids.errors import UnknownBid
from services.bids.espd.companies import answers_on_others, role_of
from services.bids.espd.model import Answer, Espd, Operator
from services.bids.espd.paper import espd_pdf
from services.bids.espd.reading import MAX_BYTES, Element, parse, read
from services.bids.espd.writing import respond

__all__ = ["routes"]

routes = Routes("bids")


class EspdInput(BaseModel):
    """An ESPD, as it came."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    xml: str = Field(max_length=MAX_BYTES)


class EspdAnswers(EspdInput):
    """A request (or a response to answer anew), and the answers; the company comes from its file."""

    answers: list[Answer] = Field(default=[], max_length=5000)
    role: str | None = Field(default=None, max_length=60, description="eo-role-type: sole-contractor, group-lead...")
    group: str | None = Field(default=None, min_length=1, max_length=200, description="the name of the group")
    bid_id: UUID | None = Field(
        default=None,
        description="one's own bid: its group, companies relied upon and subcontractors answer what asks for them",
    )


@routes.post("/v1/espd/readings", errors=[InvalidInput, Forbidden], tag="espd", limit=2 * MAX_BYTES)
async def read_espd(actor: Actor, body: EspdInput) -> Espd:
    """Read an ESPD (DUME) request or response: its criteria, questions and answers as JSON."""
    _require(actor)
    return await asyncio.to_thread(lambda: read(parse(body.xml)))


@routes.post("/v1/espd/papers", errors=[InvalidInput, Forbidden], tag="espd", limit=2 * MAX_BYTES,
             produces=["application/pdf"])  # fmt: skip
async def print_espd(actor: Actor, body: EspdInput) -> web.Response:
    """Print an ESPD (DUME): a tagged PDF in French."""
    _require(actor)
    pdf = await asyncio.to_thread(lambda: espd_pdf(read(parse(body.xml))))
    headers = {"Content-Disposition": attachment("dume.pdf"), "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


@routes.post("/v1/espd/responses", errors=[InvalidInput, Forbidden, NotFound, UnknownBid], tag="espd", limit=2 * MAX_BYTES,
             produces=["application/xml"])  # fmt: skip
async def answer_espd(runtime: Runtime, actor: Actor, body: EspdAnswers) -> web.Response:
    """Answer an ESPD (DUME) with the file of one's own company: gives the response as XML, nothing is kept."""
    actor.require(OrganisationKind.COMPANY)
    root = await asyncio.to_thread(parse, body.xml)
    async with runtime.read() as conn:
        file = await companies.own(conn, actor)
    said = await applications.said(runtime, actor, body.bid_id) if body.bid_id else Application()
    answers = body.answers + await asyncio.to_thread(_on_others, root, body.answers, said, file.company)
    operator, now = _operator(file, body.role or role_of(said, file.company)), runtime.clock.now()
    xml = await asyncio.to_thread(respond, root, operator, answers, now, group=body.group)
    headers = {"Content-Disposition": attachment("dume.xml"), "Cache-Control": "no-store"}
    return web.Response(body=xml, content_type="application/xml", headers=headers)


def _on_others(root: Element, given: list[Answer], said: Application, company: str) -> list[Answer]:
    """Give what the bid says of other companies, but for the questions that are answered already; nothing where it says nothing."""
    if said == Application(documents=said.documents):
        return []
    told = {each.question for each in given}
    return [each for each in answers_on_others(read(root), said, company) if each.question not in told]


def _require(actor: Actor) -> None:
    actor.require(OrganisationKind.COMPANY, OrganisationKind.BUYER)


def _operator(file: CompanyFile, role: str | None) -> Operator:
    used = file.effective
    place = used.address
    return Operator(
        identifier=file.company.partition(":")[2], name=used.name, role=role, email=used.email,
        telephone=used.telephone, street=place.street if place else None, postcode=place.postcode if place else None,
        city=place.city if place else None, country=place.country if place else None,
    )  # fmt: skip
