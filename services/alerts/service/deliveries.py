"""What goes to partners' webhooks, and what each attempt leads to: for the delivery, for the endpoint, for its owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import Conflict, FieldError, InvalidInput, NotFound
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.messages.base import Audience, Event
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import NoticePublishedV1
from libs.common.runtime import Runtime
from libs.common.schemas import sample_of
from libs.common.search import notice as said
from libs.common.uow import Uow
from services.alerts.service import mails
from services.alerts.service.webhooks import held, public_types
from services.alerts.settings import AlertsSettings
from services.alerts.store import deliveries as store
from services.alerts.store import webhooks as webhook_store
from services.alerts.store.deliveries import Fate
from services.alerts.store.sql import FIRST
from services.alerts.webhooks.answers import Answer
from services.alerts.webhooks.endpoints import HEALTHY, Delivery, Endpoint, Facts, Health, Notice, delay_before, wants

__all__ = ["KEPT", "RECOVERY", "close", "fan_out", "fate_of", "recover", "recover_page", "resend", "send_test"]

RECOVERY = "webhook_recovery"
"""The kind of the jobs that recover page by page."""
KEPT = timedelta(days=90)
"""How long events are kept for recoveries: as long as cursors of the feed are good."""
_PAGE = 500


async def fan_out(uow: Uow, event: Event, envelope: CloudEvent) -> None:
    """Keep a public event, and put it on its way to each endpoint that wants it, once."""
    if event.audience is not Audience.PUBLIC:
        raise ValueError(f"{event.type} is not public")
    facts, key = await _facts(uow, event), str(event.procedure or event.aggregate_id)
    await store.keep(uow.conn, envelope, facts, key, uow.now())
    endpoints = await webhook_store.enabled(uow.conn, event.type)
    chosen = [endpoint.webhook_id for endpoint in endpoints if wants(endpoint.filters, facts)]
    if chosen:
        await store.queue(uow.conn, envelope.id, key, chosen, uow.now())


def fate_of(settings: AlertsSettings, delivery: Delivery, answer: Answer, now: datetime) -> Fate:
    """Give what an attempt makes of a delivery: done, tried again later, or failed."""
    if answer.accepted:
        return Fate(delivery, answer, "delivered")
    delay = delay_before(
        delivery.tries + 2,
        settings.webhook_schedule,
        delivery=delivery.delivery_id,
        retry_after=answer.retry_after,
    )
    if answer.gone or delay is None:
        return Fate(delivery, answer, "failed")
    return Fate(delivery, answer, "waiting", now + timedelta(seconds=delay))


async def close(runtime: Runtime, fates: Sequence[Fate], lease: UUID) -> None:
    """Record attempts, many at once: where they leave deliveries and endpoints; tell of what was delivered and disabled."""
    now = runtime.clock.now()
    async with runtime.batch() as batch:
        ours = await store.close(batch.conn, fates, lease, now)
        mine = [fate for fate in fates if fate.delivery.delivery_id in ours]
        told = await _judge(batch.conn, mine, now)
        async with batch.uow(cause=None) as uow:
            for endpoint, health, notice, reason in told:
                await _tell_owner(uow, endpoint, health, notice, reason)
        for body, done in _delivered(mine):
            async with batch.uow(cause=CloudEvent.from_json(body)) as uow:
                for fate in done:
                    uow.emit(_told(uow, fate.delivery))


async def resend(uow: Uow, actor: Actor, webhook_id: UUID, event_id: UUID) -> asyncpg.Record:
    """Send an event to an endpoint again, or at last. Raises NotFound, Conflict."""
    endpoint = await _sending(uow, actor, webhook_id)
    event = await store.kept(uow.conn, event_id)
    if event is None:
        raise NotFound(
            "Aucun événement public de ce numéro n'est encore gardé.", "No public event with this identifier is kept."
        )
    await store.requeue(uow.conn, endpoint.webhook_id, [event], uow.now(), delivered=True)
    return await _listed(uow, webhook_id, event_id)


async def send_test(uow: Uow, actor: Actor, webhook_id: UUID, kind: str) -> asyncpg.Record:
    """Send the example of a type to an endpoint, filters or not; its source says `/test`. Raises NotFound, Conflict, InvalidInput."""
    endpoint = await _sending(uow, actor, webhook_id)
    model = next((event for event in public_types() if event.type == kind), None)
    if model is None:
        told = ("Type inconnu ou non public.", "Unknown type, or not public.")
        raise InvalidInput(*told, errors=[FieldError("body/type", *told)])
    event = sample_of(model).model_copy(update={"id": uuid4(), "source": "/test", "traceparent": None})
    await store.keep(uow.conn, event, Facts(kind), str(event.id), uow.now(), test=True)
    await store.queue(uow.conn, event.id, str(event.id), [endpoint.webhook_id], uow.now())
    return await _listed(uow, webhook_id, event.id)


async def recover(uow: Uow, actor: Actor, webhook_id: UUID, since: datetime, *, missing: bool) -> UUID:
    """Send an endpoint all that it wants since an instant, or what of it never arrived; gives the recovery, done by jobs.

    A later one ends those before. Raises NotFound, Conflict, InvalidInput.
    """
    endpoint = await _sending(uow, actor, webhook_id)
    if not uow.now() - KEPT <= since <= uow.now():
        told = (
            f"Les événements sont gardés {KEPT.days} jours : donnez une date depuis lors, passée. Plus anciens : les archives du flux.",
            f"Events are kept for {KEPT.days} days: give a date since then, past. Older ones: the archives of the feed.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/since", *told)])
    recovery = uuid4()
    await webhook_store.begin_recovery(uow.conn, endpoint.webhook_id, recovery)
    payload = {"webhook_id": str(webhook_id), "recovery": str(recovery), "missing": missing}
    _enqueue(uow, payload | {"page": 1, "at": since.isoformat(), "event_id": str(FIRST[1])})
    uow.audit("alerts.webhook.recovered", str(webhook_id))
    return recovery


async def recover_page(uow: Uow, payload: Mapping[str, Any]) -> None:
    """Queue one page of a recovery, and ask for the next one."""
    webhook_id, recovery = UUID(payload["webhook_id"]), UUID(payload["recovery"])
    endpoint = await webhook_store.recovered(uow.conn, webhook_id, recovery)
    if endpoint is None:
        return
    after = (datetime.fromisoformat(payload["at"]), UUID(payload["event_id"]))
    found = await store.since(uow.conn, after, _PAGE)
    wanted = [each for each in found if wants(endpoint.filters, each.facts)]
    if wanted:
        await store.requeue(uow.conn, webhook_id, wanted, uow.now(), delivered=not payload["missing"])
    if len(found) == _PAGE:
        last = {"at": found[-1].created_at.isoformat(), "event_id": str(found[-1].event_id)}
        _enqueue(uow, {**payload, **last, "page": payload["page"] + 1})


def _enqueue(uow: Uow, payload: dict[str, Any]) -> None:
    uow.enqueue(RECOVERY, key=f"{payload['recovery']}:{payload['page']}", payload=payload)


async def _facts(uow: Uow, event: Event) -> Facts:
    """Give what filters look at: what an event says itself, else what its procedure's last notice said."""
    if isinstance(event, NoticePublishedV1):
        notice = event.notice
        return Facts(event.type, said.codes(notice), said.departments(notice), notice.buyer.organisation)
    known = Facts(event.type)
    if event.procedure is not None:
        known = await webhook_store.facts_of_procedure(uow.conn, event.type, event.procedure)
    own_codes = [event.contract.cpv] if isinstance(event, ContractNotifiedV1) else []
    return Facts(
        event.type, [*own_codes, *known.cpv], known.departments, known.buyer or event.buyer or event.organisation
    )


