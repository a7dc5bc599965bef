"""Alerts without an account: an address asks, its reader confirms, then the link of any mail is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from libs.common.actor import Actor
from libs.common.errors import NotFound, TooManyRequests
from libs.common.http import Routes
from libs.common.http.gate import address
from libs.common.http.limits import Limiter
from libs.common.mail.words import POLICY, page
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.errors import NoAddress, RequestExpired, TooManyFollows, TooManySearches, UnselectiveSearch
from services.alerts.people import erasure, links, requests, store, subscribers
from services.alerts.people.domain import Purpose, Subscriber
from services.alerts.people.views import (
    AskedView,
    LinkInput,
    PersonalAddressInput,
    PersonView,
    SettingsInput,
    SubscriptionInput,
)
from services.alerts.service import searches as search_service
from services.alerts.store import news as news_store

__all__ = ["ROUTES", "AskLimiter", "html"]

ROUTES = Routes("alerts")
_PACKAGE = "services.alerts.people"


class AskLimiter(Limiter):
    """How many mails to whatever address one caller may cause in a minute."""


@ROUTES.post(
    "/v1/subscriptions",
    status=202,
    errors=[UnselectiveSearch, NotFound, TooManyRequests],
    tag="people",
)
async def subscribe(request: web.Request, uow: Uow, body: SubscriptionInput) -> AskedView:
    """Ask for alerts at an address: its reader confirms by the link of a mail. No account, and the same answer for all."""
    _limit(uow.runtime, request)
    if body.procedure is not None:
        if not await news_store.known_procedure(uow.conn, body.procedure):
            raise NotFound(
                "Aucun avis de cette consultation n'est publié.", "No notice of this procedure is published."
            )
        wish, purpose = requests.follow_wish(body.procedure), Purpose.FOLLOW
    elif body.search is not None:
        draft = body.search.draft()
        search_service.check_selective(draft.criteria)
        wish, purpose = requests.search_wish(draft), Purpose.SUBSCRIBE
    await requests.ask(uow, body.email, body.language, purpose, wish)
    return AskedView()


@ROUTES.post("/v1/subscriptions/link", status=202, errors=[TooManyRequests], tag="people")
async def send_link(request: web.Request, uow: Uow, body: LinkInput) -> AskedView:
    """Have the link to all alerts of an address mailed to it, if it has any. The same answer for all."""
    _limit(uow.runtime, request)
    await requests.ask_link(uow, body.email)
    return AskedView()


@ROUTES.put("/v1/me", status=202, errors=[TooManyRequests], tag="people")
async def set_personal_address(request: web.Request, uow: Uow, actor: Actor, body: PersonalAddressInput) -> AskedView:
    """Give the address for alerts of one's own; it counts once it is confirmed by the link of a mail."""
    _limit(uow.runtime, request)
    await requests.ask_account(uow, actor, body.email, body.language)
    return AskedView()


@ROUTES.get("/v1/me", errors=[NotFound], tag="people")
async def get_personal_address(runtime: Runtime, actor: Actor) -> PersonView:
    """Read one's own confirmed address, and when its alerts come."""
    async with runtime.read() as conn:
        person = await store.of_account(conn, actor.subject, actor.organisation)
    if person is None:
        raise NotFound("Vous n'avez confirmé aucune adresse.", "You confirmed no address.")
    return PersonView.of(person)


@ROUTES.patch("/v1/me", errors=[NoAddress], tag="people")
async def change_personal_settings(uow: Uow, actor: Actor, body: SettingsInput) -> PersonView:
    """Change when and how one's own alerts come."""
    person = await store.of_account(uow.conn, actor.subject, actor.organisation)
    if person is None:
        raise NoAddress
    return await _change(uow, person, body)


@ROUTES.get("/v1/confirmations/{token}", errors=[NotFound, RequestExpired], tag="people", produces=["text/html"])
async def show_confirmation(runtime: Runtime, token: str) -> web.StreamResponse:
    """Show what a link confirms, with a button; reading it changes nothing, whatever opens the links of mails."""
    asked = await requests.read(runtime, token)
    values = {"purpose": asked.purpose.value, "wished": asked.wish.get("name"), "done": asked.used_at is not None}
    return html(page(_PACKAGE, "confirmation", **values, manage=None))


