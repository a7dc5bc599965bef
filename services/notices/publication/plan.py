"""Which channels a notice takes, and when each of them may have it: pure.

A notice meant for the Official Journal is published nowhere else before it is there, or before 48 hours have passed since
the Publications Office confirmed its receipt (directive 2014/24/EU art. 52, R2131-16 to R2131-18 and R3122-5 CCP): not in the
BOAMP, not in a paper, not here. The platform comes last: it waits a day for the answer of the other channels, so that a
notice that one of them rejects can still be mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from services.notices.domain.publication import PROFILE, Publication, PublicationState

__all__ = ["ANSWER", "EXCLUSIVE", "FREE", "Hold", "current", "hold", "in_turn", "is_lost", "plan"]

EXCLUSIVE: Final = timedelta(hours=48)
"""How long the Official Journal goes first, from the confirmed receipt."""
ANSWER: Final = timedelta(hours=24)
"""How long the platform waits for the answer of the national channels."""
_ORDER: Final = {"joue": 0, "boamp": 1, "shal": 2, PROFILE: 3}
_S = PublicationState


@dataclass(frozen=True, slots=True)
class Hold:
    """Whether a publication may go, else when time alone lets it go (None: time alone does not)."""

    free: bool
    until: datetime | None = None


FREE: Final = Hold(free=True)
_KEPT: Final = Hold(free=False)


def plan(notice_id: UUID, channels: Sequence[str], earlier: Sequence[Publication], at: datetime) -> list[Publication]:
    """Give the publications of a sending, each under a name of its own, in their turn."""
    planned = [_planned(notice_id, channel, earlier, at) for channel in dict.fromkeys(channels)]
    return in_turn(planned)


def _planned(notice_id: UUID, channel: str, earlier: Sequence[Publication], at: datetime) -> Publication:
    attempt = 1 + max((each.attempt for each in earlier if each.channel == channel), default=0)
    envelope = f"{notice_id}-{attempt:02}-{channel}"
    return Publication(uuid5(NAMESPACE_URL, f"halles:{envelope}"), notice_id, channel, attempt, envelope, at)


def in_turn(publications: Sequence[Publication]) -> list[Publication]:
    """Give them in the order of their turn: the Official Journal, the BOAMP, papers, the platform."""
    return sorted(publications, key=lambda each: (_ORDER.get(each.kind, 2), each.channel))


def current(publications: Sequence[Publication]) -> list[Publication]:
    """Give those of the last sending, the last of each channel, in their turn. Each sending plans the platform anew."""
    began = max((each.planned_at for each in publications if each.channel == PROFILE), default=None)
    last = {each.channel: each for each in publications if began is not None and each.planned_at >= began}
    return in_turn(list(last.values()))


def hold(publication: Publication, others: Sequence[Publication], at: datetime) -> Hold:
    """Say whether a waiting publication may go now, among those of its notice."""
    if publication.kind == "joue":
        return FREE
    first = _behind_the_journal(others, at)
    if not first.free or publication.channel != PROFILE:
        return first
    return _behind_the_answers(others, at)


def _behind_the_journal(others: Sequence[Publication], at: datetime) -> Hold:
    journal = next((each for each in others if each.kind == "joue"), None)
    if journal is None or journal.state is _S.PUBLISHED:
        return FREE
    if journal.state in {_S.REJECTED, _S.STOPPED}:  # what left before it said no goes on
        return FREE if any(each.left for each in others) else _KEPT
    if journal.received_at is None:
        return _KEPT
    return _until(journal.received_at + EXCLUSIVE, at)


def _behind_the_answers(others: Sequence[Publication], at: datetime) -> Hold:
    unanswered = [
        each
        for each in others
        if each.kind not in {"joue", PROFILE} and each.state in {_S.WAITING, _S.QUEUED, _S.SENT, _S.RECEIVED}
    ]
    return _until(max(each.queued_at or at for each in unanswered) + ANSWER, at) if unanswered else FREE


def _until(instant: datetime, at: datetime) -> Hold:
    return FREE if at >= instant else Hold(free=False, until=instant)


def is_lost(publications: Sequence[Publication]) -> bool:
    """Say whether a rejection brings the whole notice back: no channel has it, and none published it."""
    return not any(each.left for each in publications)