async def _sending(uow: Uow, actor: Actor, webhook_id: UUID) -> Endpoint:
    """Give an endpoint that something can be sent to. Raises NotFound, Conflict."""
    endpoint = await held(uow, actor, webhook_id)
    if endpoint.state != "enabled":
        raise Conflict(
            'Ce webhook est désactivé : réactivez-le d\'abord (PATCH, "enabled": true).',
            'This webhook is disabled: enable it first (PATCH, "enabled": true).',
        )
    return endpoint


async def _listed(uow: Uow, webhook_id: UUID, event_id: UUID) -> asyncpg.Record:
    row = await store.one(uow.conn, webhook_id, event_id)
    if row is None:
        raise LookupError("what was queued a moment ago is there")
    return row


_Told = tuple[Endpoint, Health, Notice, str]
"""An endpoint whose owner is told something, and why."""


async def _judge(conn: asyncpg.Connection, fates: Sequence[Fate], now: datetime) -> list[_Told]:
    """Write how endpoints fare where that changed; gives those whose owners are told. Nothing is written of those that fare well."""
    touched: dict[UUID, list[Fate]] = {}
    for fate in fates:
        touched.setdefault(fate.delivery.endpoint.webhook_id, []).append(fate)
    worth = {name: each for name, each in touched.items() if any(map(_notable, each))}
    if not worth:
        return []
    health, told = await webhook_store.health(conn, sorted(worth)), list[_Told]()
    for webhook_id, before in health.items():
        health[webhook_id], notices = _after(before, worth[webhook_id], now)
        told += notices
    await webhook_store.set_health(conn, health)
    for endpoint, _, notice, reason in told:
        if notice == "disabled":
            await webhook_store.disable(conn, endpoint.webhook_id, reason)
    return told


