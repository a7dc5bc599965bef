"""When digests leave, and what they tell first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.domain import Found
from services.alerts.mails.schedule import Rhythm, next_run
from services.alerts.mails.sections import Section, sorted_out
from tests.unit.alerts.alerts_samples import NOTICE

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAILY = Rhythm("Europe/Paris", 7, working_days=True, weekly=False)
EVERY_DAY = Rhythm("Europe/Paris", 7, working_days=False, weekly=False)
WEEKLY = Rhythm("Europe/Paris", 7, working_days=True, weekly=True)


@pytest.mark.parametrize(
    ("rhythm", "now", "run"),
    [
        (DAILY, "2026-03-02T05:59", "2026-03-02T06:00"),  # a Monday
        (DAILY, "2026-03-02T06:00", "2026-03-03T06:00"),
        (DAILY, "2026-03-06T09:00", "2026-03-09T06:00"),  # over a weekend
        (EVERY_DAY, "2026-03-06T09:00", "2026-03-07T06:00"),
        (DAILY, "2026-03-27T09:00", "2026-03-30T05:00"),  # summer time begins on 29 March: still 7:00 there
        (DAILY, "2026-10-23T09:00", "2026-10-26T06:00"),  # and ends on 25 October
        (DAILY, "2026-04-03T09:00", "2026-04-07T05:00"),  # Easter Monday is a holiday
        (DAILY, "2026-05-13T09:00", "2026-05-15T05:00"),  # Ascension Day
        (WEEKLY, "2026-03-02T05:00", "2026-03-02T06:00"),
        (WEEKLY, "2026-03-02T07:00", "2026-03-09T06:00"),
        (WEEKLY, "2026-04-03T09:00", "2026-04-07T05:00"),  # Monday is a holiday: the first working day of the week
        (Rhythm("Indian/Reunion", 7, working_days=True, weekly=False), "2026-12-18T09:00", "2026-12-21T03:00"),
        (Rhythm("Indian/Reunion", 7, working_days=True, weekly=False), "2027-12-17T09:00", "2027-12-21T03:00"),  # 20 December
        (Rhythm("Europe/Paris", 2, working_days=False, weekly=False), "2026-03-28T12:00", "2026-03-29T01:00"),  # no 2:00 that night
    ],
)  # fmt: skip
def test_a_digest_leaves_at_the_hour_of_its_reader(rhythm: Rhythm, now: str, run: str) -> None:
    assert next_run(rhythm, datetime.fromisoformat(f"{now}+00:00")).isoformat() == f"{run}:00+00:00"


def found(kind: str = "contract", deadline: datetime | None = None) -> list[Found]:
    return [Found(NOTICE, NOTICE, None, kind, "Toit", "Dijon", ["21"], deadline, "S", "s", "s", [])]


def test_sections_tell_what_is_urgent_first_and_nothing_that_is_over() -> None:
    notices = [
        found("award"),
        found("change", NOW - timedelta(days=1)),
        found(deadline=NOW + timedelta(days=7)),
        found(deadline=NOW + timedelta(days=7, seconds=1)),
        found(deadline=NOW),
        found(),
    ]
    sections = sorted_out(notices, NOW)
    assert [(section, len(told)) for section, told in sections] == [
        (Section.LAST_CHANCE, 1),
        (Section.NEW, 2),
        (Section.CHANGED, 1),
        (Section.AWARDED, 1),
    ]
    assert sorted_out([found(deadline=NOW)], NOW) == []
