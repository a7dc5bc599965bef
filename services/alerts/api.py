"""The routes of the alerts service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, Forbidden, InvalidInput, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.mail.tokens import read_token
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.domain import Endpoint
from services.alerts.errors import ForbiddenEndpoint, TooManyFollows, TooManySearches, UnselectiveSearch
from services.alerts.mails.compose import unsubscribe_page
from services.alerts.service import news as news_service
from services.alerts.service import searches as search_service
from services.alerts.service import webhooks as webhook_service
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import news as news_store
from services.alerts.store import searches as search_store
from services.alerts.store import webhooks as webhook_store
from services.alerts.store.sql import FIRST, LAST, Key
from services.alerts.views import (
    AttemptView,
    ContactInput,
    ContactView,
    FollowView,
    MailView,
    MatchView,
    PageQuery,
    SearchInput,
    SearchView,
    WebhookCreatedView,
    WebhookInput,
    WebhookView,
)
from services.alerts.webhooks.client import secret_text

__all__ = ["ROUTES"]

T = TypeVar("T")
ROUTES = Routes("alerts")
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


@ROUTES.post(
    "/v1/searches",
    status=201,
    errors=[UnselectiveSearch, TooManySearches],
    tag="searches",
    location="/v1/searches/{search_id}",
)
async def create_search(uow: Uow, actor: Actor, body: SearchInput) -> SearchView:
    """Save a search: each notice published from now on is held against it."""
    return SearchView.of(await search_service.create_search(uow, actor, body.name, body.criteria()))


@ROUTES.get("/v1/searches", errors=[InvalidInput], tag="searches")
async def list_searches(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[SearchView]:
    """List the organisation's saved searches, oldest first."""
    after = _key(runtime, query.cursor, FIRST)
    async with runtime.read() as conn:
        found = await search_store.searches(conn, actor.organisation, after, query.limit + 1)
    shown = found[: query.limit]
    following = _cursor(runtime, shown[-1].created_at, shown[-1].search_id) if len(found) > query.limit else None
    return Page(items=[SearchView.of(search) for search in shown], next=following)


@ROUTES.get("/v1/searches/{search_id}", errors=[NotFound], tag="searches")
async def get_search(runtime: Runtime, actor: Actor, search_id: UUID) -> SearchView:
    """Read a saved search."""
    async with runtime.read() as conn:
        search = await search_store.search(conn, search_id)
    return SearchView.of(search_service.own_search(search, actor))


@ROUTES.delete("/v1/searches/{search_id}", status=204, errors=[NotFound], tag="searches")
async def delete_search(uow: Uow, actor: Actor, search_id: UUID) -> None:
    """Forget a saved search."""
    await search_service.delete_search(uow, actor, search_id)


