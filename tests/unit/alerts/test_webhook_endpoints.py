"""When partners' endpoints are tried, held, warned of, disabled; what they want; how much they get at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.alerts.webhooks.endpoints import HEALTHY, Endpoint, Facts, Filters, Health, delay_before, wants
from services.alerts.webhooks.lanes import Lanes

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDPOINT = Endpoint(UUID(int=1), "SIRET:80914567800012", "https://partner.example/", Filters(), NOW, per_second=3)


def fails(health: Health, *hours: float) -> tuple[Health, list[str | None]]:
    told: list[str | None] = []
    for each in hours:
        health, notice = health.after_failure(NOW + each * HOUR, None)
        told.append(notice)
    return health, told


def test_an_endpoint_is_disabled_after_120_hours_of_failure_only_with_one_word_before() -> None:
    _, told = fails(HEALTHY, 0, 12, 23.9, 24, 48, 72, 96, 119.9, 120)
    assert told == [None, None, None, "failing", None, None, None, None, "disabled"]


def test_time_in_which_nothing_was_tried_is_not_held_against_an_endpoint() -> None:
    health, told = fails(HEALTHY, 0, 1, 200, 201)
    assert told == [None] * 4
    assert health.failing_since == NOW + 200 * HOUR
    _, told = fails(HEALTHY, 0, 24, 200, 224)
    assert told == [None, "failing", None, "failing"], "another time, another word"


def test_an_endpoint_that_fails_again_and_again_is_tried_now_and_then() -> None:
    health, held = HEALTHY, []
    for _ in range(13):
        health, _notice = health.after_failure(NOW, None)
        held.append((health.held_until - NOW).total_seconds() if health.held_until else 0)
    assert held == [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_an_endpoint_that_asks_for_time_gets_it() -> None:
    health, _ = HEALTHY.after_failure(NOW, 3_600)
    assert health.held_until == NOW + HOUR


def test_the_schedule_goes_beyond_24_hours_with_jitter_and_a_bounded_retry_after() -> None:
    schedule = (5.0, 300.0, 86_400.0)
    for number in (0, 1, 500, 999):
        delays = [delay_before(attempt, schedule, delivery=UUID(int=number)) for attempt in range(2, 6)]
        assert delays == [pytest.approx(each * (1 + 0.2 * number / 1_000)) for each in schedule] + [None]
    assert delay_before(2, schedule, delivery=UUID(int=0), retry_after=60) == 60
    assert delay_before(2, schedule, delivery=UUID(int=0), retry_after=1e9) == 86_400


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(), True), (Filters(types=["a"]), True), (Filters(types=["b"]), False), (Filters(cpv=["45", "7"]), True),
        (Filters(cpv=["7"]), False), (Filters(departments=["2A"]), True), (Filters(departments=["2B"]), False),
        (Filters(buyers=["x"]), True), (Filters(buyers=["y"]), False), (Filters(["a"], ["45"], ["2A"], ["x"]), True),
        (Filters(["a"], ["45"], ["2A"], ["y"]), False), (Filters(["a"], ["45"], ["21"], ["x"]), False),
    ],
)  # fmt: skip
def test_each_filter_given_must_hold(filters: Filters, passes: bool) -> None:
    assert wants(filters, Facts("a", ["45214200"], ["2A", "21x"], "x")) is passes


def test_what_an_event_does_not_tell_passes_no_filter() -> None:
    assert not any(
        wants(each, Facts("a")) for each in (Filters(cpv=["4"]), Filters(departments=["21"]), Filters(buyers=["x"]))
    )


def test_a_lane_lets_a_second_of_its_rate_begin_at_once_then_its_rate() -> None:
    lanes = Lanes()
    assert lanes.busy(0) == []
    for _ in range(3):
        lanes.enter(ENDPOINT, 0)
    ((name, in_hand, allowed),) = [(each.webhook_id, each.in_hand, each.allowed) for each in lanes.busy(0)]
    assert (name, in_hand, allowed) == (ENDPOINT.webhook_id, 3, 0)
    for _ in range(3):
        lanes.leave(ENDPOINT)
    assert [(each.in_hand, each.allowed) for each in lanes.busy(0.34)] == [(0, 1)]
    assert lanes.busy(60) == [], "it is as a new one"


def test_the_secret_before_signs_until_the_end_of_the_overlap() -> None:
    assert ENDPOINT.generations(NOW) == (1,)
    rotated = ENDPOINT.rotated(NOW + 24 * HOUR)
    assert rotated.generations(NOW + 23.9 * HOUR) == (2, 1)
    assert rotated.generations(NOW + 24 * HOUR) == (2,)
    assert rotated.rotated(NOW + 25 * HOUR).generations(NOW) == (3, 2), "two at most"
