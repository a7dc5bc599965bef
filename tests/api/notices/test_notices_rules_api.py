"""The law served as data: the rules of a day, what they ask of a procurement, holidays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(datetime(2026, 11, 21, 9, tzinfo=UTC)))


async def ask(h: Harness, path: str, params: dict[str, str], status: int = 200) -> dict:  # type: ignore[type-arg]  # JSON
    response = await h.client.get(f"/notices/v1/rules{path}", params=params)
    body: dict = await response.json()  # type: ignore[type-arg]  # JSON
    assert response.status == status, body
    return body


async def test_thresholds_and_periods_of_a_day(h: Harness) -> None:
    for on, amount in (("2025-06-01", "221000.00"), ("2026-06-01", "216000.00")):
        served = await ask(h, "", {"on": on})
        amounts = [r["amount"] for r in served["rules"] if r["code"] == "formal-procedure" and "local" in r["buyers"]]
        assert amount in amounts
        open_ones = [p for p in served["periods"] if p["subject"] == "tenders" and "open" in p["procedures"]]
        assert {35, 30, 15} <= {p["days"] for p in open_ones}
        assert all(p["source"] for p in served["periods"])


async def test_a_procurement_that_is_thought_of(h: Harness) -> None:
    said = {"nature": "services", "value": "300000", "sent_on": "2026-11-23", "deadline": "2026-12-15T12:00:00+01:00"}
    found = await ask(h, "/situation", said)
    assert found["formal"] is True
    assert found["channels"]["required"] == ["joue", "boamp", "profile"]
    met = {each["code"]: each["met"] for each in found["requirements"]}
    assert met["period"] is False
    dates = {each["code"]: each for each in found["dates"]}
    assert dates["earliest-deadline"]["at"] == "2026-12-23T23:00:00Z"
    assert len(dates["earliest-deadline"]["steps"]) == 2
    assert dates["answers-due"]["at"] == "2026-12-09T11:00:00Z"
    small = await ask(h, "/situation", {"nature": "works", "value": "50000", "procedure_type": "adapted"})
    assert (small["formal"], small["channels"]["required"]) == (False, ["profile"])


async def test_holidays_of_a_territory(h: Harness) -> None:
    found = await ask(h, "/holidays", {"year": "2026", "territory": "guadeloupe"})
    assert found["zone"] == "America/Guadeloupe"
    assert {"day": "2026-05-27", "name": "Abolition de l'esclavage", "name_en": "Abolition of slavery"} in found[
        "holidays"
    ]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("", {"on": "2026-13-01"}),
        ("/situation", {}),
        ("/situation", {"nature": "services", "value": "-1"}),
        ("/situation", {"nature": "services", "deadline": "2026-12-15T12:00:00"}),
        ("/situation", {"nature": "services", "department": "99"}),
        ("/situation", {"nature": "services", "colour": "blue"}),
        ("/holidays", {"year": "1789"}),
        ("/holidays", {"year": "2026", "territory": "atlantis"}),
    ],
)
async def test_bad_questions_are_refused_and_say_where(h: Harness, path: str, params: dict[str, str]) -> None:
    problem = await ask(h, path, params, 422)
    assert problem["errors"]
