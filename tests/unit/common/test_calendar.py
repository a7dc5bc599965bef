"""The calendar: public holidays of each territory, periods counted by the rules of law, and the steps shown."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.calendar import Territory, Unit, backward, forward, french_day, holiday, holidays, territory_of
from libs.common.calendar.holidays import easter
from libs.common.calendar.periods import is_working

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (2024, "03-31"),
        (2025, "04-20"),
        (2026, "04-05"),
        (2027, "03-28"),
        (2038, "04-25"),
        (2285, "03-22"),
        (1943, "04-25"),
    ],
)
def test_easter(year: int, day: str) -> None:
    assert easter(year) == date.fromisoformat(f"{year}-{day}")


def test_the_country_has_eleven_holidays_and_territories_their_own() -> None:
    everywhere = set(holidays(2026))
    assert len(everywhere) == 11
    assert {date(2026, 5, 14), date(2026, 5, 25), date(2026, 4, 6)} <= everywhere
    own = {territory: sorted(set(holidays(2026, territory)) - everywhere) for territory in Territory}
    assert own[Territory.ALSACE_MOSELLE] == [date(2026, 4, 3), date(2026, 12, 26)]
    assert own[Territory.GUADELOUPE] == [date(2026, 5, 27)]
    assert own[Territory.REUNION] == [date(2026, 12, 20)]
    assert own[Territory.SAINT_PIERRE_ET_MIQUELON] == []
    found = holiday(date(2026, 12, 26), territory_of("67"))
    assert found is not None
    assert found.name == "Saint-Étienne"
    assert holiday(date(2026, 12, 26), territory_of("21")) is None


@pytest.mark.parametrize(("department", "zone"), [("974", "Indian/Reunion"), ("978", "America/Marigot"), ("2A", "Europe/Paris"), (None, "Europe/Paris")])  # fmt: skip
def test_legal_time_follows_the_place(department: str | None, zone: str) -> None:
    assert territory_of(department).zone.key == zone


@pytest.mark.parametrize(
    ("unit", "until", "since"),
    [
        (Unit.CALENDAR, date(2026, 5, 5), date(2026, 5, 5)),
        (Unit.CLEAR, date(2026, 5, 6), date(2026, 5, 4)),
        (Unit.WORKING, date(2026, 5, 11), date(2026, 4, 29)),
        (Unit.WORKABLE, date(2026, 5, 7), date(2026, 5, 2)),
    ],
)
def test_the_same_days_counted_four_ways(unit: Unit, until: date, since: date) -> None:
    """Five days from Thursday 30 April 2026, six back from Monday 11 May: the 1st and the 8th are holidays."""
    assert forward(date(2026, 4, 30), 5, unit).day == until
    assert backward(date(2026, 5, 11), 6, unit).day == since


def test_a_period_that_ends_on_a_holiday_goes_on_and_says_why() -> None:
    found = forward(date(2026, 4, 9), 35)  # 14 May 2026 is Ascension Day
    assert found.day == date(2026, 5, 15)
    assert [step.day for step in found.steps] == [date(2026, 4, 9), date(2026, 5, 14), date(2026, 5, 15)]
    assert "Ascension" in found.steps[-1].text
    assert "Ascension Day" in found.steps[-1].text_en


def test_the_day_after_christmas_ends_no_period_in_strasbourg() -> None:
    assert forward(date(2025, 12, 16), 10).day == date(2025, 12, 26)
    assert forward(date(2025, 12, 16), 10, territory=territory_of("67")).day == date(2025, 12, 29)


def test_a_day_counted_back_is_not_moved() -> None:
    found = backward(date(2026, 5, 20), 6)
    assert (found.day, len(found.steps)) == (date(2026, 5, 14), 2)


@given(start=DAYS, days=st.integers(0, 60), unit=st.sampled_from(Unit), territory=st.sampled_from(Territory))
def test_every_period_ends_on_a_working_day_and_leaves_its_days(
    start: date, days: int, unit: Unit, territory: Territory
) -> None:
    found = forward(start, days, unit, territory)
    assert is_working(found.day, territory)
    assert found.day >= start + timedelta(days=days)
    assert found.steps[-1].day == found.day
    back = backward(start, days, unit, territory)
    assert back.day <= start - timedelta(days=days)


def test_no_period_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        forward(date(2026, 1, 1), -1)


def test_days_are_written_as_french_readers_expect() -> None:
    assert french_day(date(2026, 12, 1)) == "mardi 1er décembre 2026"
