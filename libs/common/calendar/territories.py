"""Where a buyer is, as far as its calendar is concerned: its legal time and its own public holidays."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["Territory", "territory_of"]


class Territory(StrEnum):
    """The parts of the Republic whose calendars differ."""

    METROPOLE = "metropole"
    ALSACE_MOSELLE = "alsace-moselle"
    GUADELOUPE = "guadeloupe"
    MARTINIQUE = "martinique"
    GUYANE = "guyane"
    REUNION = "reunion"
    SAINT_PIERRE_ET_MIQUELON = "saint-pierre-et-miquelon"
    MAYOTTE = "mayotte"
    SAINT_BARTHELEMY = "saint-barthelemy"
    SAINT_MARTIN = "saint-martin"
    WALLIS_ET_FUTUNA = "wallis-et-futuna"
    POLYNESIE = "polynesie-francaise"
    NOUVELLE_CALEDONIE = "nouvelle-caledonie"

    @property
    def zone(self) -> ZoneInfo:
        """Give its legal time."""
        return ZoneInfo(_ZONES.get(self, "Europe/Paris"))

    @property
    def clock(self) -> str:
        """Give the name that its legal time goes by: Paris, Guadeloupe, Reunion."""
        return self.zone.key.rpartition("/")[2].replace("_", " ")

    def day(self, at: datetime) -> date:
        """Give the day of an instant in its legal time: the one that the law counts from."""
        return at.astimezone(self.zone).date()


_T = Territory
_ZONES: Final = {
    _T.GUADELOUPE: "America/Guadeloupe",
    _T.MARTINIQUE: "America/Martinique",
    _T.GUYANE: "America/Cayenne",
    _T.REUNION: "Indian/Reunion",
    _T.SAINT_PIERRE_ET_MIQUELON: "America/Miquelon",
    _T.MAYOTTE: "Indian/Mayotte",
    _T.SAINT_BARTHELEMY: "America/St_Barthelemy",
    _T.SAINT_MARTIN: "America/Marigot",
    _T.WALLIS_ET_FUTUNA: "Pacific/Wallis",
    _T.POLYNESIE: "Pacific/Tahiti",
    _T.NOUVELLE_CALEDONIE: "Pacific/Noumea",
}
_DEPARTMENTS: Final = {
    "57": _T.ALSACE_MOSELLE,
    "67": _T.ALSACE_MOSELLE,
    "68": _T.ALSACE_MOSELLE,
    "971": _T.GUADELOUPE,
    "972": _T.MARTINIQUE,
    "973": _T.GUYANE,
    "974": _T.REUNION,
    "975": _T.SAINT_PIERRE_ET_MIQUELON,
    "976": _T.MAYOTTE,
    "977": _T.SAINT_BARTHELEMY,
    "978": _T.SAINT_MARTIN,
    "986": _T.WALLIS_ET_FUTUNA,
    "987": _T.POLYNESIE,
    "988": _T.NOUVELLE_CALEDONIE,
}


def territory_of(department: str | None) -> Territory:
    """Give the territory of a department or overseas collectivity by its code; metropolitan France when unknown."""
    return _DEPARTMENTS.get(department or "", Territory.METROPOLE)
