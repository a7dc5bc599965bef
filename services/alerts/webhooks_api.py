"""The routes of partners' webhooks."""

from __future__ import annotations

import inspect
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, InvalidInput, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.http.events_page import schema_path
from libs.common.http.events_words import EVENTS
from libs.common.messages.base import Event
from libs.common.runtime import Runtime
from libs.common.schemas import sample_of
from libs.common.uow import Uow
from services.alerts.errors import ForbiddenEndpoint
from services.alerts.paging import cursor_of, key_of, read_cursor
from services.alerts.service import deliveries as delivery_service
from services.alerts.service import webhooks as service
from services.alerts.settings import AlertsSettings
from services.alerts.store import deliveries as delivery_store
from services.alerts.store import webhooks as store
from services.alerts.store.sql import FIRST
from services.alerts.views import PageQuery
from services.alerts.webhooks.endpoints import Endpoint
from services.alerts.webhooks.signing import public_text, secret_text
from services.alerts.webhooks_views import (
    AttemptView,
    DeliveryQuery,
    DeliveryView,
    EventTypeView,
    RecoveryInput,
    RecoveryView,
    SecretInput,
    TestInput,
    WebhookChange,
    WebhookInput,
    WebhookSecretView,
    WebhookView,
)

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")
_LAST = 2**62


@ROUTES.get("/v1/webhook-types", errors=[InvalidInput], tag="webhooks")
async def list_types(runtime: Runtime, query: PageQuery) -> Page[EventTypeView]:
    """List the types of events that partners may get, with schema and example, by name."""
    after = read_cursor(runtime, query.cursor, lambda position: str(position["type"])) if query.cursor else ""
    found = sorted((event for event in service.public_types() if event.type > after), key=lambda event: event.type)
    shown, address = found[: query.limit], runtime.port(AlertsSettings).public_url
    following = Cursor.encode(runtime, {"type": shown[-1].type}) if len(found) > query.limit else None
    return Page(items=[_type(event, address) for event in shown], next=following)


@ROUTES.post("/v1/webhooks", status=201, errors=[Forbidden, ForbiddenEndpoint, Conflict], tag="webhooks")
async def create_webhook(uow: Uow, actor: Actor, body: WebhookInput) -> WebhookSecretView:
    """Subscribe a partner's endpoint to public events; its secret is shown this once."""
    endpoint = await service.create(uow, actor, body.endpoint(actor.organisation, uow.now()))
    return _shown(uow, endpoint)


