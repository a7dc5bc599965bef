"""The routes of the notices service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import Field

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, IllegalTransition, NotFound, StaleVersion, TooLarge
from libs.common.http import Cursor, IfMatch, Page, Routes, chunks, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import search, service, store
from services.notices.domain import Changes, Notice
from services.notices.eforms import xml
from services.notices.eforms.check import CheckedNotice, check
from services.notices.errors import DuplicateNotice, NoticeOfAnother, NoticeRejected, NotPublishable
from services.notices.inputs import NewNotice, NoticePatch, NoticeQuery, PageQuery, RulesQuery, VersionQuery
from services.notices.settings import NoticesSettings
from services.notices.views import (
    CheckView,
    DocumentView,
    NoticeView,
    ProcedureView,
    RulesView,
    TimelineView,
    VersionView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
DocumentName = Annotated[str, Field(max_length=200)]
_CHECKER = ThreadPoolExecutor(1, thread_name_prefix="eforms")
_XML = ("application/xml", "text/xml", "application/octet-stream")


@ROUTES.post("/v1/notices/check", tag="notices", accepts=_XML, limit=xml.MAX_BYTES)
async def check_notice(actor: Actor, body: bytes) -> CheckView:  # any authenticated caller may ask
    """Check an eForms notice: what it says, what is wrong with it and how to mend it. Nothing is kept."""
    return CheckView.of(await _checked(body))


@ROUTES.post(
    "/v1/notices/import",
    status=201,
    errors=[NoticeRejected, NoticeOfAnother, DuplicateNotice],
    tag="notices",
    accepts=_XML,
    limit=xml.MAX_BYTES,
    location="/v1/notices/{notice_id}",
)
async def import_notice(uow: Uow, actor: Actor, body: bytes) -> NoticeView:
    """Import an eForms notice as a draft. Every business term is kept: the XML itself goes to storage."""
    drafted = service.draft_of(await _checked(body), actor, uow.now())
    source = await service.keep_source(uow.runtime, drafted.notice_id, body)
    return NoticeView.of(await service.draft(uow, service.with_source(drafted, source), actor), uow.now())


@ROUTES.post("/v1/notices", status=201, errors=[Forbidden], tag="notices", location="/v1/notices/{notice_id}")
async def create_notice(uow: Uow, actor: Actor, body: NewNotice) -> NoticeView:
    """Write a notice as a draft, without eForms XML."""
    actor.require(OrganisationKind.BUYER)
    if body.procedure_id is not None:
        await service.require_own_procedure(uow, body.procedure_id, actor)
    content = body.content(actor, uow.now().date())
    command = service.DraftNotice(uuid4(), body.procedure_id or uuid4(), content)
    return NoticeView.of(await service.draft(uow, command, actor), uow.now())


@ROUTES.get("/v1/notices", tag="search")
async def search_notices(runtime: Runtime, query: NoticeQuery) -> Page[NoticeView]:
    """Search published notices, newest first."""
    async with runtime.read() as conn:
        asked = search.terms_of(query.q or "")
        words = await store.text_query(conn, asked) if asked else None
        found = await store.search(conn, _criteria(runtime, query, words))
    return _page(runtime, found, query.limit, by="published_at")


@ROUTES.get("/v1/drafts", errors=[Forbidden], tag="notices")
async def list_drafts(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[NoticeView]:
    """List the drafts of the caller's organisation, newest first."""
    actor.require(OrganisationKind.BUYER)
    async with runtime.read() as conn:
        found = await store.drafts(conn, actor.organisation, _after(runtime, query.cursor), query.limit + 1)
    return _page(runtime, found, query.limit, by="created_at")


@ROUTES.get("/v1/notices/{notice_id}", errors=[NotFound], tag="notices")
async def get_notice(runtime: Runtime, actor: Actor | None, notice_id: UUID) -> NoticeView:
    """Read a notice: published, or a draft of the caller's organisation."""
    return NoticeView.of(await service.readable_notice(runtime, notice_id, actor), runtime.clock.now())


@ROUTES.get("/v1/notices/{notice_id}/versions", errors=[NotFound], tag="notices")
async def list_versions(
    runtime: Runtime, actor: Actor | None, notice_id: UUID, query: VersionQuery
) -> Page[VersionView]:
    """List the states a notice went through, with what changed; those of the draft for its buyer only."""
    notice = await service.readable_notice(runtime, notice_id, actor)
    own = actor is not None and actor.organisation == notice.organisation
    async with runtime.read() as conn:
        rows = await store.versions(conn, notice_id, drafts_too=own, until=query.as_of or runtime.clock.now())
    before = [None, *rows]
    return Page(items=[VersionView.of(row, earlier) for row, earlier in zip(rows, before, strict=False)])


