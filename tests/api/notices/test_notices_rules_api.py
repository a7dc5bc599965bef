"""The law served as data: the rules of a day, what they ask of a procurement, holidays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS


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


async def test_the_dates_of_a_procedure_and_the_extension_a_change_asks_for(h: Harness) -> None:
    draft = {
        "title": "Nettoyage", "buyer": {"name": "Commune"}, "nature": "services", "cpv": ["90910000"], "value": "300000",
        "procedure_type": "open", "opening": KEYS, "documents_url": "https://exemple.fr/dce", "deadline": "2027-01-11T12:00:00+01:00",
    }  # fmt: skip
    headers = h.headers(INTERCOMMUNALITY)
    async with h.client.post("/notices/v1/notices", json=draft, headers=headers) as answer:
        made = await answer.json()
        assert answer.status == 201, made
    path = f"/notices/v1/notices/{made['notice_id']}/publication"
    async with h.client.post(path, headers=headers | {"If-Match": '"1"'}) as answer:
        assert answer.status == 201, await answer.text()
    asked = f"/notices/v1/procedures/{made['procedure_id']}/dates"

    async def dates(**params: str) -> dict[str, str]:
        async with h.client.get(asked, params=params) as answer:
            assert answer.status == 200, await answer.text()
            found = await answer.json()
        assert all(each["source"] and each["steps"] for each in found["dates"])
        return {each["code"]: each["at"] for each in found["dates"]}

    assert await dates() == {"earliest-deadline": "2026-12-21T23:00:00Z", "answers-due": "2027-01-05T11:00:00Z"}
    h.clock.set(datetime(2027, 1, 7, 9, tzinfo=UTC))
    assert (await dates())["extension"] == "2027-01-13T11:00:00Z", "six full days from now"
    assert (await dates(major="true"))["extension"] == "2027-01-22T11:00:00Z"
    h.clock.set(datetime(2027, 1, 12, 9, tzinfo=UTC))
    assert "extension" not in await dates(), "it is closed"