@ROUTES.get("/v1/webhooks", errors=[InvalidInput], tag="webhooks")
async def list_webhooks(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[WebhookView]:
    """List the partner's endpoints, oldest first."""
    after, now = key_of(runtime, query.cursor, FIRST), runtime.clock.now()
    async with runtime.read() as conn:
        found = await store.page(conn, actor.organisation, after, query.limit + 1)
    shown = found[: query.limit]
    following = cursor_of(runtime, shown[-1].created_at, shown[-1].webhook_id) if len(found) > query.limit else None
    return Page(items=[WebhookView.of(endpoint, now) for endpoint in shown], next=following)


@ROUTES.get("/v1/webhooks/{webhook_id}", errors=[NotFound], tag="webhooks")
async def get_webhook(runtime: Runtime, actor: Actor, webhook_id: UUID) -> WebhookView:
    """Read an endpoint: what it wants, how it fares."""
    async with runtime.read() as conn:
        endpoint = service.own(await store.get(conn, webhook_id), actor)
    return WebhookView.of(endpoint, runtime.clock.now())


@ROUTES.patch("/v1/webhooks/{webhook_id}", errors=[NotFound, ForbiddenEndpoint], tag="webhooks")
async def change_webhook(uow: Uow, actor: Actor, webhook_id: UUID, body: WebhookChange) -> WebhookView:
    """Change an endpoint, disable it or enable it again; what is on its way goes to its address of now."""
    return WebhookView.of(await service.change(uow, actor, webhook_id, body.change()), uow.now())


@ROUTES.delete("/v1/webhooks/{webhook_id}", status=204, errors=[NotFound], tag="webhooks")
async def delete_webhook(uow: Uow, actor: Actor, webhook_id: UUID) -> None:
    """Forget an endpoint, and what was on its way to it."""
    await service.delete(uow, actor, webhook_id)


@ROUTES.post("/v1/webhooks/{webhook_id}/secret", errors=[NotFound], tag="webhooks")
async def change_secret(uow: Uow, actor: Actor, webhook_id: UUID, body: SecretInput) -> WebhookSecretView:
    """Give an endpoint another secret, shown this once; until the end of the overlap each call has both signatures."""
    return _shown(uow, await service.rotate(uow, actor, webhook_id, timedelta(hours=body.overlap_hours)))


@ROUTES.post("/v1/webhooks/{webhook_id}/test", status=202, errors=[NotFound, Conflict, InvalidInput], tag="webhooks")
async def send_test(uow: Uow, actor: Actor, webhook_id: UUID, body: TestInput) -> DeliveryView:
    """Send an endpoint the example of a type; its `source` is `/test`."""
    return DeliveryView.of(await delivery_service.send_test(uow, actor, webhook_id, body.type))


@ROUTES.post(
    "/v1/webhooks/{webhook_id}/recoveries", status=202, errors=[NotFound, Conflict, InvalidInput], tag="webhooks"
)
async def begin_recovery(uow: Uow, actor: Actor, webhook_id: UUID, body: RecoveryInput) -> RecoveryView:
    """Send an endpoint what it wants of all events since a date: what never arrived, or everything again."""
    missing = body.what == "missing"
    return RecoveryView(recovery_id=await delivery_service.recover(uow, actor, webhook_id, body.since, missing=missing))


@ROUTES.get("/v1/webhooks/{webhook_id}/deliveries", errors=[NotFound, InvalidInput], tag="webhooks")
async def list_deliveries(runtime: Runtime, actor: Actor, webhook_id: UUID, query: DeliveryQuery) -> Page[DeliveryView]:
    """List the events sent to an endpoint or on their way, newest first; by state."""
    before = read_cursor(runtime, query.cursor, _position) if query.cursor else _LAST
    async with runtime.read() as conn:
        service.own(await store.get(conn, webhook_id), actor)
        found = await delivery_store.page(conn, webhook_id, before, query.limit + 1, query.state)
    shown, more = found[: query.limit], len(found) > query.limit
    following = Cursor.encode(runtime, {"position": shown[-1]["position"]}) if more else None
    return Page(items=[DeliveryView.of(row) for row in shown], next=following)


@ROUTES.post(
    "/v1/webhooks/{webhook_id}/deliveries/{event_id}/resend", status=202, errors=[NotFound, Conflict], tag="webhooks"
)
async def resend(uow: Uow, actor: Actor, webhook_id: UUID, event_id: UUID) -> DeliveryView:
    """Send an event to an endpoint again, or one that it never got; under the same identity."""
    return DeliveryView.of(await delivery_service.resend(uow, actor, webhook_id, event_id))


@ROUTES.get("/v1/webhooks/{webhook_id}/attempts", errors=[NotFound, InvalidInput], tag="webhooks")
async def list_attempts(runtime: Runtime, actor: Actor, webhook_id: UUID, query: PageQuery) -> Page[AttemptView]:
    """List the attempts at an endpoint, newest first."""
    before = read_cursor(runtime, query.cursor, _attempt) if query.cursor else _LAST
    async with runtime.read() as conn:
        service.own(await store.get(conn, webhook_id), actor)
        found = await delivery_store.attempts(conn, webhook_id, before, query.limit + 1)
    shown, more = found[: query.limit], len(found) > query.limit
    following = Cursor.encode(runtime, {"attempt": shown[-1]["attempt_id"]}) if more else None
    return Page(items=[AttemptView.of(row) for row in shown], next=following)


def _shown(uow: Uow, endpoint: Endpoint) -> WebhookSecretView:
    settings = uow.runtime.port(AlertsSettings)
    secret, public = service.secret_of(settings, endpoint.webhook_id, endpoint.generation), endpoint.signature == "v1a"
    texts = (None, public_text(secret)) if public else (secret_text(secret), None)
    return WebhookSecretView.shown(endpoint, uow.now(), *texts)


def _type(event: type[Event], address: str) -> EventTypeView:
    return EventTypeView(
        type=event.type,
        description=EVENTS[event.type],
        description_en=inspect.cleandoc(event.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        schema_url=address + schema_path(event.type),
        example=json.loads(sample_of(event).to_json()),
    )


def _position(position: dict[str, Any]) -> int:
    return int(position["position"])


def _attempt(position: dict[str, Any]) -> int:
    return int(position["attempt"])
