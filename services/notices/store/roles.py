"""The recorded roles in PostgreSQL: functions over a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.domain.roles import Role, RoleRecord

__all__ = [
    "RecordFilter",
    "Standing",
    "add_record",
    "begin_rule",
    "consultations",
    "delegated",
    "get_record",
    "is_member",
    "keepers",
    "lock_rule",
    "records",
    "records_of_person",
    "revoke_record",
    "standing",
]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is recorded of a person in an organisation, at an instant."""

    ruled: bool
    """Whether any role of the organisation was ever recorded."""
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records of an organisation are asked for; None: any."""

    procedure_id: UUID | None = None
    person: str | None = None
    live_at: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 20


async def standing(
    conn: asyncpg.Connection, organisation: str, person: str, procedure_id: UUID | None, at: datetime
) -> Standing:
    """Give what a person holds in all of an organisation, and in one consultation of it."""
    row = await conn.fetchrow(_SQL["standing"], organisation, person, procedure_id, at)
    return Standing(row["ruled"], frozenset(Role(role) for role in row["roles"]))


async def consultations(conn: asyncpg.Connection, organisation: str, person: str, at: datetime) -> list[UUID]:
    """Give the consultations of an organisation in which a person holds a role."""
    return [row["procedure_id"] for row in await conn.fetch(_SQL["consultations"], organisation, person, at)]


async def is_member(conn: asyncpg.Connection, person: str, organisation: str, at: datetime) -> bool:
    """Say whether a person holds any role in an organisation at an instant."""
    found: bool = await conn.fetchval(_SQL["is_member"], person, organisation, at)
    return found


async def begin_rule(conn: asyncpg.Connection, organisation: str, at: datetime) -> bool:
    """Have records say who may do what in an organisation; False where they did already. Waits for who else is at it."""
    return await conn.fetchval(_SQL["begin_rule"], organisation, at) is not None


async def lock_rule(conn: asyncpg.Connection, organisation: str) -> None:
    """Let nobody else change the roles of an organisation until the end of the transaction."""
    await conn.execute(_SQL["lock_rule"], organisation)


async def add_record(conn: asyncpg.Connection, record: RoleRecord) -> None:
    """Write a new record."""
    await conn.execute(
        _SQL["record_add"],
        record.record_id,
        record.organisation,
        record.person,
        record.role,
        record.capacity,
        record.procedure_id,
        record.delegated_from,
        record.function,
        record.valid_from,
        record.valid_until,
        record.granted_by,
        record.granted_at,
        record.version,
    )


async def revoke_record(conn: asyncpg.Connection, record: RoleRecord) -> None:
    """Write that a record was revoked."""
    await conn.execute(_SQL["record_revoke"], record.record_id, record.revoked_by, record.revoked_at, record.version)


async def get_record(conn: asyncpg.Connection, record_id: UUID) -> RoleRecord | None:
    """Give a record."""
    row = await conn.fetchrow(_SQL["record_get"], record_id)
    return None if row is None else _record(row)


async def records_of_person(
    conn: asyncpg.Connection, person: str, at: datetime, *, organisation: str | None = None
) -> list[RoleRecord]:
    """Give the records of a person that hold, or will; of one organisation where it is named."""
    return [_record(row) for row in await conn.fetch(_SQL["records_of_person"], person, organisation, at)]


async def delegated(conn: asyncpg.Connection, record_id: UUID, at: datetime) -> list[RoleRecord]:
    """Give the delegations of a record that hold, or will."""
    return [_record(row) for row in await conn.fetch(_SQL["delegated"], record_id, at)]


async def keepers(conn: asyncpg.Connection, organisation: str, at: datetime) -> int:
    """Count the administrators of a whole organisation without end."""
    found: int = await conn.fetchval(_SQL["keepers"], organisation, at)
    return found


async def records(conn: asyncpg.Connection, organisation: str, asked: RecordFilter) -> list[RoleRecord]:
    """Give records of an organisation, oldest first."""
    granted_at, record_id = asked.after or (None, None)
    rows = await conn.fetch(
        _SQL["records"],
        organisation,
        asked.procedure_id,
        asked.person,
        asked.live_at,
        granted_at,
        record_id,
        asked.limit,
    )
    return [_record(row) for row in rows]


def _record(row: asyncpg.Record) -> RoleRecord:
    values = dict(row)
    return RoleRecord(**{**values, "role": Role(values["role"])})
