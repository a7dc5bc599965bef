"""Answers of a search on the map: clusters as GeoJSON (RFC 7946)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from libs.common.reference import communes, departments
from libs.common.search.places import Box, Point, point
from services.notices.views.base import View

__all__ = ["Cluster", "ClusterCollection", "clusters"]

_PART = 4
"""How many clusters stand side by side on a tile of the map, at most."""
_DIGITS = 5
"""Decimals of a degree: a metre."""


class PointGeometry(View):
    """A point: longitude, then latitude."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class ClusterProperties(View):
    """What stands there."""

    count: int = Field(description="notices; one that stands at several places counts at each")
    places: int = Field(description="communes, and departments where nothing finer is told")
    name: str | None = Field(description="of the place, where it is but one")
    code: str | None = Field(description="INSEE code of the commune or department, where it is but one")


class Cluster(View):
    """Notices that stand close together."""

    type: Literal["Feature"] = "Feature"
    bbox: tuple[float, float, float, float] = Field(description="west, south, east, north of its places")
    geometry: PointGeometry
    properties: ClusterProperties


class ClusterCollection(View):
    """Clusters of notices in a part of the map."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    bbox: tuple[float, float, float, float]
    features: list[Cluster]


def clusters(counts: Mapping[str, int], box: Box, zoom: int) -> ClusterCollection:
    """Gather the points of a box by squares of a quarter of a tile; the largest clusters first."""
    side = 360 / 2**zoom / _PART
    squares: dict[tuple[int, int], list[tuple[str, Point, int]]] = {}
    for key, count in counts.items():
        place = point(key)
        if place is not None and box.holds(place):
            square = int((place.longitude + 180) / side), int((place.latitude + 90) / side)
            squares.setdefault(square, []).append((key, place, count))
    found = sorted((_cluster(members) for members in squares.values()), key=lambda each: -each.properties.count)
    return ClusterCollection(bbox=(box.west, box.south, box.east, box.north), features=found)


def _cluster(members: list[tuple[str, Point, int]]) -> Cluster:
    total = sum(count for _, _, count in members)
    east = sum(place.longitude * count for _, place, count in members) / total
    north = sum(place.latitude * count for _, place, count in members) / total
    name, code = _named(members[0][0]) if len(members) == 1 else (None, None)
    return Cluster(
        bbox=_around(place for _, place, _ in members),
        geometry=PointGeometry(coordinates=(round(east, _DIGITS), round(north, _DIGITS))),
        properties=ClusterProperties(count=total, places=len(members), name=name, code=code),
    )


def _around(places: Iterable[Point]) -> tuple[float, float, float, float]:
    points = list(places)
    longitudes, latitudes = [each.longitude for each in points], [each.latitude for each in points]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _named(key: str) -> tuple[str | None, str]:
    code = key[1:]
    known = communes.get(code) if key.startswith("c") else departments.get(code)
    return (known.name if known else None), code