@ROUTES.get("/v1/searches/{search_id}/matches", errors=[NotFound, InvalidInput], tag="searches")
async def list_matches(runtime: Runtime, actor: Actor, search_id: UUID, query: PageQuery) -> Page[MatchView]:
    """List what a search found, newest first, with the reasons and what became of the mail."""
    before = _key(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        search_service.own_search(await search_store.search(conn, search_id), actor)
        found = await search_store.matches(conn, search_id, before, query.limit + 1)
    domain, shown = runtime.port(AlertsSettings).mail_domain, found[: query.limit]
    more = len(found) > query.limit
    following = _cursor(runtime, shown[-1]["matched_at"], shown[-1]["notice_id"]) if more else None
    return Page(items=[MatchView.of(row, domain) for row in shown], next=following)


@ROUTES.put("/v1/followed/{procedure}", status=204, errors=[NotFound, TooManyFollows], tag="followed")
async def follow_procedure(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Follow a procedure: its changes and answers are mailed to the organisation's address. Nobody else knows who follows."""
    await news_service.follow(uow, actor, procedure)


@ROUTES.delete("/v1/followed/{procedure}", status=204, errors=[NotFound], tag="followed")
async def unfollow_procedure(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Follow a procedure no more."""
    await news_service.unfollow(uow, actor, procedure)


@ROUTES.get("/v1/followed", errors=[InvalidInput], tag="followed")
async def list_followed(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[FollowView]:
    """List the procedures the organisation follows, newest first."""
    before = _key(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        found = await news_store.follows(conn, actor.organisation, before, query.limit + 1)
    shown, more = found[: query.limit], len(found) > query.limit
    following = _cursor(runtime, shown[-1]["since"], shown[-1]["procedure"]) if more else None
    return Page(items=[FollowView(**dict(row)) for row in shown], next=following)


@ROUTES.get("/v1/mails", errors=[InvalidInput], tag="mails")
async def list_mails(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[MailView]:
    """List the mails to the organisation, newest first."""
    before = _key(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        found = await mail_store.page(conn, actor.organisation, before, query.limit + 1)
    return _mails(runtime, found, query.limit)


@ROUTES.get("/v1/mails/undelivered", errors=[Forbidden, InvalidInput], tag="mails")
async def list_undelivered(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[MailView]:
    """List the mails that reached nobody: to the operator all, to a buyer those of its own letters."""
    actor.require(OrganisationKind.OPERATOR, OrganisationKind.BUYER)
    sender = None if actor.kind is OrganisationKind.OPERATOR else actor.organisation
    before = _key(runtime, query.cursor, LAST)
    async with runtime.read() as conn:
        found = await mail_store.undelivered(conn, sender, before, query.limit + 1)
    return _mails(runtime, found, query.limit)


@ROUTES.get("/v1/unsubscribe/{token}", errors=[NotFound], tag="contact", produces=["text/html"])
async def confirm_unsubscription(runtime: Runtime, token: str) -> web.StreamResponse:
    """Show the page that asks to confirm; reading it changes nothing, whatever opens the links of mails."""
    if read_token(runtime.settings.secret.get_secret_value(), token) is None:
        raise NotFound("Ce lien de désinscription est inconnu.", "This unsubscription link is unknown.")
    return _html(unsubscribe_page(done=False))


@ROUTES.post(
    "/v1/unsubscribe/{token}",
    errors=[NotFound],
    tag="contact",
    accepts=["*/*"],
    produces=["text/html"],
    limit=4_096,
)
async def unsubscribe(uow: Uow, token: str, body: bytes) -> web.StreamResponse:  # RFC 8058 has a body
    """Stop alerts in one click (RFC 8058): no identification, the signed link is enough. Repeating it changes nothing."""
    await search_service.unsubscribe(uow, uow.runtime.settings.secret.get_secret_value(), token)
    return _html(unsubscribe_page(done=True))


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
    after = _key(runtime, query.cursor, FIRST)
    async with runtime.read() as conn:
        found = await webhook_store.page(conn, actor.organisation, after, query.limit + 1)
    shown = found[: query.limit]
    following = _cursor(runtime, shown[-1].created_at, shown[-1].webhook_id) if len(found) > query.limit else None
    return Page(items=[WebhookView.of(endpoint) for endpoint in shown], next=following)


@ROUTES.delete("/v1/webhooks/{webhook_id}", status=204, errors=[NotFound], tag="webhooks")
async def delete_webhook(uow: Uow, actor: Actor, webhook_id: UUID) -> None:
    """Forget an endpoint, and what was on its way to it."""
    await webhook_service.delete(uow, actor, webhook_id)


@ROUTES.get("/v1/webhooks/{webhook_id}/attempts", errors=[NotFound, InvalidInput], tag="webhooks")
async def list_attempts(runtime: Runtime, actor: Actor, webhook_id: UUID, query: PageQuery) -> Page[AttemptView]:
    """List the attempts at an endpoint, newest first."""
    before = _read(runtime, query.cursor, _attempt) if query.cursor else _LAST_ATTEMPT
    async with runtime.read() as conn:
        webhook_service.own(await webhook_store.get(conn, webhook_id), actor)
        found = await webhook_store.attempts(conn, webhook_id, before, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    following = Cursor.encode(runtime, {"attempt": shown[-1]["attempt_id"]}) if more else None
    return Page(items=[AttemptView.of(row) for row in shown], next=following)


def _mails(runtime: Runtime, found: list[mail_store.Row], limit: int) -> Page[MailView]:
    shown, domain = found[:limit], runtime.port(AlertsSettings).mail_domain
    following = _cursor(runtime, shown[-1]["created_at"], shown[-1]["mail_id"]) if len(found) > limit else None
    return Page(items=[MailView.of(row, domain) for row in shown], next=following)


def _html(page: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    return web.Response(text=page, content_type="text/html", headers=headers)


def _key(runtime: Runtime, cursor: str | None, start: Key) -> Key:
    return start if cursor is None else _read(runtime, cursor, _place)


def _place(position: dict[str, Any]) -> Key:
    return datetime.fromisoformat(position["at"]), UUID(position["id"])


def _attempt(position: dict[str, Any]) -> int:
    return int(position["attempt"])


def _read(runtime: Runtime, cursor: str, read: Callable[[dict[str, Any]], T]) -> T:
    """Read a cursor of ours. Raises InvalidInput for one of another list."""
    try:
        return read(Cursor.decode(runtime, cursor))
    except KeyError:
        raise InvalidInput("Ce curseur est celui d'une autre liste.", "This cursor is that of another list.") from None


def _cursor(runtime: Runtime, at: datetime, identity: UUID) -> str:
    return Cursor.encode(runtime, {"at": at.isoformat(), "id": str(identity)})
