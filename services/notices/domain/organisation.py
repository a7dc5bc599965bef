"""What a buyer says of itself, beyond its notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from libs.common.messages.base import Message
from libs.common.messages.notices import Buyer
from services.notices import drafting

__all__ = ["Details", "KeptDetails"]


class Details(Message):
    """The name, address and contact of a buyer: a department, not a person."""

    name: str
    legal_type: str | None = None
    description: str = ""
    department_name: str | None = None
    """The part of the organisation that answers: service of public procurement..."""
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None
    buyer_profile: str | None = None
    """The address of its buyer profile (R2132-2 CCP, BT-508)."""

    def buyer(self, organisation: str) -> Buyer:
        """Give the buyer as its notices name it."""
        return Buyer(
            organisation=organisation,
            name=self.name,
            city=self.city,
            postal_code=self.postal_code,
            department=drafting.department_of(self.postal_code, None, "FRA"),
            legal_type=self.legal_type,
        )


@dataclass(frozen=True, slots=True)
class KeptDetails:
    """What an organisation says of itself, and since when."""

    details: Details
    version: int
    updated_at: datetime
