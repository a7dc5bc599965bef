"""The use cases of joint purchases: a coordinator invites, each buyer joins by its own word, members read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import NotFound
from libs.common.uow import Uow
from services.notices import role_events
from services.notices.domain.joint import JointPurchase
from services.notices.domain.roles import Permission
from services.notices.service import roles
from services.notices.store import joint as store
from services.notices.store import procedures as procedure_store

__all__ = ["accept", "begin", "end", "hide", "invite", "leave", "readable_joint", "share"]


async def begin(
    uow: Uow, title: str, members: Sequence[str], valid_until: datetime | None, actor: Actor
) -> JointPurchase:
    """Begin a joint purchase that the caller's organisation coordinates. Raises Forbidden, InvalidInput, Conflict."""
    await roles.require(uow, actor, actor.organisation, None, Permission.ADMINISTER)
    begun = JointPurchase.begun(uuid4(), actor.organisation, title, members, uow.now(), valid_until)
    return await _keep(uow, begun)


async def invite(uow: Uow, joint_id: UUID, organisation: str, actor: Actor) -> JointPurchase:
    """Invite a buyer. Raises NotFound, Forbidden, Conflict, IllegalTransition."""
    joint = await _coordinated(uow, joint_id, actor)
    return await _keep(uow, joint.inviting(organisation, uow.now()))


async def accept(uow: Uow, joint_id: UUID, actor: Actor) -> JointPurchase:
    """Join, as the administrator of the buyer invited. Raises NotFound, Forbidden, IllegalTransition."""
    joint = await _locked(uow, joint_id, actor)
    await roles.require(uow, actor, actor.organisation, None, Permission.ADMINISTER)
    return await _keep(uow, joint.accepted(actor.organisation, uow.now()))


async def leave(uow: Uow, joint_id: UUID, organisation: str, actor: Actor) -> JointPurchase:
    """Take a buyer out: by its own administrator, or the coordinator's. Raises NotFound, Forbidden."""
    joint = await _locked(uow, joint_id, actor)
    if actor.organisation != organisation:
        actor.require_organisation(joint.coordinator)
    await roles.require(uow, actor, actor.organisation, None, Permission.ADMINISTER)
    return await _keep(uow, joint.left(organisation, uow.now()))


async def share(uow: Uow, joint_id: UUID, procedure_id: UUID, actor: Actor) -> JointPurchase:
    """Let the members read a consultation of the coordinator's. Raises NotFound, Forbidden, IllegalTransition."""
    joint = await _locked(uow, joint_id, actor)
    actor.require_organisation(joint.coordinator)
    procedure = await procedure_store.get_procedure(uow.conn, procedure_id)
    if procedure is None or procedure.organisation != joint.coordinator:
        raise NotFound(
            "Votre organisation n'a aucune consultation de cet identifiant.",
            "Your organisation has no procedure of this identifier.",
        )
    await roles.require(uow, actor, joint.coordinator, procedure_id, Permission.WRITE)
    sharing = joint.sharing(procedure_id, uow.now())
    return joint if sharing is joint else await _keep(uow, sharing)


async def hide(uow: Uow, joint_id: UUID, procedure_id: UUID, actor: Actor) -> JointPurchase:
    """Let the members read a consultation no more. Raises NotFound, Forbidden."""
    joint = await _locked(uow, joint_id, actor)
    await roles.require(uow, actor, joint.coordinator, procedure_id, Permission.WRITE)
    return await _keep(uow, joint.hiding(procedure_id, uow.now()))


async def end(uow: Uow, joint_id: UUID, actor: Actor) -> JointPurchase:
    """End a joint purchase. Raises NotFound, Forbidden, IllegalTransition."""
    joint = await _coordinated(uow, joint_id, actor)
    return await _keep(uow, joint.ended(uow.now()))


async def readable_joint(conn: asyncpg.Connection, joint_id: UUID, actor: Actor, at: datetime) -> JointPurchase:
    """Give a joint purchase of the caller's organisation. Raises NotFound, Forbidden."""
    actor.require(OrganisationKind.BUYER)
    joint = await store.get_joint(conn, joint_id, actor.organisation)
    if joint is None:
        raise _no_joint()
    await roles.require_reading(conn, actor, actor.organisation, None, at)
    return joint


async def _locked(uow: Uow, joint_id: UUID, actor: Actor) -> JointPurchase:
    actor.require(OrganisationKind.BUYER)
    joint = await store.lock_joint(uow.conn, joint_id)
    if joint is None or not joint.concerns(actor.organisation):
        raise _no_joint()
    return joint


async def _coordinated(uow: Uow, joint_id: UUID, actor: Actor) -> JointPurchase:
    joint = await _locked(uow, joint_id, actor)
    await roles.require(uow, actor, joint.coordinator, None, Permission.ADMINISTER)
    return joint


async def _keep(uow: Uow, joint: JointPurchase) -> JointPurchase:
    await store.save_joint(uow.conn, joint)
    uow.emit(role_events.joint_changed(joint, uow.now()))
    return joint


def _no_joint() -> NotFound:
    return NotFound(
        "Votre organisation n'est dans aucun groupement de cet identifiant.",
        "Your organisation is in no joint purchase of this identifier.",
    )
