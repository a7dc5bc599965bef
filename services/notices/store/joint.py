"""Joint purchases in PostgreSQL: functions over a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.db import load_queries
from services.notices.domain.joint import JointPurchase, Membership, Sharing

__all__ = ["get_joint", "joints", "lock_joint", "save_joint", "shared_with"]

_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


async def save_joint(conn: asyncpg.Connection, joint: JointPurchase) -> None:
    """Write a new or a locked joint purchase, with its dated parts."""
    await conn.execute(
        _SQL["joint_save"],
        joint.joint_id,
        joint.coordinator,
        joint.title,
        joint.version,
        joint.created_at,
        joint.valid_until,
        joint.ended_at,
    )
    members = [
        (joint.joint_id, each.organisation, each.invited_at, each.accepted_at, each.left_at) for each in joint.members
    ]
    shared = [(joint.joint_id, each.procedure_id, each.added_at, each.removed_at) for each in joint.procedures]
    await conn.executemany(_SQL["member_save"], members)
    await conn.executemany(_SQL["sharing_save"], shared)


async def lock_joint(conn: asyncpg.Connection, joint_id: UUID) -> JointPurchase | None:
    """Give a joint purchase and keep it until the end of the transaction."""
    found = await _whole(conn, await conn.fetch(_SQL["joint_lock"], joint_id))
    return found[0] if found else None


async def get_joint(conn: asyncpg.Connection, joint_id: UUID, organisation: str) -> JointPurchase | None:
    """Give a joint purchase that an organisation coordinates or is invited to."""
    found = await _whole(conn, await conn.fetch(_SQL["joint_of"], organisation, None, None, 1, joint_id))
    return found[0] if found else None


async def joints(
    conn: asyncpg.Connection, organisation: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[JointPurchase]:
    """Give the joint purchases that an organisation coordinates or is invited to, newest first."""
    created_at, joint_id = after or (None, None)
    return await _whole(conn, await conn.fetch(_SQL["joint_of"], organisation, created_at, joint_id, limit, None))


async def shared_with(
    conn: asyncpg.Connection, organisation: str, at: datetime, procedure_id: UUID | None = None
) -> tuple[UUID, ...]:
    """Give the consultations that an organisation reads as a member; the one named only, where one is."""
    return tuple(row["procedure_id"] for row in await conn.fetch(_SQL["shared_with"], organisation, at, procedure_id))


async def _whole(conn: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> list[JointPurchase]:
    wanted = [row["joint_id"] for row in rows]
    members: dict[UUID, list[Membership]] = {each: [] for each in wanted}
    shared: dict[UUID, list[Sharing]] = {each: [] for each in wanted}
    for row in await conn.fetch(_SQL["members"], wanted):
        joint_id, *said = row.values()
        members[joint_id].append(Membership(*said))
    for row in await conn.fetch(_SQL["sharings"], wanted):
        joint_id, *said = row.values()
        shared[joint_id].append(Sharing(*said))
    return [
        JointPurchase(**dict(row), members=tuple(members[row["joint_id"]]), procedures=tuple(shared[row["joint_id"]]))
        for row in rows
    ]
