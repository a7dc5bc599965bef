"""From recorded roles and joint purchases to the messages that tell the services of them."""

from __future__ import annotations

from datetime import datetime

from libs.common.messages.roles import JointMember, JointPurchaseChangedV1, RecordedRole, RoleGrantedV1, RoleRevokedV1
from services.notices.domain.joint import JointPurchase
from services.notices.domain.roles import RoleRecord

__all__ = ["joint_changed", "role_granted", "role_revoked"]


def role_granted(record: RoleRecord) -> RoleGrantedV1:
    """Tell the services that a role was recorded."""
    return RoleGrantedV1(
        aggregate_id=record.record_id,
        aggregate_version=record.version,
        organisation=record.organisation,
        procedure=record.procedure_id,
        occurred_at=record.granted_at,
        role=_recorded(record),
    )


def role_revoked(record: RoleRecord) -> RoleRevokedV1:
    """Tell the services that a recorded role ended before its date."""
    if record.revoked_at is None:
        raise ValueError("a role that holds is not told to be revoked")
    return RoleRevokedV1(
        aggregate_id=record.record_id,
        aggregate_version=record.version,
        organisation=record.organisation,
        procedure=record.procedure_id,
        occurred_at=record.revoked_at,
        role=_recorded(record),
    )


def joint_changed(joint: JointPurchase, at: datetime) -> JointPurchaseChangedV1:
    """Tell the services how a joint purchase stands."""
    members = [
        JointMember(organisation=each.organisation, accepted_at=each.accepted_at, left_at=each.left_at)
        for each in joint.members
    ]
    return JointPurchaseChangedV1(
        aggregate_id=joint.joint_id,
        aggregate_version=joint.version,
        organisation=joint.coordinator,
        occurred_at=at,
        members=members,
        procedures=list(joint.shared()),
        valid_until=joint.valid_until,
        ended_at=joint.ended_at,
    )


def _recorded(record: RoleRecord) -> RecordedRole:
    return RecordedRole(**{name: getattr(record, name) for name in RecordedRole.model_fields})