@ROUTES.patch("/v1/notices/{notice_id}", errors=[NotFound, Forbidden, StaleVersion, IllegalTransition], tag="notices")
async def change_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch, body: NoticePatch) -> NoticeView:
    """Change a draft: deadline, opening keys, title, description."""
    opening = body.opening.key_set() if body.opening else None
    changes = Changes(title=body.title, description=body.description, deadline=body.deadline, opening=opening)
    changed = await service.change(uow, service.ChangeNotice(notice_id, if_match, changes, actor))
    return NoticeView.of(changed, uow.now())


@ROUTES.post(
    "/v1/notices/{notice_id}/publication",
    status=201,
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, NotPublishable],
    tag="notices",
)
async def publish_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch) -> NoticeView:
    """Publish a draft notice."""
    published = await service.publish(uow, service.PublishNotice(notice_id, if_match, actor))
    return NoticeView.of(published, uow.now())


@ROUTES.get("/v1/notices/{notice_id}/source", errors=[NotFound], tag="notices", produces=["application/xml"])
async def get_source(
    runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID
) -> web.StreamResponse:
    """Download the eForms XML that a notice was imported from, byte for byte."""
    notice = await service.readable_notice(runtime, notice_id, actor)
    if notice.source is None:
        raise NotFound("Cet avis n'a pas été importé d'un fichier eForms.", "This notice was not imported from eForms.")
    return await send_document(request, runtime, notice.source, public=notice.published_at is not None)


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
        await service.require_draft_of(uow, notice_id, actor)
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
    await service.readable_notice(runtime, notice_id, actor)
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
    notice = await service.readable_notice(runtime, notice_id, actor)
    for document in notice.documents:
        if document.name == name:
            return await send_document(request, runtime, document, public=notice.published_at is not None)
    raise NotFound("Cet avis n'a pas de document de ce nom.", "This notice has no document of that name.")


@ROUTES.get("/v1/procedures/{procedure_id}", errors=[NotFound], tag="procedures")
async def get_procedure(runtime: Runtime, actor: Actor | None, procedure_id: UUID) -> ProcedureView:
    """Read a procedure and its notices."""
    procedure, notices = await service.readable_procedure(runtime, procedure_id, actor)
    return ProcedureView.of(procedure, notices, actor)


@ROUTES.get("/v1/procedures/{procedure_id}/timeline", errors=[NotFound], tag="procedures")
async def get_timeline(
    runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: PageQuery
) -> Page[TimelineView]:
    """Read what happened in a procedure: the public part for anyone, for its buyer all that may be told."""
    await service.readable_procedure(runtime, procedure_id, actor)
    after = None
    if query.cursor:
        position = Cursor.decode(runtime, query.cursor)
        after = datetime.fromisoformat(position["at"]), int(position["position"])
    async with runtime.read() as conn:
        reader = actor.organisation if actor else None
        rows = await store.timeline(conn, procedure_id, reader=reader, after=after, limit=query.limit + 1)
    shown, more = rows[: query.limit], len(rows) > query.limit
    last: Mapping[str, Any] = {"at": shown[-1].occurred_at, "position": shown[-1].position} if more else {}
    return Page(items=[TimelineView.of(row) for row in shown], next=Cursor.encode(runtime, last) if more else None)


@ROUTES.get("/v1/rules", tag="rules", cache=3600)
async def get_rules(runtime: Runtime, query: RulesQuery) -> RulesView:
    """Read the thresholds of a day, each with its legal source."""
    return RulesView.of(query.on or runtime.clock.now().date())


async def _checked(body: bytes) -> CheckedNotice:
    """Check a notice apart: a heavy one keeps nobody but other checks waiting (the schema is no object for several threads)."""
    return await asyncio.get_running_loop().run_in_executor(_CHECKER, check, body)


def _criteria(runtime: Runtime, query: NoticeQuery, words: str | None) -> store.Criteria:
    return store.Criteria(
        query=words,
        branches=tuple(query.cpv) or None,
        departments=tuple(query.department) or None,
        deadline_after=query.deadline_after,
        deadline_before=query.deadline_before,
        kinds=tuple(query.kind) or None,
        buyer=query.buyer,
        procedure_type=query.procedure if isinstance(query.procedure, str) else None,
        procedure_id=query.procedure if isinstance(query.procedure, UUID) else None,
        after=_after(runtime, query.cursor),
        limit=query.limit + 1,
    )


def _after(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["at"]), UUID(position["id"])


def _page(runtime: Runtime, found: list[Notice], limit: int, *, by: str) -> Page[NoticeView]:
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = Cursor.encode(runtime, {"at": getattr(shown[-1], by), "id": shown[-1].notice_id})
    now = runtime.clock.now()
    return Page(items=[NoticeView.of(notice, now) for notice in shown], next=following)
