"""The minimum periods of the law, as dated data: days, from what they run, and what shortens them.

Directives 2014/23, 2014/24 and 2014/25, as the code de la commande publique takes them over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from libs.common.calendar import Unit
from services.notices.rules.situation import Condition, Situation
from services.notices.rules.thresholds import BuyerKind

__all__ = ["PERIODS", "PeriodRule", "Subject", "applying", "periods_on"]

Subject = Literal["tenders", "requests", "tenders-after-invitation", "answers", "award-notice", "standstill"]
CountedFrom = Literal["sent", "invited", "deadline", "signed", "told"]
_LABELS: Final[dict[str, tuple[str, str]]] = {
    "tenders": ("Réception des offres", "Receipt of tenders"),
    "requests": ("Réception des candidatures", "Receipt of requests to participate"),
    "tenders-after-invitation": (
        "Réception des offres des candidats invités",
        "Receipt of the tenders of those invited",
    ),
    "answers": ("Dernières réponses aux questions", "Last answers to questions"),
    "award-notice": ("Envoi de l'avis d'attribution", "Sending of the award notice"),
    "standstill": ("Suspension de la signature", "Standstill before the signature"),
}
_AUTHORITIES: Final = frozenset({BuyerKind.STATE, BuyerKind.LOCAL})
_ENTITIES: Final = frozenset({BuyerKind.ENTITY})
_DEFENCE: Final = frozenset({BuyerKind.DEFENCE})
_EVERY: Final = frozenset(BuyerKind)
_FIRST: Final = date(2019, 4, 1)
"""The day the code de la commande publique entered into force."""


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """A period of the law, under the conditions that it asks for."""

    subject: Subject
    days: int
    counted_from: CountedFrom
    source: str
    procedures: frozenset[str]
    """BT-105; empty: all."""
    buyers: frozenset[BuyerKind] = _EVERY
    concession: bool = False
    condition: Condition | None = None
    unit: Unit = Unit.CALENDAR
    at_least: bool = True
    """False: within so many days."""
    first: date = _FIRST
    last: date | None = None

    @property
    def label(self) -> str:
        """What it is for, in French."""
        return _LABELS[self.subject][0]

    @property
    def label_en(self) -> str:
        """What it is for, in English."""
        return _LABELS[self.subject][1]

    def holds(self, on: date) -> bool:
        """Say whether it is in force that day."""
        return self.first <= on and (self.last is None or on <= self.last)

    def concerns(self, situation: Situation) -> bool:
        """Say whether it applies to a procurement, under its conditions."""
        return (
            self.holds(situation.on)
            and situation.buyer in self.buyers
            and situation.is_concession == self.concession
            and (not self.procedures or situation.procedure_type in self.procedures)
            and (self.condition is None or self.condition in situation.conditions)
        )


_OPEN: Final = frozenset({"open"})
_RESTRICTED: Final = frozenset({"restricted"})
_NEGOTIATED: Final = frozenset({"neg-w-call"})
_TWO_STEPS: Final = frozenset({"restricted", "neg-w-call"})
_ALL: Final[frozenset[str]] = frozenset()


def _shortened(
    subject: Subject,
    counted_from: CountedFrom,
    source: str,
    procedures: frozenset[str],
    days: tuple[tuple[int, Condition | None], ...],
    *,
    buyers: frozenset[BuyerKind] = _EVERY,
    concession: bool = False,
) -> Iterator[PeriodRule]:
    """Give a period and what shortens it."""
    for number, condition in days:
        yield PeriodRule(subject, number, counted_from, source, procedures, buyers, concession, condition)


_OPEN_DAYS: Final[tuple[tuple[int, Condition | None], ...]] = (
    (35, None), (30, "electronic"), (15, "planned"), (15, "urgent"),
)  # fmt: skip
_TENDER_DAYS: Final[tuple[tuple[int, Condition | None], ...]] = (
    (30, None), (25, "electronic"), (10, "planned"), (10, "urgent"),
)  # fmt: skip

PERIODS: Final = (
    *_shortened(
        "tenders", "sent", "R2161-2 et R2161-3 CCP ; directive 2014/24/UE art. 27", _OPEN, _OPEN_DAYS, buyers=_AUTHORITIES
    ),
    *_shortened(
        "requests", "sent", "R2161-6 CCP ; directive 2014/24/UE art. 28", _RESTRICTED,
        ((30, None), (15, "urgent")), buyers=_AUTHORITIES,
    ),
    *_shortened(
        "tenders-after-invitation", "invited", "R2161-7 et R2161-8 CCP ; directive 2014/24/UE art. 28", _RESTRICTED,
        _TENDER_DAYS, buyers=_AUTHORITIES,
    ),
    *_shortened(
        "requests", "sent", "R2161-12 et R2161-13 CCP ; directive 2014/24/UE art. 29", _NEGOTIATED,
        ((30, None), (15, "urgent")), buyers=_AUTHORITIES,
    ),
    *_shortened(
        "tenders-after-invitation", "invited", "R2161-14 à R2161-16 CCP ; directive 2014/24/UE art. 29", _NEGOTIATED,
        _TENDER_DAYS, buyers=_AUTHORITIES,
    ),
    *_shortened(
        "tenders", "sent", "directive 2014/25/UE art. 45 ; R2161-2 et R2161-3 CCP", _OPEN, _OPEN_DAYS, buyers=_ENTITIES
    ),
    *_shortened(
        "requests", "sent", "directive 2014/25/UE art. 46 et 47", _TWO_STEPS, ((30, None), (15, "urgent")), buyers=_ENTITIES
    ),
    *_shortened(
        "tenders-after-invitation", "invited", "directive 2014/25/UE art. 46 et 47", _TWO_STEPS, ((10, None),),
        buyers=_ENTITIES,
    ),
    *_shortened(
        "requests", "sent", "directive 2009/81/CE art. 33", _TWO_STEPS,
        ((37, None), (30, "electronic"), (15, "urgent")), buyers=_DEFENCE,
    ),
    *_shortened(
        "tenders-after-invitation", "invited", "directive 2009/81/CE art. 33", frozenset({"restricted"}),
        ((40, None), (35, "electronic"), (22, "planned"), (10, "urgent")), buyers=_DEFENCE,
    ),
    PeriodRule(
        "requests", 30, "sent", "R2161-25 CCP ; directive 2014/24/UE art. 30", frozenset({"comp-dial"}),
        _AUTHORITIES | _ENTITIES,
    ),
    PeriodRule(
        "requests", 30, "sent", "R2172-22 et R2172-23 CCP ; directive 2014/24/UE art. 31", frozenset({"innovation"}),
        _AUTHORITIES | _ENTITIES,
    ),
    *_shortened(
        "tenders", "sent", "R3123-14 CCP ; directive 2014/23/UE art. 39", frozenset({"open", "oth-single"}),
        ((30, None), (25, "electronic")), concession=True,
    ),
    PeriodRule(
        "requests", 30, "sent", "R3123-14 CCP ; directive 2014/23/UE art. 39",
        frozenset({"restricted", "neg-w-call", "oth-mult"}), concession=True,
    ),
    *_shortened(
        "tenders-after-invitation", "invited", "R3124-2 CCP ; directive 2014/23/UE art. 39",
        frozenset({"restricted", "neg-w-call", "oth-mult"}), ((22, None), (17, "electronic")), concession=True,
    ),
    PeriodRule("answers", 6, "deadline", "R2132-6 CCP ; directive 2014/24/UE art. 53", _ALL),
    PeriodRule("answers", 4, "deadline", "R2132-6 CCP ; directive 2014/24/UE art. 53", _ALL, condition="urgent"),
    PeriodRule("answers", 6, "deadline", "directive 2014/23/UE art. 34", _ALL, concession=True),
    PeriodRule("award-notice", 30, "signed", "R2183-1 CCP ; directive 2014/24/UE art. 50", _ALL, at_least=False),
    PeriodRule("award-notice", 48, "signed", "R3125-6 CCP ; directive 2014/23/UE art. 32", _ALL, concession=True, at_least=False),
    PeriodRule("standstill", 16, "told", "R2182-1 CCP", _ALL),
    PeriodRule("standstill", 11, "told", "R2182-1 CCP", _ALL, condition="electronic"),
    PeriodRule("standstill", 16, "told", "R3125-2 CCP", _ALL, concession=True),
    PeriodRule("standstill", 11, "told", "R3125-2 CCP", _ALL, concession=True, condition="electronic"),
)  # fmt: skip
"""In force since the code itself; a change of the law adds a row and closes the old one."""


def periods_on(on: date) -> tuple[PeriodRule, ...]:
    """Give all the periods that are in force on a day."""
    return tuple(rule for rule in PERIODS if rule.holds(on))


def applying(subject: Subject, situation: Situation) -> PeriodRule | None:
    """Give the period that applies: the shortest one whose condition is met; None where the law sets none."""
    found = [rule for rule in PERIODS if rule.subject == subject and rule.concerns(situation)]
    return min(found, key=lambda rule: rule.days, default=None)
