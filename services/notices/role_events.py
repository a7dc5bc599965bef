"""From recorded roles and joint purchases to the messages that tell the services of them."""

from __future__ import annotations

from libs.common.messages.roles import RecordedRole, RoleGrantedV1, RoleRevokedV1
from services.notices.domain.roles import RoleRecord

__all__ = ["role_granted", "role_revoked"]


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


def _recorded(record: RoleRecord) -> RecordedRole:
    return RecordedRole(**{name: getattr(record, name) for name in RecordedRole.model_fields})
