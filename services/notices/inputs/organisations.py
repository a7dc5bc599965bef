"""What a buyer says of itself."""

from __future__ import annotations

from pydantic import Field

from services.notices.domain.organisation import Details
from services.notices.inputs.fields import Input

__all__ = ["NewDetails"]

_ADDRESS = r"^https?://\S+$"


class NewDetails(Input):
    """The page of an organisation, whole; a department and a shared mailbox, no person."""

    name: str = Field(min_length=1, max_length=400)
    legal_type: str | None = Field(default=None, max_length=40, description="eForms buyer-legal-type, BT-11")
    description: str = Field(default="", max_length=2000)
    department_name: str | None = Field(default=None, max_length=200, description="which part of it answers")
    street: str | None = Field(default=None, max_length=300)
    postal_code: str | None = Field(default=None, max_length=10)
    city: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    phone: str | None = Field(default=None, max_length=30, pattern=r"^\+?[0-9 .()\-]{6,}$")
    website: str | None = Field(default=None, max_length=500, pattern=_ADDRESS)
    buyer_profile: str | None = Field(default=None, max_length=500, pattern=_ADDRESS, description="BT-508")

    def details(self) -> Details:
        """Give what is kept."""
        return Details(**self.model_dump())
