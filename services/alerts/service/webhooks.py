"""Partners' webhooks: which events go where, and what each attempt leads to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, FieldError, InvalidInput, NotFound
from libs.common.messages import registry
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.messages.base import Audience, Event
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import NoticePublishedV1
from libs.common.search import notice as said
from libs.common.uow import Uow
from services.alerts.domain import MAX_ENDPOINTS, Delivery, Endpoint, delay_before, wants
from services.alerts.errors import ForbiddenEndpoint
from services.alerts.settings import AlertsSettings
from services.alerts.store import webhooks as store
from services.alerts.webhooks.addresses import ForbiddenAddressError
from services.alerts.webhooks.client import Answer, Caller

__all__ = ["JOB", "create", "delete", "fan_out", "own", "public_types", "record", "secret_of"]

JOB = "webhook"
_GONE = 410


def public_types() -> list[type[Event]]:
    """Give the events that everybody may be told of: the only ones that partners get."""
    return [event for event in registry.all_types().values() if event.audience is Audience.PUBLIC]


def secret_of(settings: AlertsSettings, webhook_id: UUID) -> bytes:
    """Give an endpoint's secret, 32 bytes, derived from the platform's: nothing in the database to steal."""
    key = settings.secret.get_secret_value().encode()
    return hmac.digest(key, b"webhook:" + webhook_id.bytes, hashlib.sha256)


async def create(uow: Uow, actor: Actor, endpoint: Endpoint) -> Endpoint:
    """Keep a partner's endpoint. Raises Forbidden, ForbiddenEndpoint, InvalidInput, Conflict."""
    actor.require(OrganisationKind.PARTNER)
    _check_types(endpoint.types)
    await _check_address(uow, endpoint.url)
    if await store.count(uow.conn, actor.organisation) >= MAX_ENDPOINTS:
        raise Conflict(
            f"Un partenaire a au plus {MAX_ENDPOINTS} webhooks : supprimez-en un.",
            f"A partner has at most {MAX_ENDPOINTS} webhooks: delete one.",
        )
    endpoint = replace(endpoint, webhook_id=uuid4(), organisation=actor.organisation, created_at=uow.now())
    await store.add(uow.conn, endpoint)
    uow.audit("alerts.webhook.created", str(endpoint.webhook_id))
    return endpoint


async def delete(uow: Uow, actor: Actor, webhook_id: UUID) -> None:
    """Forget an endpoint of the actor's organisation. Raises NotFound."""
    if not await store.delete(uow.conn, webhook_id, actor.organisation):
        raise _unknown()
    uow.audit("alerts.webhook.deleted", str(webhook_id))


def own(endpoint: Endpoint | None, actor: Actor) -> Endpoint:
    """Let only the owner see an endpoint. Raises NotFound."""
    if endpoint is None or endpoint.organisation != actor.organisation:
        raise _unknown()
    return endpoint


async def fan_out(uow: Uow, event: Event, envelope: CloudEvent) -> None:
    """Put a public event on its way to each endpoint that wants it, once."""
    if event.audience is not Audience.PUBLIC:
        raise ValueError(f"{event.type} is not public")
    endpoints = await store.enabled(uow.conn, event.type)
    if not endpoints:
        return
    cpv, places = await _codes(uow, event)
    chosen = [endpoint for endpoint in endpoints if wants(endpoint, cpv, places)]
    for delivery_id in await store.queue(uow.conn, envelope, chosen, uow.now()) if chosen else []:
        _enqueue(uow, delivery_id, 1, 0)


async def record(uow: Uow, delivery: Delivery, answer: Answer) -> None:
    """Keep an attempt; then the delivery is done, tried again later, or failed. 410 disables the endpoint."""
    settings = uow.runtime.port(AlertsSettings)
    number, now = delivery.attempts + 1, uow.now()
    delay = delay_before(
        number + 1, settings.webhook_schedule, delivery=delivery.delivery_id, retry_after=answer.retry_after
    )
    gone = answer.status == _GONE
    state = "delivered" if answer.accepted else "failed" if gone or delay is None else "waiting"
    await store.count_attempt(uow.conn, delivery, answer, state=state, at=now)
    if answer.accepted:
        uow.emit(_delivered(uow, delivery, number))
    elif gone:
        await store.disable(uow.conn, delivery.webhook_id, "410 Gone")
        uow.audit("alerts.webhook.disabled", str(delivery.webhook_id))
    elif delay is not None:
        _enqueue(uow, delivery.delivery_id, number + 1, delay)


def _enqueue(uow: Uow, delivery_id: UUID, number: int, delay: float) -> None:
    due_at = uow.now() + timedelta(seconds=delay)
    uow.enqueue(JOB, key=f"{delivery_id}:{number}", payload={"delivery_id": str(delivery_id)}, due_at=due_at)


async def _codes(uow: Uow, event: Event) -> tuple[Sequence[str], Sequence[str]]:
    """Give the CPV codes and departments of an event: its own, else those of its procedure's notice."""
    if isinstance(event, NoticePublishedV1):
        return said.codes(event.notice), said.departments(event.notice)
    known = await store.codes_of_procedure(uow.conn, event.procedure) if event.procedure else ([], [])
    own_codes = [event.contract.cpv] if isinstance(event, ContractNotifiedV1) else []
    return [*own_codes, *known[0]], known[1]


def _check_types(types: Sequence[str]) -> None:
    known = {event.type for event in public_types()}
    faults = [
        FieldError(
            f"body/types/{number}",
            f"Type inconnu ou non public. Types publics : {', '.join(sorted(known))}.",
            f"Unknown type, or not public. Public types: {', '.join(sorted(known))}.",
        )
        for number, name in enumerate(types)
        if name not in known
    ]
    if faults:
        raise InvalidInput("Des types d'événements sont refusés.", "Some event types are refused.", errors=faults)


async def _check_address(uow: Uow, url: str) -> None:
    """Refuse at once what every attempt would refuse; the attempts check again. Raises ForbiddenEndpoint."""
    try:
        await uow.runtime.port(Caller).vet(url)
    except OSError as error:
        private = isinstance(error, ForbiddenAddressError)
        french = "adresse privée ou mal formée" if private else "nom introuvable"
        english = "private or malformed address" if private else "name not found"
        told = (
            f"Cette adresse ne peut pas recevoir de webhook ({french}) : donnez une adresse http(s) publique.",
            f"This address cannot receive webhooks ({english}): give a public http(s) address.",
        )
        raise ForbiddenEndpoint(*told, errors=[FieldError("body/url", *told)]) from None


def _delivered(uow: Uow, delivery: Delivery, attempts: int) -> WebhookDeliveredV1:
    return WebhookDeliveredV1(
        aggregate_id=delivery.delivery_id,
        aggregate_version=1,
        organisation=delivery.organisation,
        occurred_at=uow.now(),
        endpoint_id=delivery.webhook_id,
        event_id=delivery.event_id,
        attempts=attempts,
    )


def _unknown() -> NotFound:
    return NotFound("Aucun webhook sous ce numéro.", "No webhook with this identifier.")
