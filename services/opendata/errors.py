"""The refusals of the open data service."""

from __future__ import annotations

from libs.common.errors import Conflict

__all__ = ["InvalidReleaseError", "NotPending"]


class NotPending(Conflict):
    """The essential data of this contract do not wait for anything."""

    slug = "data-not-pending"
    title, title_en = "Données déjà publiées ou non dues", "Data already published or not due"


class InvalidReleaseError(Exception):
    """A release of ours that the official schema refuses: a fault of the program, for the operator (the event parks)."""
