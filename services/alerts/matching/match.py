"""Hold one search against one notice: every criterion given must hold; the reason of each is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from libs.common.search.clauses import Atom, Branch, Clause, Phrase, Word
from libs.common.search.places import Point, distance
from services.alerts.matching.criteria import PLACES, Criteria, Near
from services.alerts.matching.notice import Subject

__all__ = ["CODES", "Reason", "match"]

CODES = ("procedures", "natures", "contracts", "techniques", "clauses", "languages", "buyers")
"""Lists of codes of which a notice has at least one."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a criterion holds: what was asked, and what the notice says."""

    criterion: str
    wanted: str
    found: str

    def told(self) -> dict[str, str]:
        """Give it as JSON values."""
        return {"criterion": self.criterion, "wanted": self.wanted, "found": self.found}


Reasons = list[Reason]
Check = Callable[[Criteria, Subject], "Reasons | None"]
"""Gives the reasons (none where nothing was asked), or None when the criterion fails."""


def match(criteria: Criteria, subject: Subject) -> Reasons | None:
    """Give the reasons why this notice answers this search, or None when it does not."""
    reasons: Reasons = []
    for check in _CHECKS:
        found = check(criteria, subject)
        if found is None:
            return None
        reasons += found
    return reasons


def _phase(criteria: Criteria, subject: Subject) -> Reasons | None:
    return [] if subject.phase in criteria.phases else None


def _codes(criteria: Criteria, subject: Subject) -> Reasons | None:
    reasons: Reasons = []
    for name in CODES:
        wanted = getattr(criteria, name)
        if wanted:
            shared = _shared(wanted, subject.has(name))
            if shared is None:
                return None
            reasons.append(Reason(name, shared, shared))
    return reasons


def _other_buyers(criteria: Criteria, subject: Subject) -> Reasons | None:
    return None if _shared(criteria.not_buyers, subject.has("buyers")) else []


def _cpv(criteria: Criteria, subject: Subject) -> Reasons | None:
    if not criteria.cpv or criteria.either:
        return []
    hits = ((prefix, code) for code in subject.cpv for prefix in criteria.cpv if code.startswith(prefix))
    first = next(hits, None)
    return [Reason("cpv", *first)] if first else None


def _place(criteria: Criteria, subject: Subject) -> Reasons | None:
    """Hold the places asked; `national` beside them, alone, or left out."""
    if criteria.national in {"only", "excluded"} and subject.national != (criteria.national == "only"):
        return None
    if criteria.national == "included" and subject.national:
        return [Reason("national", "included", "national")]
    reasons: Reasons = []
    for name in PLACES:
        wanted = getattr(criteria, name)
        shared = _shared(wanted, subject.has(name))
        if wanted and shared is None:
            return None
        reasons += [Reason(name, shared, shared)] if shared else []
    near = _near(criteria.near, subject)
    return None if near is None else reasons + near


def _near(near: Near | None, subject: Subject) -> Reasons | None:
    if near is None:
        return []
    centre = Point(near.lat, near.lon)
    far = min((distance(centre, Point(*point)) for point in subject.points), default=None)
    return [Reason("near", f"{near.km:g} km", f"{far:.1f} km")] if far is not None and far <= near.km else None


def _value(criteria: Criteria, subject: Subject) -> Reasons | None:
    low, high = criteria.value_min, criteria.value_max
    if low is None and high is None:
        return []
    wanted = f"{'' if low is None else low}..{'' if high is None else high}"
    if subject.value is None:
        return [Reason("value", wanted, "unknown")] if criteria.unknown_value else None
    inside = (low is None or subject.value >= low) and (high is None or subject.value <= high)
    return [Reason("value", wanted, f"{subject.value:f}")] if inside else None


def _deadline(criteria: Criteria, subject: Subject) -> Reasons | None:
    days = criteria.deadline_days
    if days is None:
        return []
    if subject.remaining is None or subject.remaining < timedelta(days=days):
        return None
    return [Reason("deadline_days", str(days), str(subject.remaining.days))]


def _text(criteria: Criteria, subject: Subject) -> Reasons | None:
    reasons: Reasons = []
    for name, wanted, clause in criteria.text():
        found = _clause(clause, subject)
        if (found is None) is not clause.negative:
            return None
        if found is not None:
            reasons.append(Reason(name, wanted, found))
    return reasons


def _clause(clause: Clause, subject: Subject) -> str | None:
    """Give what of the notice answers the first alternative that holds."""
    for atoms in clause.alternatives:
        found = [_atom(atom, subject) for atom in atoms]
        if None not in found:
            return " ".join(each for each in found if each)
    return None


def _atom(atom: Atom, subject: Subject) -> str | None:
    match atom:
        case Word(forms):
            return next((subject.words.stems[form] for form in forms if form in subject.words.stems), None)
        case Phrase(words):
            return " ".join(words) if subject.words.holds(words) else None
        case Branch(prefix):
            return next((code for code in subject.cpv if code.startswith(prefix)), None)


def _shared(wanted: Iterable[str], held: frozenset[str]) -> str | None:
    return next((code for code in wanted if code in held), None)


_CHECKS: tuple[Check, ...] = (_phase, _codes, _other_buyers, _cpv, _place, _value, _deadline, _text)
"""Cheapest first."""
