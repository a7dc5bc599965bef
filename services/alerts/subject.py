"""What matching needs of a published notice, read as the search of notices reads it."""

from __future__ import annotations

from datetime import datetime

from libs.common.messages.notices import Notice
from libs.common.reference import regions
from libs.common.search import notice as said
from libs.common.search import places
from services.alerts.matching.notice import Subject, Words, remaining

__all__ = ["phase_of", "subject_of"]


def subject_of(notice: Notice, at: datetime | None = None, phase: str | None = None) -> Subject:
    """Read a notice as it stands at an instant, its publication by default."""
    departments = said.departments(notice)
    keys = places.points_of(notice)
    points = [point for key in keys if (point := places.point(key))]
    return Subject(
        words=Words.of(said.text_of(notice)),
        cpv=tuple(said.codes(notice)),
        points=tuple((point.latitude, point.longitude) for point in points),
        national=places.is_national(notice),
        value=notice.value.amount if notice.value and notice.value.currency == "EUR" else None,
        phase=phase or phase_of(notice),
        remaining=remaining(notice.deadline, at or notice.published_at),
        terms={
            "departments": frozenset(departments),
            "regions": frozenset(region for each in departments if (region := regions.of_department(each))),
            "communes": frozenset(key[1:] for key in keys if key.startswith("c")),
            "buyers": frozenset([notice.buyer.organisation]),
            "procedures": frozenset([notice.procedure_type]),
            "natures": frozenset(said.natures(notice)),
            "contracts": frozenset([notice.contract_kind]),
            "techniques": frozenset(notice.techniques),
            "clauses": frozenset(said.clauses_told(notice)),
            "languages": frozenset([notice.language]),
        },
    )


def phase_of(notice: Notice) -> str:
    """Give what became public with a notice: results without any award are a cancellation."""
    if notice.results and not any(result.outcome == "awarded" for result in notice.results):
        return "cancellation"
    return notice.kind
