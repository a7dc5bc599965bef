"""The search over HTTP: every criterion, facets, orders, pages, map, feeds; and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import feedparser
import icalendar
import pytest

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY
from tests.unit.notices.search_samples import BEAUNE, RENNES, keep, kept, said, varied

Json = dict[str, Any]


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    h = await service_harness(SERVICE, clock=TestClock(BEFORE))
    await keep(h.runtime, *(kept(number, content) for number, content in enumerate(varied(), 1)))
    h.clock.advance(timedelta(days=1))
    return h


async def found(h: Harness, query: str, *, status: int = 200) -> Json:
    async with h.client.get(f"/notices/v1/notices?{query}") as answer:
        assert answer.status == status, await answer.text()
        body: Json = await answer.json()
        return body


def numbers(page: Json) -> list[int]:
    return [UUID(item["notice_id"]).int for item in page["items"]]


CRITERIA = {
    "q=ecole": [3, 1],
    "q=écoles -architecte": [1],
    'q="école rénovation"': [],
    "cpv=45": [6, 5, 1],
    "cpv=4521&cpv=90": [2, 1],
    "region=27": [6, 5, 4, 2, 1],
    "region=53": [3],
    "department=35": [3],
    "commune=21231": [6, 5, 1],
    "near=21231&radius=5": [6, 5, 1],
    "near=21231&radius=50": [6, 5, 4, 2, 1],
    "near=48.11,-1.68&radius=10": [3],
    "bbox=4,46,6,48": [6, 5, 4, 2, 1],
    "bbox=5,47.2,5.1,47.4": [6, 5, 1],
    "national=only": [4],
    "national=excluded&department=21": [6, 5, 2, 1],
    "national=included&department=35": [4, 3],
    "value_min=40000&value_max=100000": [1],
    "value_min=50001&value_max=60000": [],
    "value_min=50000&value_max=50000": [1],
    "value_min=50000.01": [6],
    "value_max=50000": [1],
    "value_min=6000000.01": [],
    "value_min=40000&value_max=100000&unknown_value=true": [5, 4, 3, 2, 1],
    "procedure=adapted": [2],
    "procedure=00000000-0000-0000-0000-000000000003": [3],
    "nature=services": [3, 2],
    "contract=concession": [6],
    "technique=framework": [5],
    "phase=open": [6, 4, 3, 2, 1],
    "phase=planning": [5],
    "kind=planning": [5],
    "buyer=SIRET:21350997900018": [3],
    "not_buyer=SIRET:20009971100018": [3],
    "deadline_before=2027-01-01": [6, 4, 3, 2, 1],
    "deadline_after=2027-01-01": [],
    "published_after=2026-11-20T09:05:00Z": [6, 5],
    "published_before=2026-11-20T09:02:00Z": [2, 1],
    "clause=social": [4],
    "clause=social&clause=environmental": [5, 4],
    "language=ENG": [6],
    "q=école&department=35&nature=services": [3],
}


async def test_each_criterion_finds_what_it_names_and_nothing_else(h: Harness) -> None:
    for query, expected in CRITERIA.items():
        page = await found(h, query)
        assert numbers(page) == expected, query
        assert page["total"] == len(expected), query


async def test_facets_count_each_without_its_own_filter(h: Harness) -> None:
    page = await found(h, "department=35&nature=services&facets=department&facets=nature&facets=buyer&facets=cpv")
    facets = {name: {value["value"]: value["count"] for value in values} for name, values in page["facets"].items()}
    assert facets["department"] == {"21": 1, "35": 1}
    assert facets["nature"] == {"services": 1, "works": 1}  # the lot of the one is works
    assert facets["buyer"] == {"SIRET:21350997900018": 1}
    assert facets["cpv"] == {"71": 1}
    [buyer] = page["facets"]["buyer"]
    assert buyer["label"] == "Commune de Rennes"
    for more in (0, 1):  # counts of all notices are kept until the next change
        whole = await found(h, "facets=kind")
        counts = {value["value"]: value["count"] for value in whole["facets"]["kind"]}
        assert counts == {"contract": 5 + more, "planning": 1}
        assert (await found(h, "facets=kind&kind=planning"))["facets"] == whole["facets"]
        if not more:
            await keep(h.runtime, kept(7, said("De plus", cpv=["79000000"], nature="services", departments=["2A"])))
    branch = await found(h, "cpv=45&facets=cpv&facets=value&facets=phase&facets=region")
    labels = {value["value"]: value["label"] for value in branch["facets"]["cpv"]}
    assert set(labels) == {"45", "90", "71", "30", "79", "452"}
    assert labels["45"] == "Travaux de construction"
    values = {value["value"]: (value["label"], value["count"]) for value in branch["facets"]["value"]}
    assert values == {
        "unknown": ("Non indiquée", 1),
        "40000": ("De 40 000 à 90 000 €", 1),
        "5404000": ("À partir de 5 404 000 €", 1),
    }
    assert [(value["label"], value["count"]) for value in branch["facets"]["region"]] == [
        ("Bourgogne-Franche-Comté", 3)
    ]


async def test_answers_come_newest_soonest_nearest_or_most_to_the_point(h: Harness) -> None:
    late, soon = said("Un", deadline=BEFORE + timedelta(days=300)), said("Deux", deadline=BEFORE + timedelta(days=3))
    body = said("Trois", description="Une école")
    await keep(h.runtime, kept(7, late), kept(8, soon), kept(9, body))
    assert numbers(await found(h, "")) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert numbers(await found(h, "sort=deadline"))[0] == 8
    assert numbers(await found(h, "sort=deadline"))[-2:] == [7, 5]
    assert numbers(await found(h, "q=école renovation&sort=relevance")) == [1]
    assert numbers(await found(h, "q=école&sort=relevance")) == [3, 1, 9]
    near = await found(h, "near=99999&sort=distance", status=422)
    assert "INSEE" in near["errors"][0]["message"]
    near = await found(h, "near=21054&sort=distance")
    assert numbers(near)[:2] == [2, 9]
    assert numbers(near)[-1] == 3
    assert near["items"][0]["distance_km"] == 0
    assert 36 < near["items"][1]["distance_km"] < 38
    await keep(h.runtime, kept(10, said("Deux lieux", places=[BEAUNE, RENNES])))
    assert numbers(await found(h, "near=21054&radius=10&sort=distance")) == [10, 2], (
        "not what stands at the other place"
    )


@pytest.mark.parametrize("sort", ["published", "deadline", "distance&near=21054", "relevance&q=marche"])
async def test_pages_repeat_nothing_and_skip_nothing_while_notices_come_in_between(h: Harness, sort: str) -> None:
    same = BEFORE + timedelta(hours=1)  # one instant, one deadline, two places: equal keys
    many = [
        said(
            f"Marché {number}" if number % 3 else "Objet",
            description="marché",
            places=[BEAUNE if number % 2 else RENNES],
        )
        for number in range(40)
    ]
    await keep(h.runtime, *(kept(100 + number, content, at=same) for number, content in enumerate(many)))
    before = set(numbers(await found(h, f"sort={sort}&limit=100")))
    seen: list[int] = []
    cursor, arriving = "", 1000
    while True:
        page = await found(h, f"sort={sort}&limit=7{cursor}")
        seen += numbers(page)
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
        await keep(h.runtime, kept(arriving, said("Marché de plus", deadline=BEFORE + timedelta(days=arriving % 50))))
        arriving += 1
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


async def test_a_notice_is_found_at_once_and_follows_its_procedure(h: Harness) -> None:
    assert (await found(h, "phase=open"))["total"] == 5
    h.clock.advance(timedelta(days=60))
    from services.notices.service import procedures

    await procedures.close_due(h.runtime)
    assert (await found(h, "phase=open"))["total"] == 0
    assert (await found(h, "phase=closed"))["total"] == 5
    async with h.runtime.read() as conn:
        await conn.execute("UPDATE notice SET state = 'draft', published_at = NULL WHERE notice_id = $1", UUID(int=5))
    assert (await found(h, "phase=planning"))["total"] == 0


WRONG = [
    "radius=5",
    "near=21231&radius=0",
    "near=21231&radius=-1",
    "near=21231&radius=501",
    "near=21231&radius=nan",
    "near=21231",
    "near=91,0&radius=5",
    "near=Dijon&radius=5",
    "bbox=1,2,3",
    "bbox=5,48,6,47",
    "region=99",
    "commune=21999",
    "value_min=10&value_max=5",
    "value_min=-1",
    "unknown_value=true",
    "sort=relevance",
    "sort=relevance&q=de la",
    "sort=distance",
    "sort=newest",
    "facets=colour",
    "phase=over",
    "clause=other",
    "national=yes",
    "language=fr",
    "departement=21",
    "buyer=123",
]


async def test_what_cannot_be_asked_is_refused_with_a_way_to_mend_it(h: Harness) -> None:
    for query in WRONG:
        problem = await found(h, query, status=422)
        assert problem["errors"], query
        assert all(fault["message"] for fault in problem["errors"]), query


async def test_a_cursor_that_was_touched_or_is_of_another_order_is_refused(h: Harness) -> None:
    cursor = (await found(h, "limit=1"))["next"]
    for wrong in (cursor[:-2] + "AA", "x" * 40, cursor[5:]):
        await found(h, f"limit=1&cursor={wrong}", status=422)
    problem = await found(h, f"limit=1&sort=deadline&cursor={cursor}", status=422)
    assert problem["errors"][0]["where"] == "query/cursor"


async def test_the_map_gathers_answers_in_clusters(h: Harness) -> None:
    async with h.client.get("/notices/v1/notices/map?bbox=-5,41,10,52&zoom=4") as answer:
        assert answer.content_type == "application/geo+json"
        far = await answer.json(content_type=None)
        tag = answer.headers["ETag"]
    assert far["type"] == "FeatureCollection"
    assert sum(feature["properties"]["count"] for feature in far["features"]) == 6
    async with h.client.get(
        "/notices/v1/notices/map?bbox=-5,41,10,52&zoom=4", headers={"If-None-Match": tag}
    ) as answer:
        assert answer.status == 304
    async with h.client.get("/notices/v1/notices/map?bbox=4.5,46.5,5.5,47.5&zoom=12&q=ecole") as answer:
        near = await answer.json(content_type=None)
    [dijon] = near["features"]
    assert (dijon["properties"]["name"], dijon["properties"]["code"], dijon["properties"]["count"]) == (
        "Dijon",
        "21231",
        1,
    )
    longitude, latitude = dijon["geometry"]["coordinates"]
    assert 5 < longitude < 5.1
    assert 47.2 < latitude < 47.4
    async with h.client.get("/notices/v1/notices/map?zoom=12") as answer:
        assert answer.status == 422


async def test_a_feed_reader_reads_the_feed_of_a_search(h: Harness) -> None:
    await keep(h.runtime, kept(7, said("École & <b>gymnase</b> \x0b", description="œuvre")))
    async with h.client.get("/notices/v1/notices/atom?q=école") as answer:
        assert answer.content_type == "application/atom+xml"
        assert "max-age" in answer.headers["Cache-Control"]
        body, tag = await answer.read(), answer.headers["ETag"]
    feed = feedparser.parse(body)
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    assert [UUID(entry.id.removeprefix("urn:uuid:")).int for entry in feed.entries] == [7, 3, 1]
    assert feed.feed.updated == feed.entries[0].updated == "2026-11-20T09:07:00Z"
    assert feed.entries[1].author == "Commune de Rennes"
    assert feed.entries[0].link.endswith("/page")
    assert "20/12/2026" in feed.entries[0].summary
    assert all(entry.title and entry.id and entry.updated for entry in feed.entries)
    async with h.client.get("/notices/v1/notices/atom?q=école", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    async with h.client.get("/notices/v1/notices/atom?q=hélicoptère") as answer:
        assert feedparser.parse(await answer.read()).entries == []


async def test_a_calendar_program_reads_the_deadlines_of_a_search(h: Harness) -> None:
    long = said("É" * 200 + ", ; \\ fin", deadline=BEFORE + timedelta(days=9))
    past = said("Passé", deadline=BEFORE + timedelta(hours=1))
    await keep(h.runtime, kept(7, long), kept(8, past))
    async with h.client.get("/notices/v1/notices/calendar?department=21") as answer:
        assert answer.content_type == "text/calendar"
        body, tag = await answer.read(), answer.headers["ETag"]
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(body)
    assert not calendar.errors
    events = calendar.walk("VEVENT")
    assert [UUID(str(event["UID"]).partition("@")[0]).int for event in events] == [7, 1, 2, 4, 6]
    assert events[0].decoded("DTSTART") == BEFORE + timedelta(days=9)
    assert str(events[0]["SUMMARY"]) == f"Date limite : {long.title}"
    assert INTERCOMMUNALITY not in str(events[0])
    async with h.client.get("/notices/v1/notices/calendar?department=21", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_a_search_tells_how_many_there_were_over_time(h: Harness) -> None:
    await keep(h.runtime, kept(7, said("Ancien"), at=BEFORE - timedelta(days=70)))
    async with h.client.get("/notices/v1/notices/statistics?department=21") as answer:
        told = await answer.json()
    assert told == {
        "total": 6,
        "last_month": 5,
        "periods": [
            {"begins": "2026-09-01", "count": 1},
            {"begins": "2026-10-01", "count": 0},
            {"begins": "2026-11-01", "count": 5},
        ],
    }
    for by, periods in (("day", 71), ("week", 11)):
        async with h.client.get(f"/notices/v1/notices/statistics?by={by}&department=21") as answer:
            assert len((await answer.json())["periods"]) == periods
