"""Where notices are, and what lies in a circle or a box: pure, over the reference tables.

A notice stands at points of a known set: communes where it tells one, else departments. A part of the map is asked as the
largest squares that hold no point outside of it, and the points left over: exact, and few terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import asin, cos, pi, radians, sin, sqrt
from sys import intern
from typing import Final, Protocol

from libs.common.messages.notices import Buyer, Place
from libs.common.reference import communes, departments, nuts
from libs.common.reference.tables import fold
from libs.common.search.notice import SaidNotice

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
_EXACT: Final = 1e-12
"""More than rounding: at the very edge, points are compared one by one."""


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


def points_of(content: SaidNotice) -> list[str]:
    """Give the keys of where a notice stands: its places of performance, else its buyer's."""
    told = (*content.places, *(place for lot in content.lots for place in lot.places))
    keys = [key for place in told if (key := _key(place))]
    if not keys and (own := _key(content.buyer)):
        keys = [own]
    return list(dict.fromkeys(keys))


def is_national(content: SaidNotice) -> bool:
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
    def of(cls, key: str, place: Point, levels: Iterable[int] = ()) -> _Spot:
        north, east = radians(place.latitude), radians(place.longitude)
        held = tuple(intern(_square(place, level)) for level in levels)
        return cls(key, place, cos(north) * cos(east), cos(north) * sin(east), sin(north), held)

    def chord(self, other: _Spot) -> float:
        """Give how far apart two places are, straight through the unit sphere."""
        return sqrt((self.x - other.x) ** 2 + (self.y - other.y) ** 2 + (self.z - other.z) ** 2)


def _square(place: Point, level: int) -> str:
    return f"{level}/{int((place.longitude + 180) / 360 * 2**level)}/{int((place.latitude + 90) / 180 * 2**level)}"


@dataclass(frozen=True, slots=True)
class _Square:
    """A square that holds points: the box and the ball that they lie in, and the smaller squares in it, if any."""

    term: str
    spots: tuple[_Spot, ...]
    inner: tuple[_Square, ...]
    bounds: Box
    middle: _Spot
    radius: float
    """The longest chord from the middle to a point."""

    @classmethod
    def of(cls, spots: tuple[_Spot, ...], level: int) -> _Square:
        north, east = [spot.place.latitude for spot in spots], [spot.place.longitude for spot in spots]
        bounds = Box(min(east), min(north), max(east), max(north))
        middle = _Spot.of("", Point((bounds.south + bounds.north) / 2, (bounds.west + bounds.east) / 2))
        inner = _parted(spots, level + 1) if len(spots) > 1 and level + 1 < len(LEVELS) else ()
        return cls(spots[0].squares[level], spots, inner, bounds, middle, max(middle.chord(spot) for spot in spots))


def _parted(spots: Iterable[_Spot], level: int) -> tuple[_Square, ...]:
    shared: dict[str, list[_Spot]] = {}
    for spot in spots:
        shared.setdefault(spot.squares[level], []).append(spot)
    return tuple(_Square.of(tuple(each), level) for each in shared.values())


class _Part(Protocol):
    """A part of the map."""

    def has(self, spot: _Spot) -> bool: ...

    def judge(self, square: _Square) -> bool | None:
        """Say whether all points of a square are in it, or none; None: look closer."""
        ...


@dataclass(frozen=True, slots=True)
class _Circle:
    """What is not farther than a chord of the unit sphere from a point: compared without trigonometry."""

    middle: _Spot
    chord: float

    @classmethod
    def of(cls, centre: Point, kilometres: float) -> _Circle:
        return cls(_Spot.of("", centre), 2 * sin(min(pi / 2, kilometres / EARTH / 2)))

    def has(self, spot: _Spot) -> bool:
        return self.middle.chord(spot) <= self.chord

    def judge(self, square: _Square) -> bool | None:
        apart = self.middle.chord(square.middle)
        if apart + square.radius < self.chord - _EXACT:
            return True
        return False if apart - square.radius > self.chord + _EXACT else None


@dataclass(frozen=True, slots=True)
class _Boxed:
    """What is in a box."""

    box: Box

    def has(self, spot: _Spot) -> bool:
        return self.box.holds(spot.place)

    def judge(self, square: _Square) -> bool | None:
        box, bounds = self.box, square.bounds
        if bounds.north < box.south or bounds.south > box.north:
            return False
        if box.west > box.east:
            return None
        if bounds.east < box.west or bounds.west > box.east:
            return False
        corners = Point(bounds.south, bounds.west), Point(bounds.north, bounds.east)
        return True if all(box.holds(corner) for corner in corners) else None


@cache
def _spots() -> dict[str, _Spot]:
    return {key: _Spot.of(key, place, LEVELS) for key, place in _points().items()}


@cache
def _largest() -> tuple[_Square, ...]:
    return _parted(_spots().values(), 0)


def prepare() -> None:
    """Read the tables now: it takes two seconds."""
    _largest()


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
    return _terms(_Circle.of(centre, kilometres))


@lru_cache(256)
def in_box(box: Box) -> tuple[str, ...]:
    """Give the terms of which a notice in a box has at least one, and no other notice."""
    return _terms(_Boxed(box))


def within(centre: Point, kilometres: float) -> list[str]:
    """Give the keys of the points within so many kilometres."""
    part = _Circle.of(centre, kilometres)
    return [spot.key for square in _largest() for spot in _held(square, part)]


def _terms(part: _Part) -> tuple[str, ...]:
    """Give the largest squares whose every point is in a part of the map, and the keys of the points that are in none."""
    return tuple(term for square in _largest() for term in _covering(square, part)[1])


def _covering(square: _Square, part: _Part) -> tuple[bool, list[str]]:
    """Say whether a part of the map holds all points of a square; and give the terms of those it holds."""
    judged = part.judge(square)
    if judged is not None:
        return judged, [square.term] if judged else []
    if square.inner:
        found = [_covering(each, part) for each in square.inner]
        whole, terms = all(each for each, _ in found), [term for _, terms in found for term in terms]
    else:
        terms = [spot.key for spot in square.spots if part.has(spot)]
        whole = len(terms) == len(square.spots)
    return whole, [square.term] if whole else terms


def _held(square: _Square, part: _Part) -> Iterator[_Spot]:
    judged = part.judge(square)
    if judged:
        yield from square.spots
    elif judged is None and square.inner:
        for each in square.inner:
            yield from _held(each, part)
    elif judged is None:
        yield from (spot for spot in square.spots if part.has(spot))
