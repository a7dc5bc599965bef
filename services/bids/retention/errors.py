"""The refusals of retention.

HallesError
├─ NotFound   UnknownDestruction
└─ Conflict   OnHold
"""

from __future__ import annotations

from libs.common.errors import Conflict, NotFound

__all__ = ["OnHold", "UnknownDestruction"]


class UnknownDestruction(NotFound):
    """There is no such destruction, or it is another buyer's."""

    slug = "unknown-destruction"
    title, title_en = "Destruction introuvable", "No such destruction"


class OnHold(Conflict):
    """Nothing of this consultation may be destroyed."""

    slug = "on-hold"
    title, title_en = "Conservation prolongée", "On hold"
