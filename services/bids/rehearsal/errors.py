"""The refusals of rehearsals."""

from __future__ import annotations

from libs.common.errors import Conflict

__all__ = ["RehearsalOnly"]


class RehearsalOnly(Conflict):
    """The consultation is a rehearsal: it leads to no contract."""

    slug = "rehearsal-only"
    title, title_en = "Consultation de répétition", "Rehearsal only"
