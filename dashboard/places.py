"""The city as a picture: segments, zones and water projected to whole numbers for SVG paths, names beside them."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streams.city.registry import City, Segment

Point = tuple[float, float]

WIDTH = 10_000
"""Units of the picture's longer side: a tenth of a pixel or less on any wall."""
FAR_SHARE, FAR_AIR = 0.015, 0.15
"""This share of the points at each side may lie outside the screen, if further out than that share of the rest."""
SIDE_STEP = 11.0
"""Units by which two opposite directions of one road are drawn apart, each to its right."""

_BRACKET = re.compile(r"\s*[(（][^()（）]*[)）]$")
_PART = re.compile(r"[\s\-_·—#,，]*(?:第?(\d+)\s*段|(?:section|segment|part)\s*(\d+))$", re.IGNORECASE)
"""The end of a name that says which part of a road it is; a bare number may be the road's own: Loop 12, Route 104."""


class Projection(NamedTuple):
    """Equirectangular about the city's middle; y grows downwards."""

    lng: float
    lat: float
    scale_x: float
    scale_y: float

    def point(self, lng: float, lat: float) -> Point:
        """Return a place in picture units."""
        return ((lng - self.lng) * self.scale_x, (self.lat - lat) * self.scale_y)


def projection(city: City) -> Projection:
    """Fit segments, or sensors where there are none, into WIDTH units."""
    points = [point for segment in city.segments for point in segment.line] or [(s.lng, s.lat) for s in city.sensors]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / max((east - west) * squeeze, north - south, 1e-6)
    return Projection(west, north, scale * squeeze, scale)


def picture(city: City) -> dict[str, Any]:
    """Return everything the browser draws once: box, segments in index order, zones, water, labels."""
    at = projection(city)
    ends = {(segment.line[0], segment.line[-1]) for segment in city.segments}
    points = [at.point(*point) for segment in city.segments for point in segment.line]
    left, top, right, bottom = frame(points or [at.point(sensor.lng, sensor.lat) for sensor in city.sensors])
    return {
        "frame": {"x": round(left), "y": round(top), "width": round(right - left), "height": round(bottom - top)},
        "segments": [_segment(segment, at, (segment.line[-1], segment.line[0]) in ends) for segment in city.segments],
        **_places(city, at),
    }


def frame(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) to fit on the screen: all points, unless a few far ones made it small."""
    sides = []
    for values in (sorted(x for x, _ in points), sorted(y for _, y in points)):
        cut = int(len(values) * FAR_SHARE)
        near_low, near_high = values[cut], values[-1 - cut]
        air = (near_high - near_low) * FAR_AIR
        low, high = max(values[0], near_low - air), min(values[-1], near_high + air)
        sides.append((low, high))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom


def _segment(segment: Segment, at: Projection, has_twin: bool) -> dict[str, Any]:
    line = [at.point(*point) for point in segment.line]
    if has_twin:
        line = to_the_right(line, SIDE_STEP)
    return {
        "id": segment.id,
        "d": path(line),
        "class": segment.road_class,
        "zh": segment.name_zh,
        "en": segment.name_en,
    }


def path(line: Sequence[Point], close: str = "") -> str:
    """Return SVG path data in whole units."""
    return "M" + "L".join(f"{round(x)} {round(y)}" for x, y in line) + close


def to_the_right(line: Sequence[Point], step: float) -> list[Point]:
    """Move a line sideways to the right of its direction (y downwards)."""
    moved = []
    for index, (x, y) in enumerate(line):
        before, after = line[max(index - 1, 0)], line[min(index + 1, len(line) - 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = math.hypot(dx, dy) or 1.0
        moved.append((x - dy / length * step, y + dx / length * step))
    return moved


def _places(city: City, at: Projection) -> dict[str, Any]:
    water, labels, outlines = [], [], []
    for feature in city.places.get("features", []):
        properties, geometry = feature["properties"], feature["geometry"]
        kind = properties["kind"]
        rings = list(_rings(geometry, at.point))
        if kind == "water":
            closed = "Z" if "Polygon" in geometry["type"] else ""
            water.append({"d": "".join(path(ring, closed) for ring in rings), "line": not closed})
        elif kind == "district" and geometry["type"] != "Point":
            outlines.append("".join(path(ring, "Z") for ring in rings))
        name = {"zh": properties.get("name_zh", ""), "en": properties.get("name_en", ""), "kind": kind}
        if kind != "water" and name["zh"]:
            labels.append(name | _anchor(rings))
    return {"water": water, "districts": outlines, "labels": _named_once(city, labels) or _zone_labels(city, at)}


def _named_once(city: City, labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep one label a name, a point before an outline's middle; what is called as a zone looks like a district."""
    zones = {zone.name_zh for zone in city.zones}
    points = {label["zh"] for label in labels if label["kind"] == "label"}
    kept = [label for label in labels if label["kind"] == "label" or label["zh"] not in points]
    return [label | {"kind": "district" if label["zh"] in zones else label["kind"]} for label in kept]


def _rings(geometry: dict[str, Any], to: Callable[[float, float], Point]) -> Iterable[list[Point]]:
    nested = geometry["coordinates"]
    depth = {"Point": -1, "LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}[geometry["type"]]
    if depth < 0:
        nested, depth = [nested], 0
    rings = [nested]
    for _ in range(depth):
        rings = [inner for ring in rings for inner in ring]
    return ([to(point[0], point[1]) for point in ring] for ring in rings)


def _anchor(rings: Sequence[Sequence[Point]]) -> dict[str, int]:
    points = [point for ring in rings for point in ring]
    return {"x": round(sum(p[0] for p in points) / len(points)), "y": round(sum(p[1] for p in points) / len(points))}


def _zone_labels(city: City, at: Projection) -> list[dict[str, Any]]:
    """A name in the middle of each zone's segments, or of its sensors."""
    points: dict[int, list[Point]] = {}
    for segment in city.segments:
        points.setdefault(segment.zone, []).extend(at.point(*point) for point in segment.line)
    for sensor in city.sensors:
        if not city.segments:
            points.setdefault(sensor.zone, []).append(at.point(sensor.lng, sensor.lat))
    return [
        {"zh": zone.name_zh, "en": zone.name_en, "kind": "district", **_anchor([points[index]])}
        for index, zone in enumerate(city.zones)
        if index in points
    ]


def short(name: Name) -> Name:
    """Shorten a zone's name for a column head: 江城区 → 江城, `River District` → `River`."""
    zh = re.sub(r"(?<=..)(?:新区|新城|片区|街道|区|县|市|镇)$", "", name.zh)
    return Name(zh, re.sub(r"(?<=\w) (?:New Area|New Town|District|County|Zone|Area)$", "", name.en))


@lru_cache(maxsize=65_536)
def corridor(name: Name) -> Name:
    """Return the road that a segment belongs to: its name without a bracket or the number of a part at the end.

    A bare number at the end is a part's only where the other language says so.
    """
    zh, en = (_BRACKET.sub("", one) for one in name)
    if (zh, en) == name:
        for part in (_PART.search(zh), _PART.search(en)):
            if part is not None:
                bare = re.compile(rf"[\s\-_·—#]*(?<!\d){part[1] or part[2]}$")
                zh, en = ((_PART if _PART.search(one) else bare).sub("", one) for one in (zh, en))
    return Name(zh or name.zh, en or name.en)
