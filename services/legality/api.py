"""HTTP routes of the legality service."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, Forbidden, IllegalTransition, InvalidInput, NotFound, TooLarge
from libs.common.grants import Permission
from libs.common.grants.known import readable, require
from libs.common.http import Cursor, Page, Routes, attachment, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.legality import returns, service, store
from services.legality.actes.model import MAX_TOTAL
from services.legality.errors import UnreadableReturn
from services.legality.intake import MEDIA_TYPES, read_return
from services.legality.settings import LegalitySettings
from services.legality.stamp import UnstampableError, stamp, stamp_lines
from services.legality.views import (
    ActQuery,
    ActView,
    AuthorityInput,
    AuthorityView,
    ExemptionQuery,
    ExemptionView,
    ReturnView,
)

__all__ = ["routes"]

routes = Routes("legality")


@routes.put("/v1/authority", tag="authorities", errors=[Forbidden, InvalidInput])
async def set_authority(uow: Uow, actor: Actor, body: AuthorityInput) -> AuthorityView:
    """Say how the State knows your organisation: department, arrondissement, nature, return address."""
    command = service.SetAuthority(actor, **body.model_dump())
    return AuthorityView.model_validate(await service.set_authority(uow, command))


@routes.get("/v1/authority", tag="authorities", errors=[NotFound, Forbidden])
async def read_authority(runtime: Runtime, actor: Actor) -> AuthorityView:
    """Read how the State knows your organisation, as you said it."""
    async with runtime.read() as conn:
        await require(conn, actor, actor.organisation, None, Permission.READ, runtime.clock.now())
        known = await store.authority(conn, actor.organisation)
    if known is None:
        raise NotFound("Votre organisation n'a rien indiqué.", "Your organisation said nothing.")
    return AuthorityView.model_validate(known)


@routes.get("/v1/acts", tag="acts", errors=[Forbidden])
async def list_acts(runtime: Runtime, actor: Actor, query: ActQuery) -> Page[ActView]:
    """List the acts that you may read for your organisation, newest first."""
    before = _position(runtime, query.cursor)
    async with runtime.read() as conn:
        scope = await readable(conn, actor, runtime.clock.now())
        wanted = store.Filter(scope, query.state, query.subject, before, query.limit + 1)
        found = await store.page(conn, wanted)
    shown = found[: query.limit]
    follows = _cursor(runtime, shown[-1].created_at, shown[-1].act_id) if len(found) > query.limit else None
    return Page(items=[ActView.of(item) for item in shown], next=follows)


@routes.get("/v1/acts/{act_id}", tag="acts", errors=[NotFound, Forbidden])
async def read_act(runtime: Runtime, actor: Actor, act_id: UUID) -> ActView:
    """Read an act with its history and what the State answered."""
    async with runtime.read() as conn:
        act = await service.readable_act(conn, actor, act_id, runtime.clock.now())
        history = await store.history(conn, act_id)
        answers = await store.messages_of_act(conn, act_id)
    return ActView.of(act, history, answers)


@routes.post("/v1/acts/{act_id}/transmission", tag="acts", errors=[NotFound, Forbidden, IllegalTransition])
async def resume(uow: Uow, actor: Actor, act_id: UUID) -> ActView:
    """Pack and transmit again an act that was blocked or rejected, once what was wrong is mended."""
    return ActView.of(await service.resume(uow, actor, act_id))


@routes.get("/v1/acts/{act_id}/archive", tag="acts", errors=[NotFound, Forbidden], produces=["application/gzip"])
async def read_archive(runtime: Runtime, actor: Actor, request: web.Request, act_id: UUID) -> web.StreamResponse:
    """Download the archive as it is transmitted (tar.gz)."""
    async with runtime.read() as conn:
        act = await service.readable_act(conn, actor, act_id, runtime.clock.now())
    if act.archive is None:
        raise NotFound("L'archive n'est pas encore faite.", "The archive is not made yet.")
    return await send_document(request, runtime, act.archive)


@routes.get(
    "/v1/acts/{act_id}/stamped", tag="acts", errors=[NotFound, Forbidden, Conflict], produces=["application/pdf"]
)
async def read_stamped(runtime: Runtime, actor: Actor, act_id: UUID) -> web.StreamResponse:
    """Download a copy of the act that bears the State's acknowledgement.

    It is a copy: the act itself is the document that was signed, whose signatures stay intact in it.
    """
    async with runtime.read() as conn:
        act = await service.readable_act(conn, actor, act_id, runtime.clock.now())
    if act.acknowledged_at is None or act.act_identifier is None or act.received_on is None:
        raise Conflict("L'État n'a pas encore accusé réception de cet acte.", "The State has not acknowledged it yet.")
    document = await runtime.storage.read(act.pieces[0].document.key, MAX_TOTAL)
    try:
        copy = await asyncio.to_thread(stamp, document, stamp_lines(act.act_identifier, act.received_on))
    except UnstampableError as error:
        raise Conflict("Ce document ne peut pas être tamponné.", "This document takes no stamp.") from error
    name = f"{act.act_identifier}_copie_tamponnee.pdf"
    return web.Response(body=copy, content_type="application/pdf", headers={"Content-Disposition": attachment(name)})


@routes.get("/v1/exemptions", tag="acts", errors=[Forbidden])
async def list_exemptions(runtime: Runtime, actor: Actor, query: ExemptionQuery) -> Page[ExemptionView]:
    """List the contracts that the law does not ask to transmit, of those that you may read, with the reasons."""
    before = _position(runtime, query.cursor)
    async with runtime.read() as conn:
        scope = await readable(conn, actor, runtime.clock.now())
        wanted = store.Filter(scope, None, query.subject, before, query.limit + 1)
        found = await store.exemptions(conn, wanted)
    shown = found[: query.limit]
    follows = _cursor(runtime, shown[-1].decided_at, shown[-1].exemption_id) if len(found) > query.limit else None
    return Page(items=[ExemptionView.of(item) for item in shown], next=follows)


@routes.post(
    "/v1/returns", status=201, tag="returns", accepts=MEDIA_TYPES, limit=60 * 2**20,
    errors=[Forbidden, TooLarge, UnreadableReturn],
)  # fmt: skip
async def receive_return(runtime: Runtime, actor: Actor, request: web.Request) -> ReturnView:
    """Receive a return of the State: an archive, a message, or several files.

    Everything that can be kept is kept as it came; the same content again changes nothing. Any organisation of kind
    `state` may answer for any act: the platform has no list that says which one is the authority of which department.
    """
    actor.require(OrganisationKind.STATE)
    upload = await read_return(request, runtime.port(LegalitySettings).return_max_bytes)
    key = f"legality/returns/{hashlib.sha256(upload.content).hexdigest()}"
    document = await runtime.storage.put(key, upload.content, media_type=upload.media_type, name=upload.name)
    async with runtime.uow(actor=actor) as uow:  # the content is all there: a slow sender holds no connection
        return ReturnView.of(await returns.receive(uow, document, upload.files))


def _cursor(runtime: Runtime, at: datetime, identity: UUID) -> str:
    return Cursor.encode(runtime, {"at": at.isoformat(), "id": str(identity)})


def _position(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["at"]), UUID(position["id"])
