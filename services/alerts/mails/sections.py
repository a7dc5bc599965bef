"""The sections of a digest: what is urgent first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.alerts.domain import Found

__all__ = ["LAST_CHANCE", "Section", "sorted_out"]

LAST_CHANCE: Final = timedelta(days=7)
"""Before the deadline."""
_CHANGES: Final = frozenset({"change", "cancellation", "modification", "answer"})


class Section(StrEnum):
    """Where a digest tells a notice, in this order."""

    LAST_CHANCE = "last_chance"
    NEW = "new"
    CHANGED = "changed"
    AWARDED = "awarded"


def sorted_out(found: Sequence[Sequence[Found]], now: datetime) -> list[tuple[Section, list[Sequence[Found]]]]:
    """Give the notices of each section that has some; those whose deadline has passed are told no more."""
    sections: dict[Section, list[Sequence[Found]]] = {section: [] for section in Section}
    for each in found:
        section = _section(each[0], now)
        if section is not None:
            sections[section].append(each)
    return [(section, notices) for section, notices in sections.items() if notices]


def _section(notice: Found, now: datetime) -> Section | None:
    if notice.kind == "award":
        return Section.AWARDED
    if notice.kind in _CHANGES:
        return Section.CHANGED
    if notice.deadline is not None and notice.deadline <= now:
        return None
    near = notice.deadline is not None and notice.deadline - now <= LAST_CHANCE
    return Section.LAST_CHANCE if near else Section.NEW
