"""The publication of notices: on the platform at once, or through channels, each in its turn."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, Forbidden, IllegalTransition, NotFound, StaleVersion
from libs.common.http import IfMatch, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.api.paging import part
from services.notices.domain.notice import Notice
from services.notices.errors import NotPublishable
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.publication import NewSending
from services.notices.publication import law, payload
from services.notices.publication.national import NationalForm
from services.notices.publication.port import Channels
from services.notices.service import publication as service
from services.notices.service import roles, sending
from services.notices.service.notices import readable_notice
from services.notices.store import publications as store
from services.notices.views.notices import NoticeView
from services.notices.views.publications import ChannelsView, PublicationView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.post(
    "/v1/notices/{notice_id}/publication",
    status=201,
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, NotPublishable],
    tag="publication",
)
async def publish_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch) -> NoticeView:
    """Publish a draft notice on the platform alone, at once. For other channels too: POST .../publications."""
    published = await service.publish(uow, service.PublishNotice(notice_id, if_match, actor))
    return NoticeView.of(published, uow.now())


@ROUTES.post(
    "/v1/notices/{notice_id}/check",
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, NotPublishable],
    tag="publication",
)
async def check_draft(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch, body: NewSending) -> NoticeView:
    """Check a draft against the platform's rules and the law, for the channels it is meant for: then it may be sent."""
    command = sending.CheckNotice(notice_id, if_match, actor, body.sending())
    return NoticeView.of(await sending.check(uow, command), uow.now())


@ROUTES.post(
    "/v1/notices/{notice_id}/publications",
    status=201,
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, Conflict, NotPublishable],
    tag="publication",
)
async def send_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch, body: NewSending) -> NoticeView:
    """Send a notice to its channels: the Official Journal first, then the others, the platform last.

    None named: those that the law asks for. A notice on its way or published: more channels, or again one that rejected it.
    """
    command = sending.CheckNotice(notice_id, if_match, actor, body.sending())
    return NoticeView.of(await sending.send(uow, command), uow.now())


@ROUTES.get("/v1/notices/{notice_id}/publications", errors=[NotFound], tag="publication")
async def list_publications(
    runtime: Runtime, actor: Actor | None, notice_id: UUID, query: PageQuery
) -> Page[PublicationView]:
    """List where a notice is published, with number, date and link; its buyer sees each channel's answer too."""
    notice = await readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
        found = await store.publications(conn, notice_id)
    names = {code: listed.name for code, listed in runtime.port(Channels).listed.items()}
    told = [each for each in found if own or each.published_on]
    shown, following = part(runtime, told, query, lambda each: str(each.publication_id))
    place = payload.Place(runtime.settings.public_url)
    alone = [] if found or not notice.published_at else [_here(notice, notice.published_at, place)]
    return Page(items=[*(PublicationView.of(each, names, own=own) for each in shown), *alone], next=following)


def _here(notice: Notice, at: datetime, place: payload.Place) -> PublicationView:
    return PublicationView.here(notice.content.legal_day(at), place.notice(notice))


@ROUTES.get("/v1/notices/{notice_id}/channels", errors=[NotFound, Forbidden], tag="publication")
async def list_channels(runtime: Runtime, actor: Actor, notice_id: UUID) -> ChannelsView:
    """Say where the law wants a notice published, and which channels the platform reaches."""
    actor.require(OrganisationKind.BUYER)
    notice = await readable_notice(runtime, notice_id, actor)
    async with runtime.read() as conn:
        await roles.require_reading(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
    on = notice.content.legal_day(notice.dispatched_on or runtime.clock.now())
    return ChannelsView.of(law.asked(notice.content, on), runtime.port(Channels))


@ROUTES.get("/v1/notices/{notice_id}/national-form", errors=[NotFound], tag="publication")
async def get_national_form(runtime: Runtime, actor: Actor | None, notice_id: UUID) -> NationalForm:
    """Read a notice in the national form (order of 12 February 2020), as the BOAMP and papers get it."""
    notice = await readable_notice(runtime, notice_id, actor)
    return payload.form(notice, payload.Place(runtime.settings.public_url))
