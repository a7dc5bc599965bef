"""Partners' endpoints, the events on their way to them, each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.messages.envelope import CloudEvent
from services.alerts.domain import Delivery, Endpoint
from services.alerts.store.sql import QUERIES, Key
from services.alerts.webhooks.client import Answer

__all__ = [
    "add",
    "attempts",
    "codes_of_procedure",
    "count",
    "count_attempt",
    "delete",
    "delivery",
    "disable",
    "enabled",
    "get",
    "page",
    "queue",
]


async def add(conn: asyncpg.Connection, endpoint: Endpoint) -> None:
    """Keep an endpoint."""
    filters = (list(endpoint.types), list(endpoint.cpv), list(endpoint.departments))
    values = (endpoint.webhook_id, endpoint.organisation, endpoint.url, *filters, endpoint.created_at)
    await conn.execute(QUERIES["insert_endpoint"], *values)


async def count(conn: asyncpg.Connection, organisation: str) -> int:
    """Count an organisation's endpoints, holding back others who would add one."""
    await conn.execute(QUERIES["lock_holder"], organisation)
    return int(await conn.fetchval(QUERIES["count_endpoints"], organisation))


async def page(conn: asyncpg.Connection, organisation: str, after: Key, limit: int) -> list[Endpoint]:
    """Give an organisation's endpoints, oldest first."""
    return [_endpoint(row) for row in await conn.fetch(QUERIES["endpoints"], organisation, *after, limit)]


async def get(conn: asyncpg.Connection, webhook_id: UUID) -> Endpoint | None:
    """Give an endpoint, None if there is none such."""
    row = await conn.fetchrow(QUERIES["endpoint"], webhook_id)
    return _endpoint(row) if row else None


async def delete(conn: asyncpg.Connection, webhook_id: UUID, organisation: str) -> bool:
    """Forget an endpoint and what was on its way; False when the organisation has none such."""
    return bool(await conn.execute(QUERIES["delete_endpoint"], webhook_id, organisation) == "DELETE 1")


async def enabled(conn: asyncpg.Connection, event_type: str) -> list[Endpoint]:
    """Give the endpoints that want events of a type."""
    return [_endpoint(row) for row in await conn.fetch(QUERIES["enabled_endpoints"], event_type)]


async def codes_of_procedure(conn: asyncpg.Connection, procedure: UUID) -> tuple[list[str], list[str]]:
    """Give the CPV codes and departments of a procedure's last notice; none when it is unknown."""
    row = await conn.fetchrow(QUERIES["codes_of_procedure"], procedure)
    return (row["cpv"], row["departments"]) if row else ([], [])


async def queue(conn: asyncpg.Connection, event: CloudEvent, endpoints: Sequence[Endpoint], at: datetime) -> list[UUID]:
    """Put an event on its way to endpoints, once each; give the new deliveries."""
    told = event.model_copy(update={"sequence": None})  # positions count events that partners may not know of
    await conn.execute(QUERIES["keep_outgoing"], event.id, event.type, told.to_json().decode(), at)
    chosen = [endpoint.webhook_id for endpoint in endpoints]
    rows = await conn.fetch(QUERIES["queue_deliveries"], chosen, event.id, at)
    return [row["delivery_id"] for row in rows]


async def delivery(conn: asyncpg.Connection, delivery_id: UUID) -> Delivery | None:
    """Give a delivery that waits for an endpoint that is enabled; None otherwise."""
    row = await conn.fetchrow(QUERIES["delivery"], delivery_id)
    return Delivery(**dict(row)) if row else None


async def count_attempt(
    conn: asyncpg.Connection, delivery: Delivery, answer: Answer, *, state: str, at: datetime
) -> None:
    """Keep an attempt and where it leaves the delivery."""
    number = delivery.attempts + 1
    await conn.execute(QUERIES["count_attempt"], delivery.delivery_id, number, state)
    told = (answer.status, answer.error, round(answer.seconds * 1000))
    await conn.execute(QUERIES["keep_attempt"], delivery.delivery_id, number, at, *told)


async def disable(conn: asyncpg.Connection, webhook_id: UUID, reason: str) -> None:
    """Send nothing more to an endpoint."""
    await conn.execute(QUERIES["disable_endpoint"], webhook_id, reason)


async def attempts(conn: asyncpg.Connection, webhook_id: UUID, before: int, limit: int) -> list[asyncpg.Record]:
    """Give the attempts at an endpoint, newest first."""
    rows: list[asyncpg.Record] = await conn.fetch(QUERIES["attempts"], webhook_id, before, limit)
    return rows


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(**dict(row))
