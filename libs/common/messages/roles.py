"""Events of the roles that the notices service records: who may act for a buyer, and joint purchases. Told to services only."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, Event, Message, OrganisationId

__all__ = ["JointMember", "JointPurchaseChangedV1", "RecordedRole", "RoleGrantedV1", "RoleName", "RoleRevokedV1"]

RoleName = Literal["administrator", "writer", "publisher", "opening-officer", "evaluator", "signatory", "reader"]


class RecordedRole(Message):
    """A role of a person for a buyer, from an instant to another."""

    record_id: UUID
    person: str = Field(description="the `sub` of the person's token: no name")
    role: RoleName
    capacity: Literal["member", "guest", "delegate"]
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = Field(default=None, description="from this instant on it holds no more")
    delegated_from: UUID | None = Field(default=None, description="the record of the person stood in for")
    revoked_at: AwareDatetime | None = None


class RoleGrantedV1(Event):
    """A role was recorded; `procedure` names the consultation it is limited to. Its end by date is told by no other event."""

    type: ClassVar[str] = "notices.role.granted.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    role: RecordedRole


class RoleRevokedV1(Event):
    """A recorded role was ended before its date."""

    type: ClassVar[str] = "notices.role.revoked.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    role: RecordedRole


class JointMember(Message):
    """A buyer of a joint purchase, beside its coordinator."""

    organisation: OrganisationId
    accepted_at: AwareDatetime | None = Field(default=None, description="null while it is only invited")
    left_at: AwareDatetime | None = None


class JointPurchaseChangedV1(Event):
    """A joint purchase began, changed or ended. `organisation` is its coordinator."""

    type: ClassVar[str] = "notices.jointpurchase.changed.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    members: list[JointMember]
    procedures: list[UUID] = Field(description="the consultations that the members read")
    valid_until: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
