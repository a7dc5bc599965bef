"""The tender documents (DCE): of a notice while it is drafted, of a procedure for everybody."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, NotFound, TooLarge
from libs.common.files.incoming import DangerousDocument, Incoming
from libs.common.http import Content, Page, Routes, chunks, send_content, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.api.paging import part
from services.notices.inputs.documents import (
    ArchiveQuery,
    DocumentName,
    DocumentQuery,
    DocumentsQuery,
    DownloadQuery,
    PublicDocumentsQuery,
)
from services.notices.service import documents as service
from services.notices.service import registers, roles
from services.notices.service.notices import readable_notice, require_draft_of
from services.notices.service.procedures import readable_procedure
from services.notices.settings import NoticesSettings
from services.notices.store import documents as store
from services.notices.store.documents import PublishedDocument, StoredDocument
from services.notices.views.documents import DocumentView, PublicDocumentView, public_documents

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
_BYTES = ["application/octet-stream"]


@ROUTES.put(
    "/v1/notices/{notice_id}/documents/{name}",
    status=201,
    errors=[NotFound, Forbidden, IllegalTransition, TooLarge, DangerousDocument],
    tag="documents",
    accepts=["*/*"],
)
async def put_document(
    runtime: Runtime, request: web.Request, actor: Actor, notice_id: UUID, name: DocumentName
) -> web.StreamResponse:
    """Upload a tender document to a draft: streamed, hashed, its format told by its content.

    The same name again makes a new version. Programs are refused, whatever they are called.
    """
    async with runtime.uow(actor=actor) as uow:  # before the first byte: may the caller do this?
        await require_draft_of(uow, notice_id, actor)
    stored = await _stored(runtime, request, name)
    async with runtime.uow(actor=actor) as uow:
        document = await service.add_document(uow, notice_id, stored, actor)
    body = DocumentView.of(document).model_dump_json()
    return web.Response(text=body, status=201, content_type="application/json")


async def _stored(runtime: Runtime, request: web.Request, name: str) -> StoredDocument:
    limit = runtime.port(NoticesSettings).max_document_bytes
    incoming = Incoming(chunks(request, limit), name)
    kept = await runtime.storage.exchange(incoming, media_type="application/octet-stream", name=name, limit=limit)
    reference = kept.model_copy(update={"media_type": incoming.format.media_type})
    return StoredDocument(reference, 0, incoming.format.code, incoming.crc32)


@ROUTES.get("/v1/notices/{notice_id}/documents", errors=[NotFound], tag="documents")
async def list_documents(
    runtime: Runtime, actor: Actor | None, notice_id: UUID, query: DocumentsQuery
) -> Page[DocumentView]:
    """List the tender documents that a notice brings, each in its last version; all versions to the buyer who asks."""
    notice = await readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
        read = store.document_versions if query.versions and own else store.documents
        found = await read(conn, notice_id)
    shown, following = part(runtime, found, query, lambda each: f"{each.reference.name}/{each.version}")
    return Page(items=[DocumentView.of(document) for document in shown], next=following)


@ROUTES.get(
    "/v1/notices/{notice_id}/documents/{name}",
    errors=[NotFound],
    tag="documents",
    produces=_BYTES,
)
async def get_document(
    runtime: Runtime,
    request: web.Request,
    actor: Actor | None,
    notice_id: UUID,
    name: DocumentName,
    query: DocumentQuery,
) -> web.StreamResponse:
    """Download a document that a notice brings, whole or by ranges; free and anonymous once it is published (R2132-2).

    Earlier versions of the draft are for its buyer alone.
    """
    notice = await readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
        found = await (store.document_versions(conn, notice_id) if own else store.documents(conn, notice_id))
    document = service.version_of(found, name, query.version).reference
    return await send_document(request, runtime, document, public=notice.published_at is not None)


@ROUTES.delete(
    "/v1/notices/{notice_id}/documents/{name}",
    status=204,
    errors=[NotFound, Forbidden, IllegalTransition],
    tag="documents",
)
async def remove_document(uow: Uow, actor: Actor, notice_id: UUID, name: DocumentName) -> None:
    """Take a document out of a draft, with its versions. What was published stays: a correction brings its replacement."""
    await service.remove_document(uow, notice_id, name, actor)


@ROUTES.get("/v1/procedures/{procedure_id}/documents", errors=[NotFound], tag="documents")
async def list_public_documents(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PublicDocumentsQuery
) -> Page[PublicDocumentView]:
    """List the tender documents of a procedure, as its published notices make them: those that count, or every version."""
    found = await _published(runtime, procedure_id, actor)
    listed = public_documents(found, versions=query.versions, since=query.since)
    shown, following = part(runtime, listed, query, lambda each: f"{each.name}/{each.version}")
    return Page(items=shown, next=following)


@ROUTES.get(
    "/v1/procedures/{procedure_id}/documents.zip", errors=[NotFound], tag="documents", produces=["application/zip"]
)
async def get_archive(
    runtime: Runtime, request: web.Request, actor: Actor | None, procedure_id: UUID, query: ArchiveQuery
) -> web.StreamResponse:
    """Download all the documents of a procedure that count, as one archive, whole or by ranges (R2132-2).

    Free and anonymous, at an address that never changes; the archive is the same, byte for byte, until a document changes.
    Written in the buyer's register for a company with its token, and for whoever gives the key of a registration.
    """
    found = await _published(runtime, procedure_id, actor)
    archive = await service.archive(runtime, service.current(found))
    known = await _recorded(runtime, request, procedure_id, actor, query.key, (None, len(found), archive.tag))
    content = Content(
        f"dce-{procedure_id}.zip",
        "application/zip",
        archive.size,
        archive.tag,
        lambda start, end: archive.stream(runtime.storage.open, start, end),
    )
    return await send_content(request, content, public=not known, replaceable=True)


@ROUTES.get(
    "/v1/procedures/{procedure_id}/documents/{name}",
    errors=[NotFound],
    tag="documents",
    produces=_BYTES,
)
async def get_public_document(
    runtime: Runtime,
    request: web.Request,
    actor: Actor | None,
    procedure_id: UUID,
    name: DocumentName,
    query: DownloadQuery,
) -> web.StreamResponse:
    """Download a document of a procedure in the version that counts, or an earlier one; whole or by ranges (R2132-2).

    Free and anonymous. Written in the buyer's register as the archive is.
    """
    found = [each.document for each in await _published(runtime, procedure_id, actor)]
    document = service.version_of(found, name, query.version)
    taken = (name, document.version, document.reference.sha256)
    known = await _recorded(runtime, request, procedure_id, actor, query.key, taken)
    last = query.version is None
    return await send_document(request, runtime, document.reference, public=not known, replaceable=last)


async def _published(runtime: Runtime, procedure_id: UUID, actor: Actor | None) -> list[PublishedDocument]:
    await readable_procedure(runtime, procedure_id, actor)
    async with runtime.read() as conn:
        return await store.published_documents(conn, procedure_id)


async def _recorded(
    runtime: Runtime,
    request: web.Request,
    procedure_id: UUID,
    actor: Actor | None,
    key: str | None,
    taken: tuple[str | None, int, str],
) -> bool:
    """Write a download in the register, once: its first byte counts, not each range of the rest. Say if its author is known."""
    if request.method == "HEAD" or not request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        return key is not None or actor is not None
    return await registers.record(runtime, procedure_id, actor, key, taken) or actor is not None
