"""The refusals of retention.

HallesError
├─ NotFound   UnknownDestruction, Destroyed
├─ Conflict   OnHold, VisaMissing
└─ InvalidInput   WrongEnd
"""

from __future__ import annotations

from libs.common.errors import Conflict, InvalidInput, NotFound

__all__ = ["Destroyed", "OnHold", "UnknownDestruction", "VisaMissing", "WrongEnd"]


class UnknownDestruction(NotFound):
    """There is no such destruction, or it is another buyer's."""

    slug = "unknown-destruction"
    title, title_en = "Destruction introuvable", "No such destruction"


class OnHold(Conflict):
    """Nothing of this consultation may be destroyed."""

    slug = "on-hold"
    title, title_en = "Conservation prolongée", "On hold"


class VisaMissing(Conflict):
    """The archivist did not decide yet, or decided to keep: public archives are destroyed with a visa (R212-14 code du patrimoine)."""

    slug = "visa-missing"
    title, title_en = "Visa de l'archiviste", "The archivist's visa"


class Destroyed(NotFound):
    """The document was destroyed at the end of its time; the record of the destruction tells its hash."""

    slug = "destroyed"
    title, title_en = "Pièce détruite", "Destroyed"


class WrongEnd(InvalidInput):
    """The end of performance does not fit the contract; each fault is named."""

    slug = "wrong-end"
    title, title_en = "Fin d'exécution incorrecte", "Wrong end of performance"
