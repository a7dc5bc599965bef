"""A search tried out before and after it is saved: the notices of the last month that it finds, page by page."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.common.messages.base import Money
from libs.common.periodic import tick
from libs.common.testing.harness import Harness
from services.alerts.service import previews
from services.alerts.wiring import SERVICE
from tests.api.alerts.people_flow import at, subscribed
from tests.api.alerts.test_alerts_mails import Inbox, Json, box, call, h, inbox, search
from tests.unit.alerts.alerts_samples import BUYER, OTHER_COMPANY, published

__all__ = ["box", "h", "inbox"]


async def month(h: Harness) -> None:
    """Publish a notice a day, for forty days until now; those of even days are about schools."""
    for day in range(40):
        title = "Réfection des Écoles maternelles" if day % 2 == 0 else "Voirie communale"
        when = h.clock.now() - timedelta(days=day, minutes=1)
        value = Money(amount=1_000 * (day + 1))
        await h.deliver(published(notice_id=UUID(int=day + 1), title=title, published_at=when, value=value))


async def tried(h: Harness, body: Json, query: str = "", status: int = 200) -> Json:
    return await at(h, "POST", f"/alerts/v1/previews{query}", status, body)


async def test_this_search_would_have_matched_so_many_notices_last_month(h: Harness) -> None:
    await month(h)
    told = await tried(h, {"words": ["écoles"]})
    assert (told["count"], told["whole"], told["next"]) == (15, True, None)
    assert [each["notice_id"] for each in told["items"]] == [str(UUID(int=day + 1)) for day in range(0, 30, 2)]
    first = told["items"][0]
    assert (first["title"], first["phase"], first["departments"]) == (
        "Réfection des Écoles maternelles",
        "contract",
        ["21"],
    )
    assert first["reasons"] == [{"criterion": "words", "wanted": "écoles", "found": "Écoles"}]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"words": ["voirie"]}, 15),
        ({"phrases": ["écoles maternelles"]}, 15),
        ({"phrases": ["maternelles écoles"]}, 0),
        ({"any": ["voirie", "école"], "cpv": ["45"]}, 30),
        ({"words": ["toiture"], "not": ["voirie"]}, 15),
        ({"cpv": ["33"], "words": ["voirie"], "either": True}, 15),
        ({"departments": ["21"], "value_max": 3_000}, 3),
        ({"value_min": 30_000}, 1),
        ({"near": {"lat": 47.32, "lon": 5.04, "km": 20}}, 30),
        ({"near": {"lat": 48.85, "lon": 2.35, "km": 20}}, 0),
        ({"buyers": [BUYER], "words": ["piscine"]}, 0),
        ({"words": ["école"], "phases": ["award"]}, 0),
    ],
    ids=str,
)  # fmt: skip
async def test_a_preview_means_what_matching_means(h: Harness, body: Json, count: int) -> None:
    await month(h)
    assert (await tried(h, body))["count"] == count


async def test_a_preview_is_read_page_by_page(h: Harness) -> None:
    await month(h)
    seen: list[str] = []
    query: str | None = "?limit=4"
    while query:
        told = await tried(h, {"words": ["école"]}, query)
        assert told["count"] == 15
        seen += [each["notice_id"] for each in told["items"]]
        query = f"?limit=4&cursor={told['next']}" if told["next"] else None
    assert seen == [str(UUID(int=day + 1)) for day in range(0, 30, 2)]
    await tried(h, {"words": ["école"]}, "?cursor=x", 422)


async def test_a_saved_search_is_tried_out_by_its_holder_alone(h: Harness, box: Inbox) -> None:
    await month(h)
    found = await search(h)
    assert (await call(h, "GET", f"/v1/searches/{found}/preview", 200))["count"] == 15
    await call(h, "GET", f"/v1/searches/{found}/preview", 404, org=OTHER_COMPANY)
    root = await subscribed(h, box)
    [own] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    told = await at(h, "GET", f"{root}/searches/{own['search_id']}/preview?limit=2", 200)
    assert (told["count"], len(told["items"])) == (15, 2)


async def test_a_search_that_matches_everything_is_not_tried_out(h: Harness) -> None:
    for body in ({}, {"not": ["école"]}, {"words": ["de"]}):
        told = await tried(h, body, status=422)
        assert told["type"].endswith("unselective-search")
    await tried(h, {"words": [f"mot{number}" for number in range(501)]}, status=422)
    await tried(h, {"name": "x", "words": ["école"]}, status=422)


async def test_a_preview_is_bounded_and_says_so(h: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await month(h)
    monkeypatch.setattr(previews, "_MOST", 10)
    told = await tried(h, {"words": ["toiture"]})
    assert (told["count"], told["whole"]) == (10, False)
    monkeypatch.setattr(previews, "_SECONDS", -1.0)
    told = await tried(h, {"words": ["toiture"]})
    assert (told["count"], told["whole"]) == (0, False)


async def test_one_caller_tries_out_so_many_searches_a_minute(h: Harness) -> None:
    h.runtime.give_ports(SERVICE.ports(h.runtime))
    limit = 20
    for _ in range(limit):
        await tried(h, {"words": ["école"]})
    told = await tried(h, {"words": ["école"]}, status=429)
    assert told["detail"]


async def test_notices_are_erased_so_many_months_after_their_end(h: Harness) -> None:
    await search(h)
    end = h.clock.now() + timedelta(days=30)
    await h.deliver(published(deadline=end), published(notice_id=UUID(int=5), deadline=end + timedelta(days=300)))
    await h.settle()
    kept = "SELECT (SELECT count(*) FROM notice), (SELECT count(*) FROM notice_said), (SELECT count(*) FROM match)"
    h.clock.advance(timedelta(days=32))
    await tick(h.runtime)
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM notice_said WHERE features IS NULL") == 2
        h.clock.set(end + timedelta(days=13 * 30.5 - 1))
        await tick(h.runtime)
        assert tuple(await conn.fetchrow(kept)) == (2, 2, 2)
        h.clock.advance(timedelta(days=2))
        await tick(h.runtime)
        assert tuple(await conn.fetchrow(kept)) == (1, 1, 1)
