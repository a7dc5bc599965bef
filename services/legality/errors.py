"""The refusals of the legality service."""

from __future__ import annotations

from libs.common.errors import InvalidInput

__all__ = ["UnreadableReturn"]


class UnreadableReturn(InvalidInput):
    """The return of the State is broken, too large once unpacked, or hostile."""

    slug = "unreadable-return"
    title, title_en = "Retour illisible", "Unreadable return"
