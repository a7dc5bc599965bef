"""The routes of the alerts service."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, Forbidden, InvalidInput, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts import previews_api, searches_api
from services.alerts.domain import Endpoint
from services.alerts.errors import ForbiddenEndpoint
from services.alerts.mails.compose import unsubscribe_page
from services.alerts.paging import cursor_of, key_of, read_cursor
from services.alerts.people import api as people_api
from services.alerts.people import api_searches as people_searches
from services.alerts.people import links, subscribers
from services.alerts.people import page as people_page
from services.alerts.people.api import html
from services.alerts.service import searches as search_service
from services.alerts.service import webhooks as webhook_service
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as search_store
from services.alerts.store import webhooks as webhook_store
from services.alerts.store.sql import FIRST, LAST
from services.alerts.views import (
    AttemptView,
    ContactInput,
    ContactView,
    MailView,
    PageQuery,
    WebhookCreatedView,
    WebhookInput,
    WebhookView,
)
from services.alerts.webhooks.client import secret_text

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")
for _routes in (
    people_api.ROUTES,
    people_page.ROUTES,
    people_searches.ROUTES,
    searches_api.ROUTES,
    previews_api.ROUTES,
):
    ROUTES.include(_routes)
_LAST_ATTEMPT = 2**62


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


@ROUTES.post("/v1/webhooks", status=201, errors=[Forbidden, ForbiddenEndpoint, Conflict], tag="webhooks")
async def create_webhook(uow: Uow, actor: Actor, body: WebhookInput) -> WebhookCreatedView:
    """Subscribe a partner's endpoint to public events; its secret is shown this once."""
    draft = Endpoint(
        webhook_id=UUID(int=0),
        organisation=actor.organisation,
        url=body.url,
        types=list(dict.fromkeys(body.types)),
        cpv=sorted(set(body.cpv)),
        departments=sorted(set(body.departments)),
        state="enabled",
        disabled_reason=None,
        created_at=uow.now(),
    )
    endpoint = await webhook_service.create(uow, actor, draft)
    secret = webhook_service.secret_of(uow.runtime.port(AlertsSettings), endpoint.webhook_id)
    return WebhookCreatedView(**WebhookView.of(endpoint).model_dump(), secret=secret_text(secret))


@ROUTES.get("/v1/webhooks", errors=[InvalidInput], tag="webhooks")
async def list_webhooks(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[WebhookView]:
    """List the partner's endpoints, oldest first."""
    after = key_of(runtime, query.cursor, FIRST)
    async with runtime.read() as conn:
        found = await webhook_store.page(conn, actor.organisation, after, query.limit + 1)
    shown = found[: query.limit]
    following = cursor_of(runtime, shown[-1].created_at, shown[-1].webhook_id) if len(found) > query.limit else None
    return Page(items=[WebhookView.of(endpoint) for endpoint in shown], next=following)


@ROUTES.delete("/v1/webhooks/{webhook_id}", status=204, errors=[NotFound], tag="webhooks")
async def delete_webhook(uow: Uow, actor: Actor, webhook_id: UUID) -> None:
    """Forget an endpoint, and what was on its way to it."""
    await webhook_service.delete(uow, actor, webhook_id)


@ROUTES.get("/v1/webhooks/{webhook_id}/attempts", errors=[NotFound, InvalidInput], tag="webhooks")
async def list_attempts(runtime: Runtime, actor: Actor, webhook_id: UUID, query: PageQuery) -> Page[AttemptView]:
    """List the attempts at an endpoint, newest first."""
    before = read_cursor(runtime, query.cursor, _attempt) if query.cursor else _LAST_ATTEMPT
    async with runtime.read() as conn:
        webhook_service.own(await webhook_store.get(conn, webhook_id), actor)
        found = await webhook_store.attempts(conn, webhook_id, before, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    following = Cursor.encode(runtime, {"attempt": shown[-1]["attempt_id"]}) if more else None
    return Page(items=[AttemptView.of(row) for row in shown], next=following)


def _mails(runtime: Runtime, found: list[mail_store.Row], limit: int) -> Page[MailView]:
    shown, domain = found[:limit], runtime.port(AlertsSettings).mail_domain
    following = cursor_of(runtime, shown[-1]["created_at"], shown[-1]["mail_id"]) if len(found) > limit else None
    return Page(items=[MailView.of(row, domain) for row in shown], next=following)


def _attempt(position: dict[str, Any]) -> int:
    return int(position["attempt"])
