"""What all views share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["View"]


class View(BaseModel):
    """What is shown."""

    model_config = ConfigDict(frozen=True)