def _notable(fate: Fate) -> bool:
    return not fate.answer.accepted or fate.delivery.endpoint.health.failures > 0


def _after(health: Health, fates: Iterable[Fate], now: datetime) -> tuple[Health, list[_Told]]:
    """Give how an endpoint fares after attempts, in their order, and what its owner is told; disabled, nothing more is."""
    told: list[_Told] = []
    for fate in fates:
        endpoint, answer = fate.delivery.endpoint, fate.answer
        if answer.accepted:
            health = HEALTHY
            continue
        health, notice = health.after_failure(now, answer.hold)
        if answer.gone:
            return health, [*told, (endpoint, health, "disabled", "410 Gone")]
        if notice is not None:
            told.append(
                (endpoint, health, notice, f"every attempt failed since {health.failing_since:%Y-%m-%d %H:%M} UTC")
            )
        if notice == "disabled":
            break
    return health, told


async def _tell_owner(uow: Uow, endpoint: Endpoint, health: Health, notice: Notice, reason: str) -> None:
    if notice == "disabled":
        uow.audit("alerts.webhook.disabled", str(endpoint.webhook_id))
    about = f"{endpoint.webhook_id}:{health.failing_since}:{reason}"
    await mails.queue(uow, mails.service_mail(f"webhook_{notice}", endpoint.organisation, about, None))


def _delivered(fates: Iterable[Fate]) -> list[tuple[bytes, list[Fate]]]:
    """Give what was accepted, by event."""
    accepted = sorted((fate for fate in fates if fate.answer.accepted), key=_event)
    return [(same[0].delivery.body, same) for same in (list(group) for _, group in groupby(accepted, key=_event))]


def _event(fate: Fate) -> UUID:
    return fate.delivery.event_id


def _told(uow: Uow, delivery: Delivery) -> WebhookDeliveredV1:
    return WebhookDeliveredV1(
        aggregate_id=delivery.delivery_id,
        aggregate_version=delivery.attempts + 1,
        organisation=delivery.endpoint.organisation,
        occurred_at=uow.now(),
        endpoint_id=delivery.endpoint.webhook_id,
        event_id=delivery.event_id,
        attempts=delivery.attempts + 1,
    )
