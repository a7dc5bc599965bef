"""Pages are found where they are likely to end, and are the same as if all were looked at."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest

from libs.common.messages.notices import Place
from libs.common.search import places
from libs.common.search.clauses import clauses_of
from libs.common.search.notice import cpv_branches
from libs.common.search.places import Point
from services.notices.content import NoticeContent
from services.notices.search.criteria import Criteria, Facet, Near, Position, Sort
from services.notices.search.fields import IndexRow
from services.notices.search.index import Hits, TantivyIndex
from services.notices.search.pages import Recent
from tests.unit.notices.notices_samples import BEFORE
from tests.unit.notices.search_samples import BEAUNE, DIJON, RENNES, said

DAYS = 300
MANY = 1_500
TOWNS = (DIJON, BEAUNE, RENNES, Place(city="Talant", postal_code="21240", department="21"), Place(department="21"))
NEAR = Point(47.32, 5.04)
CODES = ("45233140", "45214200", "90511100", "90513000", "71200000", "30192000")


def row(number: int, draw: random.Random) -> IndexRow:
    content = said(
        draw.choice(("École", "Voirie")),
        description="rare" if draw.random() < 0.02 else "",
        places=draw.sample(TOWNS, draw.randrange(1, 3)),
        kind=draw.choice(("contract", "planning")),
        cpv=draw.sample(CODES, draw.randrange(1, 3)),
    )
    at = BEFORE - timedelta(days=draw.randrange(DAYS), seconds=draw.randrange(3))
    return IndexRow(
        notice_id=UUID(int=number),
        procedure_id=UUID(int=number),
        organisation=content.buyer.organisation,
        published_at=at,
        deadline=None,
        said=content.model_dump(mode="json"),
        procedure_state="open",
    )


@pytest.fixture(scope="module")
def rows() -> list[IndexRow]:
    draw = random.Random(2026)
    return [row(number, draw) for number in range(1, MANY + 1)]


@pytest.fixture(scope="module")
def index(rows: list[IndexRow]) -> TantivyIndex:
    made = TantivyIndex()
    made.add(rows)
    made.built()
    return made


def walked(
    index: TantivyIndex, criteria: Criteria, sort: Sort, limit: int, facets: tuple[Facet, ...]
) -> Iterator[Hits]:
    after: Position | None = None
    while True:
        page = index.page(criteria, sort, after, limit, facets)
        yield page
        if not page.more:
            return
        after = page.hits[-1].position


@pytest.mark.parametrize("query", ["", "école", "rare", "voirie -rare"])
@pytest.mark.parametrize("facets", [(), (Facet.KIND, Facet.REGION)])
def test_newest_pages_are_the_whole_in_its_order(
    index: TantivyIndex, rows: list[IndexRow], query: str, facets: tuple[Facet, ...]
) -> None:
    criteria = Criteria(words=clauses_of(query), kinds=("contract",) if facets else ())
    held = {hit.notice_id for hit in index.page(criteria, Sort.PUBLISHED, None, MANY).hits}
    expected = sorted(
        (each for each in rows if each.notice_id in held), key=lambda each: (each.published_at, each.notice_id)
    )
    pages = list(walked(index, criteria, Sort.PUBLISHED, 7, facets))
    assert [hit.notice_id for page in pages for hit in page.hits] == [each.notice_id for each in reversed(expected)]
    assert {page.total for page in pages} == {len(held)}
    assert bool(pages[0].facets) == bool(facets)


def test_a_total_known_from_facets_is_that_of_the_answers(index: TantivyIndex) -> None:
    asked = Criteria(words=clauses_of("école"), regions=("27",))
    for facets in ((Facet.REGION,), (Facet.KIND,), (Facet.REGION, Facet.KIND)):
        assert index.page(asked, Sort.PUBLISHED, None, 5, facets).total == index.count(asked)
    assert index.page(Criteria(), Sort.PUBLISHED, None, 5, (Facet.KIND,)).total == MANY


@pytest.mark.parametrize("branches", [(), ("45",), ("45", "905"), ("4523", "71"), ("90511100",)])
@pytest.mark.parametrize("query", ["", "école"])
def test_codes_are_counted_by_division_and_below_the_branches_asked(
    index: TantivyIndex, rows: list[IndexRow], branches: tuple[str, ...], query: str
) -> None:
    words = clauses_of(query)
    wanted = {hit.notice_id for hit in index.page(Criteria(words=words), Sort.PUBLISHED, None, MANY).hits}
    expected: Counter[str] = Counter()
    for each in rows:
        if each.notice_id in wanted:
            codes = set(cpv_branches(NoticeContent.model_validate(each.said)))
            below = {code for code in codes if len(code) <= 5 and code[:-1] in branches}
            expected.update({code for code in codes if len(code) == 2} | below)
    page = index.page(Criteria(words=words, cpv=branches), Sort.PUBLISHED, None, 5, (Facet.CPV,))
    assert dict(page.facets[Facet.CPV]) == dict(expected)
    assert page.total == index.count(Criteria(words=words, cpv=branches))


@pytest.mark.parametrize("kilometres", [None, 1.0, 60.0, 700.0])
@pytest.mark.parametrize("query", ["", "rare"])
def test_pages_by_distance_are_the_whole_in_its_order(
    index: TantivyIndex, rows: list[IndexRow], kilometres: float | None, query: str
) -> None:
    criteria = Criteria(words=clauses_of(query), near=Near(NEAR, kilometres))
    far: dict[UUID, int] = {}
    wanted = {hit.notice_id for hit in index.page(Criteria(words=criteria.words), Sort.PUBLISHED, None, MANY).hits}
    for each in rows:
        points = [places.point(key) for key in places.points_of(said("", places=_places(each)))]
        nearest = min(places.distance(NEAR, point) for point in points if point)
        if each.notice_id in wanted and (kilometres is None or nearest <= kilometres):
            far[each.notice_id] = round(nearest * 1000)
    pages = list(walked(index, criteria, Sort.DISTANCE, 23, ()))
    found = [hit for page in pages for hit in page.hits]
    assert {hit.notice_id: hit.position.rank for hit in found} == far
    places_of = [(hit.position.rank, -hit.position.key, -hit.notice_id.int) for hit in found]
    assert places_of == sorted(places_of)
    assert len(found) == len(far)


def _places(row: IndexRow) -> list[Place]:
    return [Place.model_validate(each) for each in row.said["places"]]


def test_a_page_is_looked_for_in_as_many_days_as_it_is_likely_to_take() -> None:
    first = date(2026, 1, 1)
    recent = Recent({first + timedelta(days=number): 10 for number in range(100)})
    assert recent.since(5, 1_000, None) == first + timedelta(days=98), "20 notices stand in two days"
    assert recent.since(5, 500, None) == first + timedelta(days=96)
    assert recent.since(5, 1_000, first + timedelta(days=49)) == first + timedelta(days=48)
    assert recent.since(5, 50, None) is None, "rare ones are looked for everywhere"
    assert recent.since(5, 1_000, first) is None, "nothing is behind"
    assert Recent({}).since(5, 1_000, None) is None
    old = Recent({date(2009, 1, 1): 1_000, date(2009, 1, 2): 1_000})
    assert old.since(1, 2_000, None) is None, "before the first year all count as published at once"
