"""What matching needs of a published notice, read as the search of notices reads it; kept, so that it is read once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.common.messages.notices import Notice
from libs.common.reference import regions
from libs.common.search import notice as said
from libs.common.search import places
from libs.common.search.notice import Text
from services.alerts.matching.notice import Subject, Words, remaining

__all__ = ["phase_of", "said_of", "subject_of", "subject_of_said"]

_NO_WORDS = Words.of(Text("", ""))


def subject_of(notice: Notice, at: datetime | None = None, phase: str | None = None) -> Subject:
    """Read a notice as it stands at an instant, its publication by default."""
    phase, at = phase or phase_of(notice), at or notice.published_at
    return subject_of_said(said_of(notice), phase=phase, at=at, deadline=notice.deadline)


def said_of(notice: Notice) -> dict[str, Any]:
    """Give what a notice says, as JSON values: what `subject_of_said` reads."""
    departments = said.departments(notice)
    keys = places.points_of(notice)
    text = said.text_of(notice)
    return {
        "title": text.title,
        "body": text.body,
        "cpv": said.codes(notice),
        "points": [(point.latitude, point.longitude) for key in keys if (point := places.point(key))],
        "national": places.is_national(notice),
        "value": str(notice.value.amount) if notice.value and notice.value.currency == "EUR" else None,
        "terms": {
            "departments": departments,
            "regions": sorted({region for each in departments if (region := regions.of_department(each))}),
            "communes": [key[1:] for key in keys if key.startswith("c")],
            "buyers": [notice.buyer.organisation],
            "procedures": [notice.procedure_type],
            "natures": said.natures(notice),
            "contracts": [notice.contract_kind],
            "techniques": list(notice.techniques),
            "clauses": said.clauses_told(notice),
            "languages": [notice.language],
        },
    }


def subject_of_said(
    told: Mapping[str, Any], *, phase: str, at: datetime, deadline: datetime | None, words: bool = True
) -> Subject:
    """Read what a notice said. Without `words` it is quick, and answers only what searches ask beside its text."""
    return Subject(
        words=Words.of(Text(told["title"], told["body"])) if words else _NO_WORDS,
        cpv=tuple(told["cpv"]),
        points=tuple((lat, lon) for lat, lon in told["points"]),
        national=told["national"],
        value=Decimal(told["value"]) if told["value"] is not None else None,
        phase=phase,
        remaining=remaining(deadline, at),
        terms={name: frozenset(codes) for name, codes in told["terms"].items()},
    )


def phase_of(notice: Notice) -> str:
    """Give what became public with a notice: results without any award are a cancellation."""
    if notice.results and not any(result.outcome == "awarded" for result in notice.results):
        return "cancellation"
    return notice.kind
