"""Geometries of a city folder: WGS 84 points in their ranges, lines and polygons with enough of them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.city.fields import as_number
from streams.city.findings import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.fields import Entry

Point = tuple[float, float]
"""(lng, lat)."""

HIGHEST_LNG, HIGHEST_LAT = 180.0, 90.0
PROJECTED_FROM = 1_000.0
"""Numbers beyond this are metres of a projection."""
EARTH_KM = 6371.0
SHAPES = {"Point": (0, 1), "LineString": (1, 2), "MultiLineString": (2, 2), "Polygon": (2, 3), "MultiPolygon": (3, 3)}
"""Shape → so many lists stand around its points, and so many points are needed in the innermost."""


def points_of(entry: Entry, geometry: Any, shapes: Sequence[str]) -> list[list[Point]]:  # noqa: ANN401 - from a file
    """Return a geometry's lists of points (one for a Point or LineString); [] and a finding where it is wrong."""
    what = "a " + " or ".join(shapes)
    if not isinstance(geometry, dict):
        return _wrong(entry, geometry, needed(what, geometry))
    shape, nested = geometry.get("type"), geometry.get("coordinates")
    if shape not in shapes:
        return _wrong(entry, shape, needed(what, shape))
    depth, least = SHAPES[str(shape)]
    lists: list[Any] = [[nested]] if depth == 0 else [nested]
    for _ in range(depth - 1):
        if not all(isinstance(one, list) for one in lists):
            return _wrong(entry, nested, needed("a list of lists of points", nested))
        lists = [inner for one in lists for inner in one]
    found = []
    for number, one in enumerate(lists):
        read, fault = _points(one, least)
        if fault:
            return _wrong(entry, one, f"part {number}: {fault}" if number else fault)
        found.append(read)
    return found or _wrong(entry, nested, needed("a list of points", nested))


def _wrong(entry: Entry, value: Any, text: str) -> list[list[Point]]:  # noqa: ANN401 - from a file
    entry.findings.problem(entry.file, text, entry.place, "geometry", value)
    return []


def _points(found: Any, least: int) -> tuple[list[Point], str]:  # noqa: ANN401 - from a file
    if not isinstance(found, list):
        return [], needed("a list of points", found)
    points = []
    for number, one in enumerate(found):
        if not isinstance(one, list) or len(one) < 2:  # noqa: PLR2004 - lng, lat
            return [], f"point {number}: {needed('[longitude, latitude]', one)}"
        lng, lat = one[0], one[1]
        if type(lng) is not float or type(lat) is not float or lng != lng or lat != lat:
            lng, lat = (math.nan if isinstance(part, str) else as_number(part) for part in (lng, lat))
            if math.isnan(lng) or math.isnan(lat):
                return [], f"point {number}: {needed('[longitude, latitude] as two numbers', one)}"
        if not (-HIGHEST_LNG <= lng <= HIGHEST_LNG and -HIGHEST_LAT <= lat <= HIGHEST_LAT):
            return [], f"point {number}: {fault_of_degrees(lng, lat)}"
        points.append((lng, lat))
    if len(points) < least:
        return [], f"{least} or more points are needed, not {len(points)}"
    return points, ""


def fault_of_degrees(lng: float, lat: float) -> str | None:
    """Return why two numbers are no place, with the cure; None = they are one.

    >>> fault_of_degrees(10.2, 56.2)
    >>> fault_of_degrees(30.2, 118.4)
    'latitude 118.4 cannot be: -90 to 90 is possible; longitude and latitude are swapped'
    """
    if abs(lng) > PROJECTED_FROM or abs(lat) > PROJECTED_FROM:
        return f"{lng:.10g}, {lat:.10g} are metres of a projection; save it in degrees (WGS 84, EPSG:4326)"
    if abs(lat) > HIGHEST_LAT:
        swapped = abs(lng) <= HIGHEST_LAT and abs(lat) <= HIGHEST_LNG
        cure = "; longitude and latitude are swapped" if swapped else ""
        return f"latitude {lat:.10g} cannot be: -90 to 90 is possible{cure}"
    if abs(lng) > HIGHEST_LNG:
        return f"longitude {lng:.10g} cannot be: -180 to 180 is possible"
    return None


def distances_km(lng: NDArray[np.float64], lat: NDArray[np.float64], centre: Point) -> NDArray[np.float64]:
    """Return (n,) great-circle distances of places from one, all in degrees."""
    turn, rise = np.radians(lng - centre[0]), np.radians(lat - centre[1])
    inner = np.sin(rise / 2) ** 2 + np.cos(np.radians(lat)) * math.cos(math.radians(centre[1])) * np.sin(turn / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(inner, 0.0, 1.0))))


def length_m(line: Sequence[Point]) -> float:
    """Return the length of a line in degrees, in metres (equirectangular: good for roads)."""
    total = 0.0
    for (lng, lat), (next_lng, next_lat) in itertools.pairwise(line):
        total += math.hypot((next_lng - lng) * math.cos(math.radians((lat + next_lat) / 2)), next_lat - lat)
    return math.radians(total) * EARTH_KM * 1000
