"""The dates that the law gives a procedure, each with its rule and the steps of its computation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from libs.common.calendar import Step, backward, forward, french_day, french_hour
from services.notices.rules.periods import Subject, applying
from services.notices.rules.situation import Situation, is_formal

__all__ = ["LegalDate", "answers_due", "dates", "earliest_deadline", "extension"]

_DAY: Final = timedelta(days=1)
_MAJOR_DAYS: Final = 15
"""Days proposed after a major change: the least that the law itself thinks enough for a whole bid, in an urgency."""
_EXTENSION: Final = "R2151-4 CCP ; directive 2014/24/UE art. 47"


@dataclass(frozen=True, slots=True)
class LegalDate:
    """An instant that the law gives, and how it was found."""

    code: str
    at: datetime
    """UTC"""
    text: str
    text_en: str
    source: str
    steps: tuple[Step, ...] = ()


def earliest_deadline(situation: Situation, sent_on: date | None = None) -> LegalDate | None:
    """Give the first instant that the deadline for tenders (else for requests) may be set at; None where none is set.

    Whole days: the day of sending is not counted, and the last one belongs to the bidders until midnight.
    """
    if not (is_formal(situation) or situation.is_concession):
        return None
    subjects: tuple[Subject, ...] = ("tenders", "requests")
    rule = next((found for subject in subjects if (found := applying(subject, situation))), None)
    if rule is None:
        return None
    counted = forward(sent_on or situation.on, rule.days, rule.unit, situation.territory)
    at = datetime.combine(counted.day + _DAY, time(), situation.territory.zone)
    return LegalDate(
        "earliest-deadline",
        at.astimezone(UTC),
        f"{rule.label} : au moins {rule.days} jours à compter de l'envoi de l'avis, soit jusqu'au "
        f"{french_day(counted.day)} à minuit au plus tôt.",
        f"{rule.label_en}: at least {rule.days} days from the sending of the notice, to the end of {counted.day}.",
        rule.source,
        counted.steps,
    )


def answers_due(situation: Situation) -> LegalDate | None:
    """Give the last instant for answers and complements before the deadline; None without deadline."""
    rule = applying("answers", situation)
    if rule is None or situation.deadline is None:
        return None
    zone = situation.territory.zone
    local = situation.deadline.astimezone(zone)
    counted = backward(local.date(), rule.days, rule.unit, situation.territory)
    at = datetime.combine(counted.day, local.timetz(), zone)
    return LegalDate(
        "answers-due",
        at.astimezone(UTC),
        f"Réponses et renseignements complémentaires : {rule.days} jours au plus tard avant la date limite, "
        f"soit le {french_hour(at, zone)}.",
        f"Answers and complements: {rule.days} days before the deadline at the latest, {at.isoformat()}.",
        rule.source,
        counted.steps,
    )


def extension(situation: Situation, at: datetime, *, major: bool = False) -> LegalDate | None:
    """Propose a new deadline after answers or changes told at an instant; None when the present one leaves enough time.

    Late answers leave at least the days of R2132-6 again; a major change leaves more, in proportion (R2151-4 CCP): what
    is proposed is a practice, not the law's figure.
    """
    rule, due = applying("answers", situation), answers_due(situation)
    if rule is None or due is None or situation.deadline is None or (at <= due.at and not major):
        return None
    days = max(rule.days, _MAJOR_DAYS) if major else rule.days
    proposed = _proposed(situation, situation.deadline, at, days)
    if proposed.at <= situation.deadline:
        return None
    return proposed


def _proposed(situation: Situation, deadline: datetime, at: datetime, days: int) -> LegalDate:
    zone = situation.territory.zone
    counted = forward(at.astimezone(zone).date(), days, territory=situation.territory)
    new = datetime.combine(counted.day, deadline.astimezone(zone).timetz(), zone)
    if new - at < timedelta(days=days):  # told later in the day than the hour of the deadline
        counted = forward(counted.day, 1, territory=situation.territory)
        new = datetime.combine(counted.day, deadline.astimezone(zone).timetz(), zone)
    return LegalDate(
        "extension",
        new.astimezone(UTC),
        f"Prolongation proposée : {days} jours pleins après le changement, soit le {french_hour(new, zone)}.",
        f"Proposed extension: {days} full days after the change, {new.isoformat()}.",
        _EXTENSION,
        counted.steps,
    )


def dates(situation: Situation) -> tuple[LegalDate, ...]:
    """Give every date that is known from the sending and the deadline."""
    found = (earliest_deadline(situation), answers_due(situation))
    return tuple(each for each in found if each)
