"""Legal dates are days at the buyer's place: around midnight in Paris and overseas, and on the eve of a change of thresholds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.duplicating import begun
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS, content

Json = dict[str, Any]
LAST, FIRST = date(2026, 12, 31), date(2027, 1, 1)
PLACES = {"21000": "Europe/Paris", "97110": "America/Guadeloupe", "97400": "Indian/Reunion"}
DEPARTMENTS = {"21000": "21", "97110": "971", "97400": "974"}
NIGHTS = [
    # an instant (UTC), and the day it is in Paris, in Guadeloupe and in La Réunion
    (datetime(2026, 12, 31, 19, 59, tzinfo=UTC), LAST, LAST, LAST),
    (datetime(2026, 12, 31, 20, 0, tzinfo=UTC), LAST, LAST, FIRST),
    (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), LAST, LAST, FIRST),
    (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), FIRST, LAST, FIRST),
    (datetime(2027, 1, 1, 3, 59, tzinfo=UTC), FIRST, LAST, FIRST),
    (datetime(2027, 1, 1, 4, 0, tzinfo=UTC), FIRST, FIRST, FIRST),
]


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(datetime(2026, 3, 1, tzinfo=UTC)))


async def ask(h: Harness, method: str, path: str, *, status: int, **options: Any) -> Json:  # noqa: ANN401  # those of aiohttp
    async with h.client.request(method, f"/notices/v1{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        body: Json = await answer.json()
        return body


def draft(postal_code: str, **said: Any) -> Json:  # noqa: ANN401  # JSON
    return {
        "title": "Nettoyage", "buyer": {"name": "Commune", "postal_code": postal_code}, "nature": "services",
        "cpv": ["90910000"], "value": "300000", "procedure_type": "open", "opening": KEYS,
        "documents_url": "https://exemple.fr/dce", "deadline": "2027-03-11T12:00:00+01:00",
    } | said  # fmt: skip


def day_there(postal_code: str, days: tuple[date, date, date]) -> date:
    return days[list(PLACES).index(postal_code)]


@pytest.mark.parametrize("postal_code", PLACES)
@pytest.mark.parametrize(("at", "paris", "guadeloupe", "reunion"), NIGHTS)
async def test_a_notice_is_of_the_day_at_its_buyer_s_place(
    h: Harness, at: datetime, paris: date, guadeloupe: date, reunion: date, postal_code: str
) -> None:
    h.clock.set(at)
    headers, on = h.headers(INTERCOMMUNALITY), day_there(postal_code, (paris, guadeloupe, reunion))
    made = await ask(h, "POST", "/notices", status=201, json=draft(postal_code), headers=headers)
    path = f"/notices/{made['notice_id']}"
    public = await ask(h, "POST", f"{path}/publication", status=201, headers=headers | {"If-Match": '"1"'})
    told = await ask(h, "GET", f"{path}/publications", status=200)
    assert [each["published_on"] for each in told["items"]] == [on.isoformat()]
    asked = {each["code"]: each for each in public["requirements"]}
    assert asked["period"]["steps"][0]["day"] == on.isoformat(), asked["period"]["steps"]
    dates = await ask(h, "GET", f"/procedures/{made['procedure_id']}/dates", status=200)
    earliest = {each["code"]: each["at"] for each in dates["dates"]}["earliest-deadline"]
    assert earliest == asked["period"]["at"]
    midnight = {"21000": "23:00:00Z", "97110": "04:00:00Z", "97400": "20:00:00Z"}[postal_code]
    assert earliest.endswith(midnight), earliest


# On 1 April 2026 the threshold of documents on the buyer profile becomes 60,000 euros: 40,000 before.
SPRING = [
    (datetime(2026, 3, 31, 19, 59, tzinfo=UTC), set()),
    (datetime(2026, 3, 31, 20, 0, tzinfo=UTC), {"97400"}),
    (datetime(2026, 3, 31, 22, 0, tzinfo=UTC), {"97400", "21000"}),
    (datetime(2026, 4, 1, 3, 59, tzinfo=UTC), {"97400", "21000"}),
    (datetime(2026, 4, 1, 4, 0, tzinfo=UTC), {"97400", "21000", "97110"}),
]


@pytest.mark.parametrize(("at", "new"), SPRING)
async def test_a_threshold_changes_at_midnight_of_the_buyer_s_place(h: Harness, at: datetime, new: set[str]) -> None:
    h.clock.set(at)
    for postal_code in PLACES:
        body = draft(postal_code, value="50000", procedure_type="adapted")
        made = await ask(h, "POST", "/notices", status=201, json=body, headers=h.headers(INTERCOMMUNALITY))
        asks_documents = "documents" in {each["code"] for each in made["requirements"]}
        assert asks_documents == (postal_code not in new), postal_code
        params = {"nature": "services", "value": "50000", "department": DEPARTMENTS[postal_code]}
        found = await ask(h, "GET", "/rules/situation", status=200, params=params)
        assert ("documents" in {each["code"] for each in found["requirements"]}) == (postal_code not in new)


def test_what_is_begun_again_is_formal_by_the_thresholds_of_its_buyer_s_day() -> None:
    eve = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)  # 218,000 is below 221,000, not below 216,000 of 2026
    value = content().value
    assert value is not None
    small = content(procedure_type="adapted", formal=False, nature="services", subtype="national").model_copy(
        update={"value": value.model_copy(update={"amount": 218_000})}
    )
    overseas = small.model_copy(update={"buyer": small.buyer.model_copy(update={"department": "971"})})
    assert begun(small, None, eve).formal
    assert not begun(overseas, None, eve).formal


async def test_the_national_form_writes_hours_as_they_are_at_the_buyer_s_place(h: Harness) -> None:
    made = await ask(h, "POST", "/notices", status=201, json=draft("97110"), headers=h.headers(INTERCOMMUNALITY))
    path = f"/notices/{made['notice_id']}/national-form"
    form = await ask(h, "GET", path, status=200, headers=h.headers(INTERCOMMUNALITY))
    assert form["procedure"]["dateLimiteReceptionPlis"] == "2027-03-11T07:00-04:00"
