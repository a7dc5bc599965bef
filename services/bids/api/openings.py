"""Openings, for the members of the buyer."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import FieldError, Forbidden, IllegalTransition, InvalidInput, NotFound, Unavailable
from libs.common.grants import Permission
from libs.common.http import Routes, attachment, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import OpeningView, SharesInput
from services.bids.documents.report import report_pdf
from services.bids.errors import (
    BeforeDeadline,
    LotEnded,
    NotOpened,
    OfficerPresent,
    OpeningUnderWay,
    ProcedureSuspended,
    TooFewOfficers,
    UnknownConsultation,
    UnknownOpening,
    WrongShares,
)
from services.bids.sealing import ShareRequest
from services.bids.service import completion, consultations, openings
from services.bids.store import openings as store

__all__ = ["routes"]

routes = Routes("bids")


class OfficerQuery(BaseModel):
    """Whose shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    officer: str = Field(min_length=1, max_length=80)


@routes.post(
    "/v1/consultations/{procedure}/opening",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        BeforeDeadline,
        OpeningUnderWay,
        Unavailable,
        ProcedureSuspended,
        LotEnded,
    ],
    tag="openings",
    location="/v1/openings/{opening_id}",
)
async def start_opening(runtime: Runtime, actor: Actor, procedure: UUID) -> OpeningView:
    """Start the opening of the bids, after the deadline by clock and by time stamp."""
    opening = await openings.start(runtime, actor, procedure)
    async with runtime.read() as conn:
        return OpeningView.of(opening, await consultations.get(conn, procedure), [])


@routes.get("/v1/openings/{opening_id}", errors=[UnknownOpening], tag="openings")
async def get_opening(runtime: Runtime, actor: Actor, opening_id: UUID) -> OpeningView:
    """Read an opening; once completed, its report."""
    async with runtime.read() as conn:
        opening, consultation = await openings.buyers_opening(
            conn, actor, opening_id, Permission.READ, runtime.clock.now()
        )
        return OpeningView.of(opening, consultation, await store.presences(conn, opening_id))


@routes.get(
    "/v1/openings/{opening_id}/report.pdf",
    errors=[UnknownOpening, NotOpened],
    tag="openings",
    produces=["application/pdf"],
)
async def get_report(runtime: Runtime, actor: Actor, opening_id: UUID) -> web.Response:
    """Download the report of a completed opening."""
    async with runtime.read() as conn:
        opening, _ = await openings.buyers_opening(conn, actor, opening_id, Permission.READ, runtime.clock.now())
    if opening.report is None or opening.report_sha256 is None:
        raise NotOpened("L'ouverture n'est pas terminée.", "The opening is not completed.")
    headers = {"Content-Disposition": attachment(f"ouverture-{opening_id}.pdf"), "Cache-Control": "no-store"}
    content = report_pdf(opening.report, opening.report_sha256)
    return web.Response(body=content, content_type="application/pdf", headers=headers)


@routes.get("/v1/openings/{opening_id}/shares", errors=[UnknownOpening, NotFound, IllegalTransition], tag="openings")
async def get_shares(runtime: Runtime, actor: Actor, opening_id: UUID, query: OfficerQuery) -> ShareRequest:
    """Fetch an officer's sealed shares with the proof that the deadline passed: input of the `open-shares` tool."""
    async with runtime.read() as conn:
        return await openings.share_request(conn, actor, opening_id, query.officer, runtime.clock.now())


@routes.post(
    "/v1/openings/{opening_id}/shares",
    status=201,
    errors=[UnknownOpening, NotFound, OfficerPresent, IllegalTransition, WrongShares, ProcedureSuspended, LotEnded],
    tag="openings",
    limit=64 * 2**20,
)
async def present_shares(uow: Uow, actor: Actor, opening_id: UUID, body: SharesInput) -> OpeningView:
    """Present an officer's opened shares: output of the `open-shares` tool."""
    if body.opening not in {None, opening_id}:
        fault = FieldError("body/opening", "parts d'une autre ouverture", "shares of another opening")
        raise InvalidInput("Ces parts sont d'une autre ouverture.", "Shares of another opening.", errors=[fault])
    opening = await openings.present(uow, actor, opening_id, (body.officer, tuple(body.shares)))
    consultation = await consultations.get(uow.conn, opening.procedure)
    return OpeningView.of(opening, consultation, await store.presences(uow.conn, opening_id))


@routes.post(
    "/v1/openings/{opening_id}/completion",
    status=201,
    errors=[UnknownOpening, IllegalTransition, TooFewOfficers, ProcedureSuspended, LotEnded],
    tag="openings",
)
async def complete_opening(runtime: Runtime, actor: Actor, opening_id: UUID) -> OpeningView:
    """Open the bids with the shares of k officers, and draw up the report."""
    opening = await completion.complete(runtime, actor, opening_id)
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, opening.procedure)
        return OpeningView.of(opening, consultation, await store.presences(conn, opening_id))


@routes.get(
    "/v1/openings/{opening_id}/bids/{bid_id}/files/{number}",
    errors=[UnknownOpening, NotFound],
    tag="openings",
    produces=["*/*"],
)
async def get_opened_file(
    runtime: Runtime, actor: Actor, opening_id: UUID, bid_id: UUID, number: int, request: web.Request
) -> web.StreamResponse:
    """Download a file of an opened bid."""
    async with runtime.read() as conn:
        await openings.buyers_opening(conn, actor, opening_id, Permission.EVALUATE, runtime.clock.now())
        document = await store.find_file(conn, opening_id, bid_id, number)
    if document is None:
        raise NotFound("Ce pli ouvert n'a pas ce fichier.", "No such file of an opened bid.")
    async with runtime.uow(actor=actor) as uow:
        uow.audit("read_opened_file", f"{opening_id}/{bid_id}/{number}")
    return await send_document(request, runtime, document)
