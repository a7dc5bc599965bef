"""The refusals of rounds."""

from __future__ import annotations

from libs.common.errors import Conflict, Forbidden, InvalidInput

__all__ = ["ApplicationsOnly", "NotInvited", "RoundClosed", "RoundNotOpened", "WrongRound", "WrongSelection"]


class NotInvited(Forbidden):
    """The round is for those invited to it, each for its lots."""

    slug = "not-invited"
    title, title_en = "Tour réservé aux entreprises invitées", "For those invited only"


class ApplicationsOnly(Conflict):
    """The first stage takes applications; offers come from those invited."""

    slug = "applications-only"
    title, title_en = "Candidatures seulement à ce stade", "Applications only at this stage"


class RoundNotOpened(Conflict):
    """What came before is not all opened."""

    slug = "round-not-opened"
    title, title_en = "Plis du tour précédent non ouverts", "The round before is not opened"


class RoundClosed(Conflict):
    """The deadline of the round has passed: it is not moved any more."""

    slug = "round-closed"
    title, title_en = "Tour clos", "The round is closed"


class WrongSelection(InvalidInput):
    """The selection does not judge each candidate; each fault is named."""

    slug = "wrong-selection"
    title, title_en = "Sélection incorrecte", "Wrong selection"


class WrongRound(InvalidInput):
    """The round cannot be opened as it is asked; each fault is named."""

    slug = "wrong-round"
    title, title_en = "Tour incorrect", "Wrong round"
