"""Hold one search against one notice: every criterion given must hold; the reason of each is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt

from services.alerts.matching.criteria import Criteria, Near
from services.alerts.matching.notice import Subject
from services.alerts.matching.words import phrase, stems, written

__all__ = ["EARTH_RADIUS_KM", "Reason", "distance_km", "match"]

EARTH_RADIUS_KM = 6371.0


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


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Give the great circle between two points in degrees, by the haversine, on a sphere of 6371 km."""
    (lat1, lon1), (lat2, lon2) = one, other
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def _phase(criteria: Criteria, subject: Subject) -> Reasons | None:
    return [] if subject.phase in criteria.phases else None


def _codes(criteria: Criteria, subject: Subject) -> Reasons | None:
    if not criteria.cpv:
        return []
    hits = ((prefix, code) for code in subject.cpv for prefix in criteria.cpv if code.startswith(prefix))
    first = next(hits, None)
    return [Reason("cpv", *first)] if first else None


def _departments(criteria: Criteria, subject: Subject) -> Reasons | None:
    if not criteria.departments:
        return []
    shared = next((code for code in subject.departments if code in criteria.departments), None)
    return [Reason("departments", shared, shared)] if shared else None


def _value(criteria: Criteria, subject: Subject) -> Reasons | None:
    low, high = criteria.value_min, criteria.value_max
    if low is None and high is None:
        return []
    wanted = f"{'' if low is None else low}..{'' if high is None else high}"
    if subject.value is None:
        return [Reason("value", wanted, "unknown")] if criteria.unknown_value else None
    inside = (low is None or subject.value >= low) and (high is None or subject.value <= high)
    return [Reason("value", wanted, f"{subject.value:f}")] if inside else None


def _near(criteria: Criteria, subject: Subject) -> Reasons | None:
    near: Near | None = criteria.near
    if near is None:
        return []
    if subject.place is None:
        return None
    far = distance_km((near.lat, near.lon), subject.place)
    return [Reason("near", f"{near.km:g} km", f"{far:.1f} km")] if far <= near.km else None


def _words(criteria: Criteria, subject: Subject) -> Reasons | None:
    return _each("words", criteria.words, subject, _term)


def _phrases(criteria: Criteria, subject: Subject) -> Reasons | None:
    return _each("phrases", criteria.phrases, subject, _phrase)


def _any(criteria: Criteria, subject: Subject) -> Reasons | None:
    if not criteria.any:
        return []
    hits = ((term, _term(term, subject)) for term in criteria.any)
    found = [Reason("any", term, hit) for term, hit in hits if hit]
    return found or None


def _exclude(criteria: Criteria, subject: Subject) -> Reasons | None:
    return None if any(_unwanted(term, subject) for term in criteria.exclude) else []


def _each(
    name: str, terms: Sequence[str], subject: Subject, find: Callable[[str, Subject], str | None]
) -> Reasons | None:
    reasons = []
    for term in terms:
        found = find(term, subject)
        if found is None:
            return None
        reasons.append(Reason(name, term, found))
    return reasons


def _term(term: str, subject: Subject) -> str | None:
    """Give the words of the notice that answer a term; a term of several words wants each of them."""
    found = []
    for forms in _forms(term):
        hit = next((subject.text.stems[stem] for stem in forms if stem in subject.text.stems), None)
        if hit is None:
            return None
        found.append(hit)
    return " ".join(found)


def _phrase(term: str, subject: Subject) -> str | None:
    return term if subject.text.holds(_folded(term)) else None


def _unwanted(term: str, subject: Subject) -> bool:
    """Tell whether a negative term is there: a word by its stems, several words as an exact phrase."""
    words = _folded(term)
    return subject.text.holds(words) if len(words) > 1 else _term(term, subject) is not None


@lru_cache(maxsize=100_000)
def _forms(term: str) -> tuple[tuple[str, ...], ...]:
    return tuple(stems(word) for word in written(term))


@lru_cache(maxsize=100_000)
def _folded(term: str) -> tuple[str, ...]:
    return phrase(term)


_CHECKS: tuple[Check, ...] = (_phase, _codes, _departments, _value, _near, _words, _any, _phrases, _exclude)
"""Cheapest first."""
