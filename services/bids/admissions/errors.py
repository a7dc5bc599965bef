"""Refusals: NotFound UnknownCopy; Conflict NotAdmissible, CopyStaysClosed."""

from __future__ import annotations

from libs.common.errors import Conflict, NotFound

__all__ = ["CopyStaysClosed", "NotAdmissible", "UnknownCopy"]


class UnknownCopy(NotFound):
    """There is no such copy, or it is another buyer's."""

    slug = "unknown-copy"
    title, title_en = "Copie introuvable", "No such copy"


class NotAdmissible(Conflict):
    """The bid is not one that a decision may admit."""

    slug = "not-admissible"
    title, title_en = "Pli non admissible", "The bid cannot be admitted"


class CopyStaysClosed(Conflict):
    """The rules do not let this copy be opened, or destroyed."""

    slug = "copy-stays-closed"
    title, title_en = "La copie reste en l'état", "The copy stays as it is"
