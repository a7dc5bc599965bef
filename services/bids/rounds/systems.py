"""Dynamic purchasing systems: applications at any time of their life, judged within days (R2162-37 to R2162-51 CCP)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from libs.common.calendar import Territory, Unit, forward
from libs.common.errors import FieldError

__all__ = ["AHEAD", "JUDGED_WITHIN", "LONGEST", "decide_by", "next_deadline", "window_faults"]

JUDGED_WITHIN: Final = 10
"""Workable days from its reception in which an application is judged (R2162-45 CCP); 15 where the file says why."""
LONGEST: Final = timedelta(days=7)
"""Of a window: what came on its first day is still judged in time. Nobody, not even the buyer, reads it before its end."""
AHEAD: Final = timedelta(hours=1)
"""Before the end of a window in which the next one opens: there is no hour at which nobody could apply."""


def window_faults(deadline: datetime, until: datetime | None, now: datetime) -> Iterator[FieldError]:
    """Name what is wrong with a window of applications: its length, the end of the system."""
    if not now + 2 * AHEAD <= deadline <= now + LONGEST:
        french = "les candidatures se relèvent au moins chaque semaine, pour être évaluées en dix jours ouvrables (art. R2162-45 CCP)"
        yield FieldError("body/deadline", french, "within a week: applications are judged in ten working days")
    if until is None or until < deadline:
        french = (
            "fin du système d'acquisition dynamique (durée de validité de l'avis) : à donner, après cette date limite"
        )
        yield FieldError("body/until", french, "the end of the system, after this deadline")


def next_deadline(opened_at: datetime, deadline: datetime, until: datetime, now: datetime) -> datetime:
    """Give the deadline of the window that follows: as long as the one before, never beyond the end of the system."""
    length = deadline - opened_at
    passed = max(0, (now - deadline) // length)
    return min(deadline + (passed + 1) * length, until)


def decide_by(opened_at: datetime, territory: Territory) -> date:
    """Give the last day to judge whatever came in a window: counted from its first hour."""
    return forward(opened_at.date(), JUDGED_WITHIN, Unit.WORKABLE, territory).day
