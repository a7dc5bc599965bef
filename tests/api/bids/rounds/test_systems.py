"""Dynamic purchasing systems: a company applies at any time, is judged in time, and is invited to the next specific contract."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.calendar import Territory
from libs.common.testing.plugin import HarnessFactory
from services.bids.rounds.systems import decide_by, next_deadline
from services.bids.rounds.windows import go_on
from tests.api.bids.bids_world import BUYER, DEADLINE, World, application, award_body, offer
from tests.api.bids.rounds.test_rounds import (
    ALPHA,
    BETA,
    GAMMA,
    LOT,
    applied,
    call,
    inbox,
    offers_opened,
    select,
    within,
)

NOW = DEADLINE + timedelta(minutes=5)
WEEK = NOW + timedelta(days=6)
UNTIL = NOW + timedelta(days=30)


async def system(service_harness: HarnessFactory, *companies: str) -> World:
    """Give a dynamic purchasing system of which the first applications were judged."""
    w = await applied(service_harness, *companies, procedure_type="restricted", techniques=["dynamic-purchasing"])
    await select(w, *companies, at_most=None)
    return w


async def window(w: World, *, expect: int = 201, **changes: Any) -> Any:
    body: dict[str, Any] = {"deadline": WEEK, "until": UNTIL.isoformat()} | changes
    return await call(w, "application", expect=expect, **body)


async def admit(
    w: World, opened: Any, *kept: str, refused: tuple[str, ...] = (), expect: int = 201, **more: Any
) -> Any:
    return await select(w, *kept, refused=refused, expect=expect, at_most=None, round_id=opened["round_id"], **more)


async def applications_opened(w: World, opened: Any, *companies: str) -> World:
    r = within(w, opened)
    for company in companies:
        await r.deposit_all(company, [application([company.encode()])])
    w.h.clock.set(datetime.fromisoformat(opened["deadline"]) + timedelta(minutes=1))
    await r.open_stage()
    return r


async def test_a_company_admitted_later_is_invited_to_the_next_specific_contract(
    service_harness: HarnessFactory,
) -> None:
    w = await system(service_harness, ALPHA)
    assert len(await inbox(w, ALPHA, "selection")) == 1, "admitted, it is told"
    opened = await window(w)
    assert (opened["invited"], opened["decide_by"]) == ([], "2026-04-01")
    for anybody in (None, BETA):
        seen = await w.call("GET", f"/consultations/{w.procedure}", anybody, expect=200)
        assert seen["apply_at"] == opened["round_id"]
        await w.call("GET", f"/consultations/{opened['round_id']}", anybody, expect=200)
    before = await call(w, "specific", deadline=NOW + timedelta(days=11))
    assert [each["organisation"] for each in before["invited"]] == [ALPHA]
    await applications_opened(w, opened, BETA, GAMMA)
    await admit(w, opened, BETA, refused=(GAMMA,))
    (letter,) = await inbox(w, GAMMA, "selection")
    told = await w.call("GET", f"/letters/{letter['letter_id']}", GAMMA, expect=200)
    assert "Références insuffisantes." in " ".join(told["paragraphs"])
    (letter,) = await inbox(w, BETA, "selection")
    assert letter["subject"] == "Votre candidature est admise"
    after = await call(w, "specific", deadline=w.h.clock.now() + timedelta(days=11))
    assert [each["organisation"] for each in after["invited"]] == [ALPHA, BETA]
    r = await offers_opened(w, after, ALPHA, BETA)
    path = f"/consultations/{r.procedure}/lots/{LOT}/award"
    decision = award_body(r.bids[BETA], list(r.bids.values()))
    awarded = await r.call("POST", path, BUYER, expect=201, json=decision)
    assert awarded["standstill_until"] is None
    assert "R2182-2" in awarded["standstill_reason"]


async def test_who_was_refused_applies_again_and_a_window_is_judged_once(service_harness: HarnessFactory) -> None:
    w = await system(service_harness, ALPHA)
    first = await window(w)
    await applications_opened(w, first, BETA)
    await admit(w, first, expect=201, refused=(BETA,))
    again = await admit(w, first, BETA, expect=409)
    assert "déjà jugées" in again["detail"]
    second = await window(w, deadline=w.h.clock.now() + timedelta(days=5))
    await applications_opened(w, second, BETA)
    await admit(w, second, BETA)
    specific = await call(w, "specific", deadline=w.h.clock.now() + timedelta(days=11))
    assert [each["organisation"] for each in specific["invited"]] == [ALPHA, BETA]


async def test_windows_follow_each_other_until_the_end_of_the_system(service_harness: HarnessFactory) -> None:
    w = await system(service_harness, ALPHA)
    opened = await window(w, until=(NOW + timedelta(days=14)).isoformat())
    assert await go_on(w.h.runtime) == 0
    w.h.clock.set(WEEK - timedelta(minutes=30))
    assert await go_on(w.h.runtime) == 1
    assert await go_on(w.h.runtime) == 0
    seen = await w.call("GET", f"/consultations/{w.procedure}", BETA, expect=200)
    following = await w.call("GET", f"/consultations/{seen['apply_at']}", BETA, expect=200)
    assert seen["apply_at"] != opened["round_id"]
    assert datetime.fromisoformat(following["deadline"]) == WEEK + timedelta(days=6)
    await replace(w, procedure=UUID(seen["apply_at"]), bids={}).deposit_all(BETA, [application([b"beta"])])
    w.h.clock.set(WEEK + timedelta(days=6))
    assert await go_on(w.h.runtime) == 1
    w.h.clock.set(NOW + timedelta(days=15))
    assert await go_on(w.h.runtime) == 0
    ended = await w.call("GET", f"/consultations/{w.procedure}", BETA, expect=200)
    assert ended["apply_at"] is None
    await w.h.settle()
    assert [each.data["kind"] for each in w.h.events("bids.round.opened.v1")] == ["application"] * 3


async def test_windows_are_weekly_for_systems_alone_and_take_applications_alone(
    service_harness: HarnessFactory,
) -> None:
    w = await system(service_harness, ALPHA)
    for wrong in (
        {"deadline": NOW + timedelta(days=8)}, {"deadline": NOW + timedelta(minutes=5)}, {"until": None},
        {"until": NOW.isoformat()}, {"dropped": {ALPHA: "Non."}},
    ):  # fmt: skip
        await window(w, expect=422, **wrong)
    await select(w, BETA, expect=409)
    opened = await window(w)
    refused = await within(w, opened).draft_all(BETA, [application([b"a"]), offer([b"o"])], expect=409)
    assert refused["type"] == "urn:halles:problem:applications-only"
    moved = {"deadline": UNTIL.isoformat(), "reason": "x"}
    await w.call("PUT", f"/consultations/{opened['round_id']}/deadline", BUYER, expect=422, json=moved)
    await applications_opened(w, opened, BETA)
    limited = await select(w, BETA, expect=422, at_most=1, round_id=opened["round_id"])
    assert "sans limite de nombre" in str(limited["errors"])
    await select(w, BETA, expect=404, at_most=None, round_id=str(w.procedure))


async def test_a_restricted_procedure_without_system_has_no_window(service_harness: HarnessFactory) -> None:
    w = await applied(service_harness, ALPHA, procedure_type="restricted")
    await select(w, ALPHA)
    refused = await window(w, expect=422)
    assert "système d'acquisition dynamique" in str(refused["errors"])


def test_ten_workable_days_count_saturdays_and_no_holiday() -> None:
    assert decide_by(datetime(2026, 4, 30, 9, tzinfo=UTC), Territory.METROPOLE) == date(2026, 5, 15)


def test_a_window_missed_by_a_stop_of_the_platform_is_made_up_for() -> None:
    opened, ends = NOW, NOW + timedelta(days=6)
    assert next_deadline(opened, ends, UNTIL, ends + timedelta(days=13)) == ends + timedelta(days=18)
    assert next_deadline(opened, ends, UNTIL, ends - timedelta(minutes=5)) == ends + timedelta(days=6)
    assert next_deadline(opened, ends, ends + timedelta(days=1), ends) == ends + timedelta(days=1)
