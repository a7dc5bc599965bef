"""Joint purchases (groupements de commandes)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, IllegalTransition, NotFound
from libs.common.http import Cursor, Page, Routes
from libs.common.messages.base import OrganisationId
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.errors import RoleMissing
from services.notices.inputs.fields import PageQuery
from services.notices.inputs.joint import NewJointPurchase, NewMember
from services.notices.service import joint as service
from services.notices.service import roles
from services.notices.store import joint as store
from services.notices.views.joint import JointPurchaseView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
_REFUSALS = [NotFound, Forbidden, RoleMissing, IllegalTransition]


@ROUTES.post("/v1/joint-purchases", status=201, errors=[Forbidden, RoleMissing, Conflict], tag="joint purchases")
async def begin_joint(uow: Uow, actor: Actor, body: NewJointPurchase) -> JointPurchaseView:
    """Begin a joint purchase that your organisation coordinates, and invite its members."""
    joint = await service.begin(uow, body.title, body.members, body.valid_until, actor)
    return JointPurchaseView.of(joint, uow.now())


@ROUTES.get("/v1/joint-purchases", errors=[Forbidden, RoleMissing], tag="joint purchases")
async def list_joints(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[JointPurchaseView]:
    """List the joint purchases that your organisation coordinates or is invited to, newest first."""
    now, after = runtime.clock.now(), _after(runtime, query.cursor)
    async with runtime.read() as conn:
        await roles.require_reading(conn, actor, actor.organisation, None, now)
        found = await store.joints(conn, actor.organisation, after, query.limit + 1)
    shown, following = found[: query.limit], None
    if len(found) > query.limit:
        following = Cursor.encode(runtime, {"joint": shown[-1].created_at, "id": shown[-1].joint_id})
    return Page(items=[JointPurchaseView.of(each, now) for each in shown], next=following)


def _after(runtime: Runtime, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    position = Cursor.decode(runtime, cursor)
    return datetime.fromisoformat(position["joint"]), UUID(position["id"])


@ROUTES.get("/v1/joint-purchases/{joint_id}", errors=[NotFound, Forbidden, RoleMissing], tag="joint purchases")
async def get_joint(runtime: Runtime, actor: Actor, joint_id: UUID) -> JointPurchaseView:
    """Read a joint purchase of your organisation."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        return JointPurchaseView.of(await service.readable_joint(conn, joint_id, actor, now), now)


@ROUTES.post("/v1/joint-purchases/{joint_id}/members", status=201, errors=[*_REFUSALS, Conflict], tag="joint purchases")
async def invite_member(uow: Uow, actor: Actor, joint_id: UUID, body: NewMember) -> JointPurchaseView:
    """Invite a buyer, as the coordinator's administrator."""
    return JointPurchaseView.of(await service.invite(uow, joint_id, body.organisation, actor), uow.now())


@ROUTES.post("/v1/joint-purchases/{joint_id}/acceptance", status=201, errors=_REFUSALS, tag="joint purchases")
async def accept_invitation(uow: Uow, actor: Actor, joint_id: UUID) -> JointPurchaseView:
    """Join a joint purchase that your organisation is invited to, as its administrator."""
    return JointPurchaseView.of(await service.accept(uow, joint_id, actor), uow.now())


@ROUTES.delete(
    "/v1/joint-purchases/{joint_id}/members/{organisation}", status=204, errors=_REFUSALS, tag="joint purchases"
)
async def leave_joint(uow: Uow, actor: Actor, joint_id: UUID, organisation: OrganisationId) -> None:
    """Take a buyer out of a joint purchase: yours, or any as the coordinator."""
    await service.leave(uow, joint_id, organisation, actor)


@ROUTES.put("/v1/joint-purchases/{joint_id}/procedures/{procedure_id}", errors=_REFUSALS, tag="joint purchases")
async def share_procedure(uow: Uow, actor: Actor, joint_id: UUID, procedure_id: UUID) -> JointPurchaseView:
    """Let the members read a consultation of the coordinator's, drafts included."""
    return JointPurchaseView.of(await service.share(uow, joint_id, procedure_id, actor), uow.now())


@ROUTES.delete(
    "/v1/joint-purchases/{joint_id}/procedures/{procedure_id}", status=204, errors=_REFUSALS, tag="joint purchases"
)
async def hide_procedure(uow: Uow, actor: Actor, joint_id: UUID, procedure_id: UUID) -> None:
    """Let the members read a consultation no more."""
    await service.hide(uow, joint_id, procedure_id, actor)


@ROUTES.delete("/v1/joint-purchases/{joint_id}", status=204, errors=_REFUSALS, tag="joint purchases")
async def end_joint(uow: Uow, actor: Actor, joint_id: UUID) -> None:
    """End a joint purchase, as the coordinator's administrator; its record stays."""
    await service.end(uow, joint_id, actor)
