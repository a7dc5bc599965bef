"""What is asked of the rules."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from services.notices.inputs.fields import (
    Input,
)

__all__ = ["RulesQuery"]


class RulesQuery(Input):
    """The day whose rules are asked."""

    on: date | None = Field(default=None, description="today when absent")
