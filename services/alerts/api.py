"""The routes of the alerts service."""

from __future__ import annotations

from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Forbidden, InvalidInput, NotFound
from libs.common.http import Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts import previews_api, searches_api, webhooks_api
from services.alerts.mails.compose import unsubscribe_page
from services.alerts.paging import cursor_of, key_of
from services.alerts.people import api as people_api
from services.alerts.people import api_searches as people_searches
from services.alerts.people import links, subscribers
from services.alerts.people import page as people_page
from services.alerts.people.api import html
from services.alerts.service import searches as search_service
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as search_store
from services.alerts.store.sql import LAST
from services.alerts.views import ContactInput, ContactView, MailView, PageQuery

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")
for _routes in (
    people_api.ROUTES,
    people_page.ROUTES,
    people_searches.ROUTES,
    searches_api.ROUTES,
    previews_api.ROUTES,
    webhooks_api.ROUTES,
):
    ROUTES.include(_routes)


@ROUTES.put("/v1/contact", tag="contact")
async def set_contact(uow: Uow, actor: Actor, body: ContactInput) -> ContactView:
    """Say where the organisation's mails go; alerts are wanted from now on."""
    contact = await search_service.set_contact(uow, actor, email=body.email, language=body.language)
    return ContactView.of(contact)


@ROUTES.get("/v1/contact", errors=[NotFound], tag="contact")
async def get_contact(runtime: Runtime, actor: Actor) -> ContactView:
    """Read where the organisation's mails go."""
    async with runtime.read() as conn:
        contact = await search_store.contact(conn, actor.organisation)
    if contact is None:
        raise NotFound("Aucune adresse n'est donnée.", "No address was given.")
    return ContactView.of(contact)


@ROUTES.delete("/v1/contact", status=204, errors=[NotFound], tag="contact")
async def forget_contact(uow: Uow, actor: Actor) -> None:
    """Erase where the organisation's mails go: nothing reaches it by mail from now on."""
    await search_service.forget_contact(uow, actor)


@ROUTES.get("/v1/mails", errors=[InvalidInput], tag="mails")
async def list_mails(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[MailView]:
    """List the mails to the organisation, newest first."""
    before = key_of(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        found = await mail_store.page(conn, actor.organisation, before, query.limit + 1)
    return _mails(runtime, found, query.limit)


@ROUTES.get("/v1/mails/undelivered", errors=[Forbidden, InvalidInput], tag="mails")
async def list_undelivered(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[MailView]:
    """List the mails that reached nobody: to the operator all, to a buyer those of its own letters."""
    actor.require(OrganisationKind.OPERATOR, OrganisationKind.BUYER)
    sender = None if actor.kind is OrganisationKind.OPERATOR else actor.organisation
    before = key_of(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        found = await mail_store.undelivered(conn, sender, before, query.limit + 1)
    return _mails(runtime, found, query.limit)


@ROUTES.get("/v1/unsubscribe/{token}", errors=[NotFound], tag="contact", produces=["text/html"])
async def confirm_unsubscription(runtime: Runtime, token: str) -> web.StreamResponse:
    """Show the page that asks to confirm; reading it changes nothing, whatever opens the links of mails."""
    one = subscribers.known_link(runtime, token)[0] == links.SEARCH
    return html(unsubscribe_page(one=one, done=False, stale=False))


@ROUTES.post(
    "/v1/unsubscribe/{token}",
    errors=[NotFound],
    tag="contact",
    accepts=["*/*"],
    produces=["text/html"],
    limit=4_096,
)
async def unsubscribe(uow: Uow, token: str, body: bytes) -> web.StreamResponse:  # RFC 8058 has a body
    """Stop one search or all alerts in one click (RFC 8058): the signed link is enough. Repeating it changes nothing."""
    one = subscribers.known_link(uow.runtime, token)[0] == links.SEARCH
    done = await subscribers.unsubscribe(uow, token)
    return html(unsubscribe_page(one=one, done=True, stale=not done))


def _mails(runtime: Runtime, found: list[mail_store.Row], limit: int) -> Page[MailView]:
    shown, domain = found[:limit], runtime.port(AlertsSettings).mail_domain
    following = cursor_of(runtime, shown[-1]["created_at"], shown[-1]["mail_id"]) if len(found) > limit else None
    return Page(items=[MailView.of(row, domain) for row in shown], next=following)
