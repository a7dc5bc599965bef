"""What a service knows of the roles that the notices service records: a read model of its own, from the events.

Every service asks here, in the same way: `require` for what is done or read of one consultation, `readable` for lists.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.db import load_queries
from libs.common.errors import HallesError
from libs.common.grants.refusals import RoleMissing, refuse_without
from libs.common.grants.roles import ALL, NOTHING, READING, Permission, Role, Scope, allowed, giving
from libs.common.messages.roles import JointPurchaseChangedV1, RoleGrantedV1, RoleRevokedV1
from libs.common.runtime import Runtime
from libs.common.service import Consumers
from libs.common.uow import Uow

__all__ = [
    "QUEUE",
    "TABLES",
    "KnownMemberships",
    "follow_roles",
    "permissions",
    "readable",
    "require",
    "stands_in_for",
]

QUEUE: Final = "roles"
TABLES: Final = ("granted_role", "known_joint_purchase")
"""What a rebuild of the queue fills again."""
_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


def follow_roles(consumers: Consumers) -> None:
    """Have a service keep the roles and joint purchases it hears of."""
    consumers.on(RoleGrantedV1, queue=QUEUE, projection=True)(_keep)
    consumers.on(RoleRevokedV1, queue=QUEUE, projection=True)(_keep)
    consumers.on(JointPurchaseChangedV1, queue=QUEUE, projection=True)(_keep_joint)


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
        role.delegated_from,
    )


async def _keep_joint(uow: Uow, event: JointPurchaseChangedV1) -> None:
    present = {each.organisation for each in event.members if each.accepted_at is not None and each.left_at is None}
    await uow.conn.execute(
        _SQL["keep_joint"],
        event.aggregate_id,
        event.organisation,
        sorted(present),
        event.procedures,
        event.valid_until,
        event.ended_at,
        event.aggregate_version,
    )


async def permissions(
    conn: asyncpg.Connection, actor: Actor, organisation: str, procedure: UUID | None, at: datetime
) -> frozenset[Permission]:
    """Give what the caller may do in a consultation of a buyer; in all of the buyer's where `procedure` is None.

    While no role of the buyer is recorded, whoever's token names it may do all; then records alone say it. A member of a
    joint purchase reads the consultations that its coordinator shares, as far as the caller may read for the member.
    """
    if actor.kind is not OrganisationKind.BUYER:
        return NOTHING
    if actor.organisation != organisation:
        return await _of_member(conn, actor, organisation, procedure, at)
    return _given(await conn.fetchrow(_SQL["standing"], organisation, actor.subject, procedure, at), actor)


def _given(row: asyncpg.Record, actor: Actor) -> frozenset[Permission]:
    if row["ruled"]:
        return allowed(Role(role) for role in row["roles"])
    return NOTHING if actor.recorded else ALL


async def _of_member(
    conn: asyncpg.Connection, actor: Actor, organisation: str, procedure: UUID | None, at: datetime
) -> frozenset[Permission]:
    if procedure is None or not await conn.fetchval(_SQL["is_shared"], actor.organisation, organisation, procedure, at):
        return NOTHING
    return READING & await permissions(conn, actor, actor.organisation, None, at)


async def require(
    conn: asyncpg.Connection,
    actor: Actor,
    organisation: str,
    procedure: UUID | None,
    permission: Permission,
    at: datetime,
    *,
    unknown: HallesError | None = None,
) -> None:
    """Let only those pass who may do this in a consultation; in all of the buyer's where `procedure` is None.

    `unknown` is the refusal of those of other organisations, where they may not even know of it. Raises it, else
    Forbidden: another organisation, or RoleMissing.
    """
    given = await permissions(conn, actor, organisation, procedure, at)
    foreign = actor.kind is not OrganisationKind.BUYER or actor.organisation != organisation
    if unknown is not None and foreign and permission not in given:
        raise unknown
    refuse_without(given, permission, actor, organisation)


async def readable(conn: asyncpg.Connection, actor: Actor, at: datetime) -> Scope:
    """Give what of the caller's organisation a list shows. Raises Forbidden: no buyer, or RoleMissing where nothing."""
    actor.require(OrganisationKind.BUYER)
    row = await conn.fetchrow(_SQL["scope"], actor.organisation, actor.subject, at)
    if Permission.READ in _given(row, actor):
        return Scope(actor.organisation, None, tuple(row["shared"]))
    if not row["consultations"]:
        raise RoleMissing(Role.READER)
    return Scope(actor.organisation, tuple(row["consultations"]))


async def stands_in_for(
    conn: asyncpg.Connection,
    actor: Actor,
    organisation: str,
    procedure: UUID | None,
    permission: Permission,
    at: datetime,
) -> frozenset[str]:
    """Give the persons who delegated to the caller a role that gives this, for a consultation at an instant."""
    names = [role.value for role in giving(permission)]
    rows = await conn.fetch(_SQL["stands_in_for"], organisation, actor.subject, procedure, at, names)
    return frozenset(row["stands_in_for"] for row in rows)


class KnownMemberships:
    """Lets whoever holds a role for an organisation act for it, though the token does not name it: each route asks for more."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def is_member(self, subject: str, organisation: str) -> bool:
        """Say whether the person holds a role for the organisation now."""
        async with self._runtime.read() as conn:
            found: bool = await conn.fetchval(_SQL["is_member"], subject, organisation, self._runtime.clock.now())
        return found

    async def reads_all(self, actor: Actor) -> bool:
        """Say whether the caller may read all that is of the organisation now, not of some consultations only."""
        async with self._runtime.read() as conn:
            given = await permissions(conn, actor, actor.organisation, None, self._runtime.clock.now())
        return Permission.READ in given
