"""Joint purchases, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from services.notices.domain.joint import JointPurchase
from services.notices.views.base import View

__all__ = ["JointMemberView", "JointPurchaseView"]


class JointMemberView(View):
    """The time of a buyer in a joint purchase."""

    organisation: str
    invited_at: datetime
    accepted_at: datetime | None
    left_at: datetime | None


class JointPurchaseView(View):
    """A joint purchase."""

    joint_id: UUID
    coordinator: str
    title: str
    live: bool
    created_at: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    members: list[JointMemberView]
    procedures: list[UUID]

    @classmethod
    def of(cls, joint: JointPurchase, now: datetime) -> Self:
        """Show a joint purchase."""
        return cls(
            joint_id=joint.joint_id,
            coordinator=joint.coordinator,
            title=joint.title,
            live=joint.is_live(now),
            created_at=joint.created_at,
            valid_until=joint.valid_until,
            ended_at=joint.ended_at,
            members=[JointMemberView.model_validate(each, from_attributes=True) for each in joint.members],
            procedures=list(joint.shared()),
        )
