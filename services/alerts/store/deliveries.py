"""Events on their way to partners' endpoints: a queue of its own, claimed endpoint by endpoint, and each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.common.messages.envelope import CloudEvent
from services.alerts.store.sql import WEBHOOKS, Key
from services.alerts.store.webhooks import endpoint_of
from services.alerts.webhooks.answers import Answer
from services.alerts.webhooks.endpoints import Delivery, Facts

__all__ = [
    "Busy",
    "Fate",
    "Kept",
    "attempts",
    "claim",
    "close",
    "forget",
    "keep",
    "kept",
    "one",
    "page",
    "queue",
    "release",
    "requeue",
    "since",
    "waiting",
]

_OLD_ATTEMPTS, _OLD_EVENTS = 5_000, 200
"""Forgotten in one statement."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A public event that was kept, and what filters look at in it."""

    event_id: UUID
    key: str | None
    facts: Facts
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Busy:
    """What we do with an endpoint now: deliveries in hand, and how many more it may get at once by its rate."""

    webhook_id: UUID
    in_hand: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What an attempt made of a delivery."""

    delivery: Delivery
    answer: Answer
    state: str
    due_at: datetime | None = None
    """Of the next attempt, where there is one."""


async def keep(
    conn: asyncpg.Connection, event: CloudEvent, facts: Facts, key: str, at: datetime, *, test: bool = False
) -> None:
    """Keep a public event as every attempt sends it."""
    told = event.model_copy(update={"sequence": None})  # positions count events that partners may not know of
    values = (list(facts.cpv), list(facts.departments), facts.buyer, key, test)
    await conn.execute(WEBHOOKS["keep_outgoing"], event.id, event.type, told.to_json().decode(), at, *values)


async def queue(conn: asyncpg.Connection, event_id: UUID, key: str, endpoints: Sequence[UUID], at: datetime) -> None:
    """Put an event that is kept on its way to endpoints, once each."""
    await conn.execute(WEBHOOKS["queue_deliveries"], list(endpoints), event_id, key, at)
    await conn.execute(WEBHOOKS["wake_deliveries"])


async def requeue(
    conn: asyncpg.Connection, webhook_id: UUID, events: Sequence[Kept], at: datetime, *, delivered: bool
) -> None:
    """Put events on their way to an endpoint again; those it accepted only if `delivered`."""
    columns = ([each.event_id for each in events], [each.key for each in events])
    await conn.execute(WEBHOOKS["requeue_deliveries"], webhook_id, *columns, at, delivered)
    await conn.execute(WEBHOOKS["wake_deliveries"])


async def kept(conn: asyncpg.Connection, event_id: UUID) -> Kept | None:
    """Give a public event that is still kept; None where there is none such."""
    row = await conn.fetchrow(WEBHOOKS["one_outgoing"], event_id)
    return _kept(row) if row else None


async def since(conn: asyncpg.Connection, after: Key, limit: int) -> list[Kept]:
    """Give public events that are kept, oldest first."""
    return [_kept(row) for row in await conn.fetch(WEBHOOKS["outgoing_since"], *after, limit)]


async def claim(
    conn: asyncpg.Connection,
    *,
    now: datetime,
    most: int,
    at_once: int,
    busy: Sequence[Busy],
    lease: UUID,
    seconds: float,
) -> list[Delivery]:
    """Take what each endpoint may have now, for so many seconds, with the endpoints of this moment."""
    columns = zip(*((each.webhook_id, each.in_hand, each.allowed) for each in busy), strict=True) if busy else ((),) * 3
    values = (*map(list, columns), lease, timedelta(seconds=seconds))
    rows = await conn.fetch(WEBHOOKS["claim_deliveries"], now, most, at_once, *values)
    if not rows:
        return []
    webhooks = await conn.fetch(WEBHOOKS["claimed_endpoints"], list({row["webhook_id"] for row in rows}))
    endpoints = {row["webhook_id"]: endpoint_of(row) for row in webhooks}
    found = await conn.fetch(WEBHOOKS["bodies"], list({row["event_id"] for row in rows}))
    bodies = {row["event_id"]: row["body"].encode() for row in found}
    return [
        Delivery(
            row["delivery_id"],
            row["event_id"],
            endpoints[row["webhook_id"]],
            row["attempts"],
            row["begun"],
            bodies[row["event_id"]],
        )
        for row in rows
        if row["webhook_id"] in endpoints
    ]


async def close(conn: asyncpg.Connection, fates: Sequence[Fate], lease: UUID, at: datetime) -> set[UUID]:
    """Keep attempts and where they leave their deliveries; gives the deliveries that were still ours."""
    columns = zip(*(_columns(fate) for fate in fates), strict=True)
    rows = await conn.fetch(WEBHOOKS["close_deliveries"], *map(list, columns), lease, at)
    return {row["delivery_id"] for row in rows}


async def release(conn: asyncpg.Connection, deliveries: Sequence[UUID], lease: UUID) -> None:
    """Give deliveries back that were not tried."""
    await conn.execute(WEBHOOKS["release_deliveries"], list(deliveries), lease)


async def attempts(conn: asyncpg.Connection, webhook_id: UUID, before: int, limit: int) -> list[asyncpg.Record]:
    """Give the attempts at an endpoint, newest first."""
    rows: list[asyncpg.Record] = await conn.fetch(WEBHOOKS["attempts"], webhook_id, before, limit)
    return rows


async def page(
    conn: asyncpg.Connection, webhook_id: UUID, before: int, limit: int, state: str | None
) -> list[asyncpg.Record]:
    """Give the deliveries to an endpoint, those asked for last first."""
    rows: list[asyncpg.Record] = await conn.fetch(WEBHOOKS["deliveries"], webhook_id, before, limit, state)
    return rows


async def one(conn: asyncpg.Connection, webhook_id: UUID, event_id: UUID) -> asyncpg.Record | None:
    """Give a delivery as lists show it; None where there is none such."""
    return await conn.fetchrow(WEBHOOKS["one_delivery"], webhook_id, event_id)


async def waiting(conn: asyncpg.Connection, now: datetime) -> tuple[int, float, int]:
    """Give how many deliveries could leave to endpoints that fare well, the seconds that the oldest waits, how many wait otherwise.

    Otherwise: for their next attempt, an endpoint that fails, an earlier event.
    """
    row = await conn.fetchrow(WEBHOOKS["waiting_deliveries"], now)
    return (row["due"], row["seconds"], row["later"])


async def forget(conn: asyncpg.Connection, *, attempts_before: datetime, events_before: datetime) -> bool:
    """Forget some old attempts and events; tell whether there may be more."""
    gone: str = await conn.execute(WEBHOOKS["forget_attempts"], attempts_before, _OLD_ATTEMPTS)
    events: str = await conn.execute(WEBHOOKS["forget_outgoing"], events_before, _OLD_EVENTS)
    return gone == f"DELETE {_OLD_ATTEMPTS}" or events == f"DELETE {_OLD_EVENTS}"


def _kept(row: asyncpg.Record) -> Kept:
    facts = Facts(row["type"], row["cpv"], row["departments"], row["buyer"])
    return Kept(row["event_id"], row["key"], facts, row["created_at"])


def _columns(fate: Fate) -> tuple[object, ...]:
    answer = fate.answer
    told = (answer.status, answer.error, round(answer.seconds * 1000), answer.text)
    return (fate.delivery.delivery_id, fate.state, fate.delivery.attempts + 1, fate.due_at, *told)
