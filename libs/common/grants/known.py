"""What a service knows of the roles that the notices service records: a read model of its own, from the events."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.db import load_queries
from libs.common.grants.refusals import refuse_without
from libs.common.grants.roles import ALL, Permission, Role, allowed
from libs.common.messages.roles import RoleGrantedV1, RoleRevokedV1
from libs.common.runtime import Runtime
from libs.common.service import Consumers
from libs.common.uow import Uow

__all__ = ["QUEUE", "TABLES", "KnownMemberships", "follow_roles", "permissions", "require"]

QUEUE: Final = "roles"
TABLES: Final = ("granted_role",)
"""What a rebuild of the queue fills again."""
_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


def follow_roles(consumers: Consumers) -> None:
    """Have a service keep the roles it hears of."""
    consumers.on(RoleGrantedV1, queue=QUEUE, projection=True)(_keep)
    consumers.on(RoleRevokedV1, queue=QUEUE, projection=True)(_keep)


async def _keep(uow: Uow, event: RoleGrantedV1 | RoleRevokedV1) -> None:
    role = event.role
    await uow.conn.execute(
        _SQL["keep"],
        role.record_id,
        event.organisation,
        role.person,
        role.role,
        event.procedure,
        role.valid_from,
        role.valid_until,
        role.revoked_at,
        event.aggregate_version,
    )


async def permissions(
    conn: asyncpg.Connection, actor: Actor, organisation: str, procedure: UUID, at: datetime
) -> frozenset[Permission]:
    """Give what the caller may do in a consultation of a buyer; all to its people while none of its roles is known."""
    if actor.kind is not OrganisationKind.BUYER or actor.organisation != organisation:
        return frozenset()
    row = await conn.fetchrow(_SQL["standing"], organisation, actor.subject, procedure, at)
    return allowed(Role(role) for role in row["roles"]) if row["ruled"] else ALL


async def require(
    conn: asyncpg.Connection, actor: Actor, organisation: str, procedure: UUID, permission: Permission, at: datetime
) -> None:
    """Let only those pass who may do this in a consultation. Raises Forbidden: another organisation, or RoleMissing."""
    actor.require(OrganisationKind.BUYER)
    refuse_without(await permissions(conn, actor, organisation, procedure, at), permission, actor, organisation)


class KnownMemberships:
    """Lets whoever holds a role in a whole organisation act for it, though the token does not name it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def is_member(self, subject: str, organisation: str) -> bool:
        """Say whether the person holds a role in all of the organisation now."""
        async with self._runtime.read() as conn:
            found: bool = await conn.fetchval(_SQL["is_member"], subject, organisation, self._runtime.clock.now())
        return found
