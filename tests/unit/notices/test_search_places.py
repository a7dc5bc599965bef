"""Circles and boxes are exact over all points; where a notice stands; keys that keep their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.messages.notices import Buyer, Place
from libs.common.reference import regions
from libs.common.search import places
from libs.common.search.places import Box, Point
from services.notices.search.fields import deadline_key, published_at, published_key
from services.notices.views.search_map import clusters
from tests.unit.notices.search_samples import DIJON, RENNES, said

KEYS = [f"c{code}" for code in ("21231", "21054", "35238", "75056", "97105", "2A004", "01001")] + ["d21", "d971"]
POINTS = {key: place for key in KEYS if (place := places.point(key))}
LATITUDES, LONGITUDES = st.floats(-22, 52), st.floats(-62, 56)


def held(key: str, terms: tuple[str, ...]) -> bool:
    return not set(places.squares(key)).isdisjoint(terms)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KEYS), LATITUDES, LONGITUDES, st.floats(0.1, 500))
def test_a_circle_holds_the_points_within_its_radius_and_no_other(key: str, lat: float, lon: float, km: float) -> None:
    for centre in (Point(lat, lon), POINTS["c21231"]):
        terms = places.circle(centre, km)
        assert held(key, terms) == (places.distance(POINTS[key], centre) <= km)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KEYS), LONGITUDES, LATITUDES, LONGITUDES, LATITUDES)
def test_a_box_holds_the_points_between_its_sides_and_no_other(
    key: str, west: float, south: float, east: float, north: float
) -> None:
    box = Box(west, min(south, north), east, max(south, north))
    assert held(key, places.in_box(box)) == box.holds(POINTS[key])


def test_large_circles_take_few_terms() -> None:
    assert len(places.circle(POINTS["c21231"], 50)) < 200
    assert len(places.circle(POINTS["c21231"], 500)) < 1000


def test_a_notice_stands_where_it_is_performed_else_at_its_buyer() -> None:
    assert places.points_of(said("a")) == ["c21231"]
    assert places.points_of(said("a", places=[DIJON, RENNES, DIJON])) == ["c21231", "c35238"]
    buyer = Buyer(
        organisation="SIRET:21350997900018", name="B", city="Rennes Cedex 7", postal_code="35000", department="35"
    )
    assert places.points_of(said("a", places=[], buyer=buyer)) == ["c35238"]
    assert places.points_of(said("a", places=[Place(department="2A")])) == ["d2A"]
    assert places.points_of(
        said("a", places=[Place(country="BEL", city="Dijon", postal_code="21000")], buyer=buyer)
    ) == ["c35238"]
    assert places.points_of(said("a", places=[Place(city="Saint-Denis", postal_code="97400")])) == ["c97411"]


def test_a_notice_is_national_when_it_tells_no_place_below_the_country() -> None:
    assert places.is_national(said("a", places=[]))
    assert places.is_national(said("a", places=[Place(country="FRA"), Place(nuts="FR")]))
    assert not places.is_national(said("a", places=[Place(nuts="FRC1")]))
    assert not places.is_national(said("a"))


def test_regions_are_named_by_their_code() -> None:
    assert regions.every()["27"] == "Bourgogne-Franche-Comté"
    assert (regions.of_department("2A"), regions.of_department("99")) == ("94", None)


INSTANTS = st.integers(0, 70 * 365 * 86_400 * 1_000_000).map(
    lambda elapsed: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(microseconds=elapsed)
)


@given(INSTANTS, INSTANTS, st.uuids(), st.uuids())
def test_keys_fall_as_instants_do_and_fit_in_64_bits(one: datetime, other: datetime, first: UUID, second: UUID) -> None:
    keys = published_key(one, first), published_key(other, second)
    assert (keys[0] < keys[1]) == (one < other or (one == other and first.int >> 115 < second.int >> 115))
    assert published_at(keys[0]) == one
    soon = deadline_key(one, first), deadline_key(other, second)
    if abs(one - other) >= timedelta(seconds=1):
        assert (soon[0] > soon[1]) == (one < other)
    assert deadline_key(None, first) < min(soon)
    assert max(*keys, *soon) < 2**64


def test_clusters_hold_every_point_of_the_box_once() -> None:
    counts = {"c21231": 3, "c21054": 2, "c35238": 1, "d21": 4, "c99999": 7}
    france = Box(-5, 41, 10, 52)
    whole = clusters(counts, france, 0)
    assert sum(each.properties.count for each in whole.features) == 10
    assert sum(each.properties.places for each in whole.features) == 4
    assert len(whole.features) < 4
    fine = clusters(counts, france, 14)
    assert sorted(each.properties.count for each in fine.features) == [1, 2, 3, 4]
    assert {each.properties.name for each in fine.features} >= {"Dijon", "Rennes", "Côte-d'Or"}
    [west, south, east, north] = whole.features[0].bbox
    assert west <= whole.features[0].geometry.coordinates[0] <= east
    assert south <= whole.features[0].geometry.coordinates[1] <= north
