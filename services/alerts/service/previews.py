"""What a search would have found of late: it is held against the notices of the last month, newest first.

The features that a search requires are looked up in the database; what that finds is held against the search, first
without the text, which is quick. Bounded in notices and in time: what is left out is said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.runtime import Runtime
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.match import Reason, match
from services.alerts.matching.needs import needs_of
from services.alerts.service.matching import PREVIEWED, feature_number
from services.alerts.service.searches import check_selective
from services.alerts.store import matching as store
from services.alerts.store.matching import Previewed
from services.alerts.subject import subject_of_said

__all__ = ["Found", "Preview", "Tries", "preview"]

_MOST: Final = 2_000
"""Notices that one preview looks at."""
_SECONDS: Final = 3.0
"""After which it ends with what it has."""
_CHUNK: Final = 50
_GROUPS: Final = 3
"""Groups of features that are looked up together."""
_TEXT: Final = {"words": [], "any": [], "phrases": [], "exclude": [], "either": False}


@dataclass(frozen=True, slots=True)
class Found:
    """A notice that a search would have found, and why."""

    notice: Previewed
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a search would have found since a time; not `whole`: there may be more."""

    since: datetime
    found: Sequence[Found]
    whole: bool


class Tries(asyncio.Semaphore):
    """How many previews one process works on at once; the others wait."""


async def preview(runtime: Runtime, criteria: Criteria) -> Preview:
    """Give what a search would have found in the last month, newest first. Raises UnselectiveSearch."""
    check_selective(criteria)
    since = runtime.clock.now() - PREVIEWED
    async with runtime.port(Tries):
        async with runtime.read() as conn:
            notices = await store.previewed(conn, since, criteria.phases, _groups(criteria), _MOST + 1)
        found, whole = await _held(criteria, notices[:_MOST])
    return Preview(since, found, whole and len(notices) <= _MOST)


async def _held(criteria: Criteria, notices: Sequence[Previewed]) -> tuple[list[Found], bool]:
    """Hold notices against a search until time is up, in a thread: the process goes on with the rest."""
    found: list[Found] = []
    end = time.monotonic() + _SECONDS
    for chunk in _chunks(notices):
        if time.monotonic() > end:
            return found, False
        found += await asyncio.to_thread(_found, criteria, chunk)
    return found, True


def _chunks(notices: Sequence[Previewed]) -> Iterator[Sequence[Previewed]]:
    return (notices[start : start + _CHUNK] for start in range(0, len(notices), _CHUNK))


def _found(criteria: Criteria, notices: Sequence[Previewed]) -> list[Found]:
    beside = criteria.model_copy(update={**_TEXT, "cpv": [] if criteria.either else criteria.cpv})
    fit = [each for each in notices if _reasons(beside, each, words=False) is not None]
    held = [(each, _reasons(criteria, each, words=True)) for each in fit]
    return [Found(each, reasons) for each, reasons in held if reasons is not None]


def _reasons(criteria: Criteria, notice: Previewed, *, words: bool) -> list[Reason] | None:
    subject = subject_of_said(
        notice.said, phase=notice.phase, at=notice.published_at, deadline=notice.deadline, words=words
    )
    return match(criteria, subject)


def _groups(criteria: Criteria) -> list[list[int]]:
    """Give the groups of features that are looked up: the most telling are those of few features."""
    groups = sorted(needs_of(criteria).groups, key=lambda group: (len(group), -min(map(len, group))))
    return [[feature_number(feature) for feature in group] for group in groups[:_GROUPS]]
