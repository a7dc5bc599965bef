"""Openings, for the members of the buyer."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Conflict, FieldError, Forbidden, IllegalTransition, InvalidInput, NotFound, Unavailable
from libs.common.grants import Permission
from libs.common.http import Page, Routes, send_document
from libs.common.http.documents import Content, send_content
from libs.common.messages.base import Sha256
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.admissions.offers import offers_at
from services.bids.api.views_openings import OpeningInput, OpeningPapers, OpeningView, SharesInput
from services.bids.errors import (
    BeforeDeadline,
    InQuarantine,
    LotEnded,
    NotOpened,
    OfficerPresent,
    OpeningUnderWay,
    ProcedureSuspended,
    StageOrder,
    TooFewOfficers,
    UnknownConsultation,
    UnknownOpening,
    WrongShares,
)
from services.bids.sealing import ShareRequest
from services.bids.service import completion, consultations, openings
from services.bids.service.opened import Sealed, opened, opened_content, require_confirmation
from services.bids.service.papers import opening_paper
from services.bids.store import openings as store
from services.bids.store.openings import OpenedFile, Opening, Presence

__all__ = ["routes"]

routes = Routes("bids")


class OfficerQuery(BaseModel):
    """Whose shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    officer: str = Field(min_length=1, max_length=80)


class QuarantineQuery(BaseModel):
    """The second step that a file in quarantine asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    confirm: Sha256 | None = Field(default=None, description="its SHA-256, as the report and the refusal tell it")


@routes.post(
    "/v1/consultations/{procedure}/openings",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        BeforeDeadline,
        InvalidInput,
        StageOrder,
        OpeningUnderWay,
        Unavailable,
        ProcedureSuspended,
        LotEnded,
    ],
    tag="openings",
    location="/v1/openings/{opening_id}",
)
async def start_opening(runtime: Runtime, actor: Actor, procedure: UUID, body: OpeningInput) -> OpeningView:
    """Start the opening of a stage, after the deadline by clock and by time stamp."""
    lots = None if body.lots is None else tuple(body.lots)
    opening = await openings.start(runtime, actor, procedure, openings.Wanted(body.stage, lots, body.key_version))
    async with runtime.read() as conn:
        return await _view(conn, opening)


@routes.get("/v1/consultations/{procedure}/openings", errors=[UnknownConsultation, Forbidden], tag="openings")
async def list_openings(runtime: Runtime, actor: Actor, procedure: UUID) -> Page[OpeningView]:
    """List the openings of a consultation, in the order in which they started; replaced ones are left out."""
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, runtime.clock.now())
        found = await store.of_procedure(conn, procedure)
        return Page(items=[await _view(conn, each) for each in found])


@routes.get("/v1/openings/{opening_id}", errors=[UnknownOpening], tag="openings")
async def get_opening(runtime: Runtime, actor: Actor, opening_id: UUID) -> OpeningView:
    """Read an opening: who presented himself, how far the worker is, and once completed its report."""
    async with runtime.read() as conn:
        opening, _ = await openings.buyers_opening(conn, actor, opening_id, Permission.READ, runtime.clock.now())
        return await _view(conn, opening)


@routes.get(
    "/v1/openings/{opening_id}/report.pdf",
    errors=[UnknownOpening, NotOpened],
    tag="openings",
    produces=["application/pdf"],
)
async def get_report(runtime: Runtime, actor: Actor, opening_id: UUID, request: web.Request) -> web.StreamResponse:
    """Download the report of a completed opening, under the platform's seal; it is drawn up once."""
    async with runtime.read() as conn:
        opening, _ = await openings.buyers_opening(conn, actor, opening_id, Permission.READ, runtime.clock.now())
    return await send_document(request, runtime, await opening_paper(runtime, opening))


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
    opening = await openings.present(
        uow, actor, opening_id, Presence(body.officer, uow.now(), tuple(body.shares), body.deputy)
    )
    return await _view(uow.conn, opening)


@routes.post(
    "/v1/openings/{opening_id}/completion",
    status=202,
    errors=[UnknownOpening, IllegalTransition, TooFewOfficers, Conflict, ProcedureSuspended, LotEnded],
    tag="openings",
)
async def complete_opening(uow: Uow, actor: Actor, opening_id: UUID) -> OpeningView:
    """Have the envelopes opened with the shares of the officers; read the opening to see how far that is."""
    return await _view(uow.conn, await completion.ask(uow, actor, opening_id))


@routes.get(
    "/v1/openings/{opening_id}/bids/{bid_id}/files/{number}",
    errors=[UnknownOpening, NotFound, InQuarantine],
    tag="openings",
    produces=["*/*"],
)
async def get_opened_file(
    request: web.Request,
    actor: Actor,
    opening_id: UUID,
    bid_id: UUID,
    number: int,
    query: QuarantineQuery,
    runtime: Runtime,
) -> web.StreamResponse:
    """Download a file of an opened bid; one in quarantine only with its SHA-256 given as a confirmation."""
    async with runtime.read() as conn:
        await openings.buyers_opening(conn, actor, opening_id, Permission.EVALUATE, runtime.clock.now())
    found = await opened(runtime, opening_id, bid_id, number)
    if found is None:
        raise NotFound("Ce pli ouvert n'a pas ce fichier.", "No such file of an opened bid.")
    file, sealed = found
    quarantined = file.verdict.scan == "infected"
    if quarantined:
        require_confirmation(file, query.confirm)
    async with runtime.uow(actor=actor) as uow:
        act = "read_quarantined_file" if quarantined else "read_opened_file"
        uow.audit(act, f"{opening_id}/{bid_id}/{number}")
    return await send_content(request, _content(runtime, file, sealed))


def _content(runtime: Runtime, file: OpenedFile, sealed: Sealed) -> Content:
    """Give a file as it is served: what is infected under a name and a media type that nothing opens by itself."""
    infected = file.verdict.scan == "infected"
    name = f"{file.name}.quarantaine" if infected else file.name
    media_type = "application/octet-stream" if infected else file.media_type
    return Content(
        name, media_type, file.size, file.sha256, lambda start, end: opened_content(runtime, sealed, start, end)
    )


async def _view(conn: asyncpg.Connection, opening: Opening) -> OpeningView:
    keys, presences = await openings.keys_of(conn, opening), await store.presences(conn, opening.id)
    progress, offers = await store.progress(conn, opening.id), await offers_at(conn, opening)
    return OpeningView.of(opening, OpeningPapers(keys, presences, progress, offers))
