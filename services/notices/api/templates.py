"""Notices begun from past ones, and the templates of an organisation."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.errors import RoleMissing
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.templates import NewDraft, NewTemplate, named_buyer
from services.notices.service import roles
from services.notices.service import templates as service
from services.notices.store import templates as store
from services.notices.views.notices import NoticeView
from services.notices.views.templates import TemplateView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.post(
    "/v1/drafts",
    status=201,
    errors=[NotFound, Forbidden, RoleMissing],
    tag="templates",
    location="/v1/notices/{notice_id}",
)
async def begin_draft(uow: Uow, actor: Actor, body: NewDraft) -> NoticeView:
    """Begin a notice from a past one or a template: new identifiers, no date, no key; of another buyer, the need alone."""
    if body.template_id is not None:
        notice = await service.from_template(uow, body.template_id, body.title, actor)
    else:
        assert body.notice_id is not None  # noqa: S101  # the input names one of the two
        notice = await service.from_notice(uow, body.notice_id, body.title, named_buyer(body.buyer, actor), actor)
    return NoticeView.of(notice, uow.now())


@ROUTES.post("/v1/templates", status=201, errors=[NotFound, Forbidden, RoleMissing, Conflict], tag="templates")
async def keep_template(uow: Uow, actor: Actor, body: NewTemplate) -> TemplateView:
    """Keep a notice as a template of your organisation."""
    template = await service.keep(uow, body.name, body.notice_id, named_buyer(body.buyer, actor), actor)
    return TemplateView.of(template)


@ROUTES.get("/v1/templates", errors=[Forbidden, RoleMissing], tag="templates")
async def list_templates(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[TemplateView]:
    """List the templates of your organisation, by name."""
    after = Cursor.decode(runtime, query.cursor)["template"] if query.cursor else None
    async with runtime.read() as conn:
        await roles.require_reading(conn, actor, actor.organisation, None, runtime.clock.now())
        found = await store.templates(conn, actor.organisation, after, query.limit + 1)
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"template": shown[-1].name}) if len(found) > query.limit else None
    return Page(items=[TemplateView.of(each) for each in shown], next=following)


@ROUTES.delete("/v1/templates/{template_id}", status=204, errors=[NotFound, Forbidden, RoleMissing], tag="templates")
async def remove_template(uow: Uow, actor: Actor, template_id: UUID) -> None:
    """Remove a template; what was begun from it stays."""
    await service.remove(uow, template_id, actor)