@ROUTES.post(
    "/v1/confirmations/{token}",
    errors=[NotFound, RequestExpired, TooManySearches, TooManyFollows],
    tag="people",
    accepts=["*/*"],
    produces=["text/html"],
    limit=4_096,
)
async def confirm(uow: Uow, token: str, body: bytes) -> web.StreamResponse:  # a form has a body
    """Do what was asked in the name of an address, once: the signed link is enough. Repeating it changes nothing."""
    purpose, person = await requests.confirm(uow, token)
    manage = links.manage(uow.runtime.settings, person.subscriber_id, person.generation) if person else None
    return html(page(_PACKAGE, "confirmation", purpose=purpose.value, wished=None, done=True, manage=manage))


@ROUTES.get("/v1/people/{token}", errors=[NotFound], tag="people")
async def get_person(runtime: Runtime, token: str) -> PersonView:
    """Read what is known of the address that a link was mailed to."""
    async with runtime.read() as conn:
        return PersonView.of(await subscribers.of_link(conn, runtime.settings, token))


@ROUTES.patch("/v1/people/{token}", errors=[NotFound], tag="people")
async def change_person(uow: Uow, token: str, body: SettingsInput) -> PersonView:
    """Change when and how alerts come, pause them, stop them all or have them again."""
    return await _change(uow, await subscribers.of_link(uow.conn, uow.runtime.settings, token), body)


@ROUTES.post("/v1/people/{token}/renewal", status=202, errors=[NotFound, TooManyRequests], tag="people")
async def renew_links(request: web.Request, uow: Uow, token: str) -> AskedView:
    """End every link mailed so far, to who passed one on by mistake; a new one comes by mail."""
    _limit(uow.runtime, request)
    person = await subscribers.of_link(uow.conn, uow.runtime.settings, token)
    await store.renew(uow.conn, person.subscriber_id)
    await requests.ask_link(uow, person.email)
    return AskedView()


@ROUTES.get("/v1/people/{token}/export", errors=[NotFound], tag="people", produces=["application/json"])
async def export_person(runtime: Runtime, token: str) -> web.StreamResponse:
    """Take away all that is kept of an address, as JSON (article 20 GDPR)."""
    async with runtime.read() as conn:
        kept = await erasure.export(conn, await subscribers.of_link(conn, runtime.settings, token))
    return json_file(kept, "alertes.json")


@ROUTES.post("/v1/people/{token}/erasure", status=202, errors=[NotFound, TooManyRequests], tag="people")
async def ask_erasure(request: web.Request, uow: Uow, token: str) -> AskedView:
    """Have all that is kept of an address erased (article 17 GDPR), once its reader confirms by the link of a mail."""
    _limit(uow.runtime, request)
    await requests.ask_erasure(uow, await subscribers.of_link(uow.conn, uow.runtime.settings, token))
    return AskedView()


def html(content: str) -> web.Response:
    """Give a page that a link of a mail leads to: kept nowhere, told to nobody."""
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        "Content-Security-Policy": POLICY,
    }
    return web.Response(text=content, content_type="text/html", headers=headers)


def json_file(content: dict[str, Any], name: str) -> web.Response:
    """Give JSON to keep as a file."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=to_json(content, indent=2), content_type="application/json", headers=headers)


async def _change(uow: Uow, person: Subscriber, body: SettingsInput) -> PersonView:
    given = body.model_dump(exclude_unset=True)
    alerts = given.pop("alerts", None)
    said = {name: value for name, value in given.items() if value is not None or name == "paused_until"}
    return PersonView.of(await subscribers.set_settings(uow, replace(person, **said), alerts=alerts))


def _limit(runtime: Runtime, request: web.Request) -> None:
    runtime.port(AskLimiter).take(address(request, runtime.settings.proxies))
