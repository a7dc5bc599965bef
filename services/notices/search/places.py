"""Where notices are, and what lies in a circle or a box: pure, over the reference tables.

A notice stands at points of a known set: communes where it tells one, else departments. A part of the map is asked as the
largest squares that hold no point outside of it, and the points left over: exact, and few terms.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from math import asin, cos, degrees, pi, radians, sin, sqrt
from sys import intern
from typing import Final

from libs.common.messages.notices import Buyer, Place
from libs.common.reference import communes, departments, nuts
from libs.common.reference.tables import fold
from services.notices.content import NoticeContent

__all__ = [
    "Box",
    "Point",
    "circle",
    "distance",
    "in_box",
    "is_national",
    "point",
    "points_of",
    "prepare",
    "squares",
    "within",
]

EARTH: Final = 6371.0
"""Mean radius in kilometres, as the alerts count."""
LEVELS: Final = range(4, 14)
"""Of squares: each halves the sides of the one above; the last ones are about 3 km wide."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the map, in degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map between two meridians and two parallels; its west may lie east of its east (RFC 7946, 5.2)."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, point: Point) -> bool:
        """Whether a point is in it, edges included."""
        across = self.west <= point.longitude <= self.east
        if self.west > self.east:
            across = point.longitude >= self.west or point.longitude <= self.east
        return across and self.south <= point.latitude <= self.north


@cache
def _points() -> dict[str, Point]:
    """Give every point that a notice may stand at: `c21231` a commune, `d21` a department."""
    found = {
        f"c{each.code}": Point(each.latitude, each.longitude)
        for each in communes.every().values()
        if each.latitude is not None and each.longitude is not None
    }
    return found | {
        f"d{each.code}": Point(each.latitude, each.longitude)
        for each in departments.every().values()
        if each.latitude is not None and each.longitude is not None
    }


def point(key: str) -> Point | None:
    """Give the point of a key, None for one without coordinates."""
    return _points().get(key)


def points_of(content: NoticeContent) -> list[str]:
    """Give the keys of where a notice stands: its places of performance, else its buyer's."""
    told = (*content.places, *(place for lot in content.lots for place in lot.places))
    keys = [key for place in told if (key := _key(place))]
    if not keys and (own := _key(content.buyer)):
        keys = [own]
    return list(dict.fromkeys(keys))


def is_national(content: NoticeContent) -> bool:
    """Whether no place of performance is told below the country."""
    told = (*content.places, *(place for lot in content.lots for place in lot.places))
    return not any(
        place.department or place.city or place.postal_code or (place.nuts and nuts.level(place.nuts) > 0)
        for place in told
    )


def _key(place: Place | Buyer) -> str | None:
    if getattr(place, "country", "FRA") != "FRA":
        return None
    commune = _commune(place.postal_code or "", place.city or "", place.department)
    if commune is not None:
        return f"c{commune}"
    return f"d{place.department}" if place.department else None


@lru_cache(50_000)
def _commune(postal_code: str, city: str, department: str | None) -> str | None:
    """Give the commune of an address: the one of the postal code that bears the name, else the only one of either."""
    name = fold(city.partition(" cedex")[0].partition(" CEDEX")[0].partition(" Cedex")[0])
    sharing = communes.with_postal_code("".join(postal_code.split())) if postal_code else ()
    if named := [each for each in sharing if fold(each.name) == name]:
        return named[0].code
    if len(sharing) == 1:
        return sharing[0].code
    number = department or (departments.of_postal_code(postal_code) if postal_code else None)
    bearing = [each for each in communes.named(name) if number in {None, each.department}] if name else []
    return bearing[0].code if len(bearing) == 1 else None


@dataclass(frozen=True, slots=True)
class _Spot:
    """A point ready to be compared with: its place on the unit sphere, and the squares that hold it, largest first."""

    key: str
    place: Point
    x: float
    y: float
    z: float
    squares: tuple[str, ...]

    @classmethod
    def of(cls, key: str, place: Point) -> _Spot:
        north, east = radians(place.latitude), radians(place.longitude)
        held = tuple(intern(_square(place, level)) for level in LEVELS)
        return cls(key, place, cos(north) * cos(east), cos(north) * sin(east), sin(north), held)


def _square(place: Point, level: int) -> str:
    return f"{level}/{int((place.longitude + 180) / 360 * 2**level)}/{int((place.latitude + 90) / 180 * 2**level)}"


@cache
def _spots() -> dict[str, _Spot]:
    """Give every point, from south to north."""
    ordered = sorted(_points().items(), key=lambda item: item[1].latitude)
    return {key: _Spot.of(key, place) for key, place in ordered}


@cache
def _from_south() -> tuple[list[float], list[_Spot]]:
    return [spot.place.latitude for spot in _spots().values()], list(_spots().values())


@cache
def _crowd() -> Counter[str]:
    return Counter(square for spot in _spots().values() for square in spot.squares)


def prepare() -> None:
    """Read the tables now: it takes half a second."""
    _crowd()
    _from_south()


def squares(key: str) -> tuple[str, ...]:
    """Give the terms of a point: itself, and every square that holds it."""
    spot = _spots().get(key)
    return (key, *spot.squares) if spot else (key,)


def distance(one: Point, other: Point) -> float:
    """Give the great-circle distance in kilometres."""
    south, north = radians(one.latitude), radians(other.latitude)
    half = sin((north - south) / 2) ** 2
    half += cos(south) * cos(north) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


@lru_cache(256)
def circle(centre: Point, kilometres: float) -> tuple[str, ...]:
    """Give the terms of which a notice within so many kilometres of a point has at least one, and no other notice."""
    return _covering(_within(centre, kilometres))


@lru_cache(256)
def in_box(box: Box) -> tuple[str, ...]:
    """Give the terms of which a notice in a box has at least one, and no other notice."""
    return _covering([spot for spot in _between(box.south, box.north) if box.holds(spot.place)])


def within(centre: Point, kilometres: float) -> list[str]:
    """Give the keys of the points within so many kilometres."""
    return [spot.key for spot in _within(centre, kilometres)]


def _within(centre: Point, kilometres: float) -> list[_Spot]:
    """Compare chords of the unit sphere: no trigonometry for each point."""
    high = degrees(kilometres / EARTH)
    nearby = _between(centre.latitude - high, centre.latitude + high)
    middle = _Spot.of("", centre)
    x, y, z = middle.x, middle.y, middle.z
    chord = (2 * sin(min(pi / 2, kilometres / EARTH / 2))) ** 2
    return [spot for spot in nearby if (spot.x - x) ** 2 + (spot.y - y) ** 2 + (spot.z - z) ** 2 <= chord]


def _between(south: float, north: float) -> list[_Spot]:
    latitudes, spots = _from_south()
    return spots[bisect_left(latitudes, south) : bisect_right(latitudes, north)]


def _covering(spots: list[_Spot]) -> tuple[str, ...]:
    """Give the largest squares whose every point is among these, and the keys of those that are in none."""
    crowd, terms, left = _crowd(), [], spots
    for level in range(len(LEVELS)):
        here = Counter([spot.squares[level] for spot in left])
        if full := {square for square, number in here.items() if number == crowd[square]}:
            terms += sorted(full)
            left = [spot for spot in left if spot.squares[level] not in full]
    return (*terms, *sorted(spot.key for spot in left))
