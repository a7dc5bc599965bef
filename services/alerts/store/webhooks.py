"""Partners' endpoints: what they want, their secrets' generations, how they fare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from uuid import UUID

import asyncpg

from services.alerts.store.sql import QUERIES, WEBHOOKS, Key
from services.alerts.webhooks.endpoints import Endpoint, Facts, Filters, Health

__all__ = [
    "add",
    "begin_recovery",
    "change",
    "count",
    "delete",
    "disable",
    "enable",
    "enabled",
    "endpoint_of",
    "facts_of_procedure",
    "get",
    "health",
    "lock",
    "page",
    "recovered",
    "set_health",
    "states",
]

_HEALTH = tuple(each.name for each in fields(Health))
_FILTERS = tuple(each.name for each in fields(Filters))
_REST = tuple(each.name for each in fields(Endpoint) if each.name not in {"filters", "health"})


async def add(conn: asyncpg.Connection, endpoint: Endpoint) -> None:
    """Keep an endpoint."""
    values = (*_filters(endpoint.filters), endpoint.per_second, endpoint.signature, endpoint.created_at)
    await conn.execute(WEBHOOKS["insert_endpoint"], endpoint.webhook_id, endpoint.organisation, endpoint.url, *values)


async def change(conn: asyncpg.Connection, endpoint: Endpoint) -> None:
    """Keep what an endpoint wants from now on."""
    values = (*_filters(endpoint.filters), endpoint.per_second, endpoint.generation, endpoint.previous_until)
    await conn.execute(WEBHOOKS["change_endpoint"], endpoint.webhook_id, endpoint.url, *values)


async def count(conn: asyncpg.Connection, organisation: str) -> int:
    """Count an organisation's endpoints, holding back others who would add one."""
    await conn.execute(QUERIES["lock_holder"], organisation)
    return int(await conn.fetchval(WEBHOOKS["count_endpoints"], organisation))


async def page(conn: asyncpg.Connection, organisation: str, after: Key, limit: int) -> list[Endpoint]:
    """Give an organisation's endpoints, oldest first."""
    return [endpoint_of(row) for row in await conn.fetch(WEBHOOKS["endpoints"], organisation, *after, limit)]


async def get(conn: asyncpg.Connection, webhook_id: UUID) -> Endpoint | None:
    """Give an endpoint, None if there is none such."""
    row = await conn.fetchrow(WEBHOOKS["endpoint"], webhook_id)
    return endpoint_of(row) if row else None


async def lock(conn: asyncpg.Connection, webhook_id: UUID) -> None:
    """Hold an endpoint for a change."""
    await conn.execute(WEBHOOKS["lock_endpoint"], webhook_id)


async def delete(conn: asyncpg.Connection, webhook_id: UUID, organisation: str) -> bool:
    """Forget an endpoint and what was on its way; False when the organisation has none such."""
    return bool(await conn.execute(WEBHOOKS["delete_endpoint"], webhook_id, organisation) == "DELETE 1")


async def enable(conn: asyncpg.Connection, webhook_id: UUID) -> None:
    """Send to an endpoint again, as if it had never failed."""
    await conn.execute(WEBHOOKS["enable_endpoint"], webhook_id)


async def disable(conn: asyncpg.Connection, webhook_id: UUID, reason: str) -> None:
    """Send nothing more to an endpoint."""
    await conn.execute(WEBHOOKS["disable_endpoint"], webhook_id, reason)


async def enabled(conn: asyncpg.Connection, event_type: str) -> list[Endpoint]:
    """Give the endpoints that want events of a type."""
    return [endpoint_of(row) for row in await conn.fetch(WEBHOOKS["enabled_endpoints"], event_type)]


async def begin_recovery(conn: asyncpg.Connection, webhook_id: UUID, recovery: UUID) -> None:
    """Keep which recovery of an endpoint goes on; an earlier one ends."""
    await conn.execute(WEBHOOKS["begin_recovery"], webhook_id, recovery)


async def recovered(conn: asyncpg.Connection, webhook_id: UUID, recovery: UUID) -> Endpoint | None:
    """Give the endpoint of a recovery that goes on; None where it does not."""
    row = await conn.fetchrow(WEBHOOKS["recovered_endpoint"], webhook_id, recovery)
    return endpoint_of(row) if row else None


async def facts_of_procedure(conn: asyncpg.Connection, event_type: str, procedure: UUID) -> Facts:
    """Give what is known of a procedure's last notice, for an event of this type."""
    row = await conn.fetchrow(WEBHOOKS["facts_of_procedure"], procedure)
    return Facts(event_type, row["cpv"], row["departments"], row["buyer"]) if row else Facts(event_type)


async def health(conn: asyncpg.Connection, webhooks: Sequence[UUID]) -> dict[UUID, Health]:
    """Give how endpoints fare, held for a change; not those that are disabled."""
    rows = await conn.fetch(WEBHOOKS["lock_endpoints"], list(webhooks))
    return {row["webhook_id"]: _health(row) for row in rows if row["state"] == "enabled"}


async def set_health(conn: asyncpg.Connection, changed: Mapping[UUID, Health]) -> None:
    """Keep how endpoints fare."""
    columns = zip(*((name, *(getattr(each, part) for part in _HEALTH)) for name, each in changed.items()), strict=True)
    await conn.execute(WEBHOOKS["set_health"], *map(list, columns))


async def states(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the endpoints: well, failing, disabled."""
    return {row["state"]: row["endpoints"] for row in await conn.fetch(WEBHOOKS["endpoint_states"])}


def endpoint_of(row: asyncpg.Record) -> Endpoint:
    """Give an endpoint."""
    filters = Filters(**{name: row[name] for name in _FILTERS})
    return Endpoint(filters=filters, health=_health(row), **{name: row[name] for name in _REST})


def _health(row: asyncpg.Record) -> Health:
    return Health(**{name: row[name] for name in _HEALTH})


def _filters(filters: Filters) -> list[list[str]]:
    return [list(getattr(filters, name)) for name in _FILTERS]
