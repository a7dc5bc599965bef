"""Drafts, imports and readings of notices."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, IllegalTransition, NotFound, StaleVersion
from libs.common.http import Cursor, IfMatch, Page, Routes, attachment
from libs.common.http.conditional import etag, is_unchanged, known_tags
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.api.paging import after, page
from services.notices.domain.notice import Changes, Notice, NoticeState
from services.notices.eforms import xml
from services.notices.eforms.apart import apart
from services.notices.eforms.check import check
from services.notices.errors import AmendmentOfClosed, DuplicateNotice, NoticeOfAnother, NoticeRejected, RoleMissing
from services.notices.inputs.documents import Version
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.notices import NewNotice, NoticePatch, VersionsQuery
from services.notices.service import imports, roles
from services.notices.service import notices as service
from services.notices.service.disclosure import readable_file
from services.notices.service.representations import form
from services.notices.store import notices as store
from services.notices.store import representations
from services.notices.store.notices import VersionRow
from services.notices.views.checks import CheckView
from services.notices.views.notices import NoticeView
from services.notices.views.versions import NoticeTextView, VersionView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")

_XML = ("application/xml", "text/xml", "application/octet-stream")


@ROUTES.post("/v1/notices/check", tag="notices", accepts=_XML, limit=xml.MAX_BYTES)
async def check_notice(actor: Actor, body: bytes) -> CheckView:  # any authenticated caller may ask
    """Check an eForms notice: what it says, what is wrong with it and how to mend it. Nothing is kept."""
    return CheckView.of(await apart(check, body))


@ROUTES.post(
    "/v1/notices/import",
    status=201,
    errors=[NoticeRejected, NoticeOfAnother, DuplicateNotice, AmendmentOfClosed],
    tag="notices",
    accepts=_XML,
    limit=xml.MAX_BYTES,
    location="/v1/notices/{notice_id}",
)
async def import_notice(uow: Uow, actor: Actor, body: bytes) -> NoticeView:
    """Import an eForms notice as a draft. Every business term is kept: the XML itself goes to storage."""
    drafted = imports.draft_of(await apart(check, body), actor, uow.now())
    return NoticeView.of(await imports.keep(uow, drafted, body, actor), uow.now())


@ROUTES.post("/v1/notices", status=201, errors=[Forbidden], tag="notices", location="/v1/notices/{notice_id}")
async def create_notice(uow: Uow, actor: Actor, body: NewNotice) -> NoticeView:
    """Write a notice as a draft, without eForms XML."""
    actor.require(OrganisationKind.BUYER)
    if body.procedure_id is not None:
        await service.require_own_procedure(uow, body.procedure_id, actor)
    content = body.content(actor, uow.now())
    command = service.DraftNotice(uuid4(), body.procedure_id or uuid4(), content)
    return NoticeView.of(await service.write(uow, command, actor), uow.now())


@ROUTES.get("/v1/drafts", errors=[Forbidden, RoleMissing], tag="notices")
async def list_drafts(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[NoticeView]:
    """List the drafts that you may read in your organisation, newest first."""
    async with runtime.read() as conn:
        scope = await roles.readable(conn, actor, runtime.clock.now())
        found = await store.drafts(conn, scope, after(runtime, query.cursor), query.limit + 1)
    return page(runtime, found, query.limit, by="created_at")


@ROUTES.get("/v1/notices/{notice_id}", errors=[NotFound], tag="notices")
async def get_notice(
    runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID
) -> NoticeView | web.Response:
    """Read a notice: published, or a draft of the caller's organisation."""
    async with runtime.read() as conn:
        written = await representations.get(conn, notice_id, form(), known_tags(request))
    if written:
        return _written(request, written)
    return NoticeView.of(await service.readable_notice(runtime, notice_id, actor), runtime.clock.now())


@ROUTES.get("/v1/notices/{notice_id}/versions", errors=[NotFound], tag="notices")
async def list_versions(
    runtime: Runtime, actor: Actor | None, notice_id: UUID, query: VersionsQuery
) -> Page[VersionView]:
    """List the states a notice went through, with what changed; those of the draft for its buyer only."""
    notice = await service.readable_notice(runtime, notice_id, actor)
    first = int(Cursor.decode(runtime, query.cursor)["version"]) if query.cursor else 0
    until = query.as_of or runtime.clock.now()
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
        rows = await store.versions(
            conn, notice_id, drafts_too=own, until=until, first=first, limit=query.limit + 1 + bool(first)
        )
    rows = [_read_by(row, notice, own=own) for row in rows]
    former, rows = (rows[0], rows[1:]) if first and rows else (None, rows)
    shown = rows[: query.limit]
    following = Cursor.encode(runtime, {"version": shown[-1].version}) if len(rows) > query.limit else None
    return Page(items=VersionView.all_of(shown, former), next=following)


@ROUTES.get("/v1/notices/{notice_id}/versions/{number}", errors=[NotFound], tag="notices")
async def get_version(runtime: Runtime, actor: Actor | None, notice_id: UUID, number: Version) -> NoticeTextView:
    """Read a notice whole, as it was in one version; those of the draft for its buyer only."""
    notice = await service.readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
        rows = await store.versions(conn, notice_id, drafts_too=own, until=runtime.clock.now(), first=number, limit=1)
    if rows and rows[0].version == number:
        return NoticeTextView.of(_read_by(rows[0], notice, own=own))
    raise NotFound("Cet avis n'a pas de version de ce numéro.", "This notice has no version of that number.")


def _read_by(row: VersionRow, notice: Notice, *, own: bool) -> VersionRow:
    """Give a version as its reader may have it: to the buyer's people what the public does not read yet."""
    parted = own and notice.whole is not None and row.state == NoticeState.PUBLISHED
    return replace(row, content=notice.written) if parted else row


@ROUTES.patch("/v1/notices/{notice_id}", errors=[NotFound, Forbidden, StaleVersion, IllegalTransition], tag="notices")
async def change_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch, body: NoticePatch) -> NoticeView:
    """Change a draft: its texts, deadline and opening keys, its lots and results, and what eForms ask for."""
    opening = body.opening.key_set() if body.opening else None
    changes = Changes(
        title=body.title,
        description=body.description,
        deadline=body.deadline,
        opening=opening,
        rewritten=body.rewritten,
    )
    changed = await service.change(uow, service.ChangeNotice(notice_id, if_match, changes, actor))
    return NoticeView.of(changed, uow.now())


@ROUTES.get(
    "/v1/notices/{notice_id}/source", errors=[NotFound], tag="notices", produces=["application/xml", "application/json"]
)
async def get_source(
    runtime: Runtime, request: web.Request, actor: Actor | None, notice_id: UUID
) -> web.StreamResponse:
    """Download what a notice was imported from: its eForms XML, or the record of a notice of before eForms.

    To its buyer byte for byte; to the public without what it withholds until a day (BT-195) and without personal data.
    """
    notice = await service.readable_notice(runtime, notice_id, actor)
    body = await readable_file(runtime, notice, actor)
    if notice.source is None or body is None:
        raise NotFound("Cet avis n'a pas été importé d'un fichier eForms.", "This notice was not imported from eForms.")
    tag = etag(body, None)
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attachment(notice.source.name),
    }
    if is_unchanged(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=notice.source.media_type, headers=headers)


def _written(request: web.Request, found: representations.Representation) -> web.Response:
    """Give what was written of a published notice; 304 to whom has it."""
    headers = {"ETag": found.tag, "Cache-Control": "private, no-cache"}
    if found.body is None or is_unchanged(request, found.tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, content_type="application/json", headers=headers)
