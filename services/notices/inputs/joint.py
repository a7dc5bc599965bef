"""Joint purchases, as a coordinator makes them."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from libs.common.messages.base import OrganisationId
from services.notices.inputs.fields import Input

__all__ = ["NewJointPurchase", "NewMember"]


class NewMember(Input):
    """A buyer to be invited."""

    organisation: OrganisationId


class NewJointPurchase(Input):
    """A joint purchase that your organisation coordinates."""

    title: str = Field(min_length=1, max_length=400)
    members: list[OrganisationId] = Field(
        default=[], max_length=1000, description="invited: each joins by its own word"
    )
    valid_until: AwareDatetime | None = Field(default=None, description="the end of the agreement; none when absent")
