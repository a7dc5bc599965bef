"""The tender documents (DCE)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, NotFound, TooLarge
from libs.common.http import Page, Routes, chunks, send_document
from libs.common.runtime import Runtime
from services.notices.service import documents as service
from services.notices.service.notices import readable_notice, require_draft_of
from services.notices.settings import NoticesSettings
from services.notices.store import documents as store
from services.notices.views.documents import DocumentView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")

DocumentName = Annotated[str, Field(max_length=200)]


@ROUTES.put(
    "/v1/notices/{notice_id}/documents/{name}",
    status=201,
    errors=[NotFound, Forbidden, IllegalTransition, TooLarge],
    tag="documents",
    accepts=["*/*"],
)
async def put_document(
    runtime: Runtime, request: web.Request, actor: Actor, notice_id: UUID, name: DocumentName
) -> web.StreamResponse:
    """Upload a tender document to a draft: streamed, hashed; the same name again makes a new version."""
    async with runtime.uow(actor=actor) as uow:  # before the first byte: may the caller do this?
        await require_draft_of(uow, notice_id, actor)
    limit = runtime.port(NoticesSettings).max_document_bytes
    reference = await runtime.storage.exchange(
        chunks(request, limit), media_type=request.content_type, name=name, limit=limit
    )
    async with runtime.uow(actor=actor) as uow:
        document = await service.add_document(uow, notice_id, reference, actor)
    body = DocumentView.of(document).model_dump_json()
    return web.Response(text=body, status=201, content_type="application/json")


@ROUTES.get("/v1/notices/{notice_id}/documents", errors=[NotFound], tag="documents")
async def list_documents(runtime: Runtime, actor: Actor | None, notice_id: UUID) -> Page[DocumentView]:
    """List the tender documents of a notice, each in its last version."""
    await readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        found = await store.documents(conn, notice_id)
    return Page(items=[DocumentView.of(document) for document in found])


@ROUTES.get(
    "/v1/notices/{notice_id}/documents/{name}",
    errors=[NotFound],
    tag="documents",
    produces=["application/octet-stream"],
)
async def get_document(
    runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID, name: DocumentName
) -> web.StreamResponse:
    """Download a tender document, whole or by ranges; free and anonymous once the notice is published (R2132-2)."""
    notice = await readable_notice(runtime, notice_id, actor)
    for document in notice.documents:
        if document.name == name:
            return await send_document(request, runtime, document, public=notice.published_at is not None)
    raise NotFound("Cet avis n'a pas de document de ce nom.", "This notice has no document of that name.")
