"""Zones of a CityPulse folder: the Voronoi cells of its postal districts' centres: a place is in the nearest zone."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Point = tuple[float, float]
"""(lng, lat), degrees."""

DISTRICTS = {
    "8000": ("奥胡斯市中心", "Aarhus C"),
    "8200": ("奥胡斯北", "Aarhus N"),
    "8210": ("奥胡斯西", "Aarhus V"),
    "8220": ("布拉布兰", "Brabrand"),
    "8230": ("奥比霍伊", "Åbyhøj"),
    "8240": ("里斯科夫", "Risskov"),
    "8250": ("埃高", "Egå"),
    "8260": ("维比", "Viby J"),
    "8270": ("霍伊比约", "Højbjerg"),
    "8300": ("奥德", "Odder"),
    "8310": ("特兰比约", "Tranbjerg J"),
    "8361": ("哈瑟拉格", "Hasselager"),
    "8381": ("蒂尔斯特", "Tilst"),
    "8382": ("欣讷鲁普", "Hinnerup"),
    "8520": ("吕斯楚普", "Lystrup"),
    "8530": ("约茨霍伊", "Hjortshøj"),
    "8541": ("斯科兹楚普", "Skødstrup"),
}
"""Postal code → (zh, en)."""
SMALLEST_DISTRICT_SHARE = 0.01
"""A district with fewer of the links is no zone of its own."""
MARGIN = 1.05
"""The zones reach this far beyond the outermost points, as a ratio."""
LEAST_CORNERS = 3
BESIDE = 0.002
"""Degrees: so far a city whose points lie in one line reaches beside it, some 200 m."""
DEGREE_OF_LNG = math.cos(math.radians(56.15))
"""A degree of longitude at Aarhus, in degrees of latitude."""


class District(NamedTuple):
    """A zone to be."""

    id: str
    name_zh: str
    name_en: str
    centre: Point


def districts(middles_of_post: Mapping[str, Sequence[Point]]) -> list[District]:
    """Return the postal districts that hold enough of the links, in order of their code; at least the largest.

    `middles_of_post`: postal code → the middles of its links.
    """
    links = sum(map(len, middles_of_post.values()))
    largest = min(middles_of_post, key=lambda post: (-len(middles_of_post[post]), post))
    found = []
    for post in sorted(middles_of_post):
        if post == largest or len(middles_of_post[post]) >= SMALLEST_DISTRICT_SHARE * links:
            name_zh, name_en = DISTRICTS.get(post, (post, post))
            found.append(District(post, name_zh, name_en, mean_of(middles_of_post[post])))
    return found


def nearest(place: Point, among: Sequence[District]) -> District:
    """Return the district whose centre is nearest."""
    return min(among, key=lambda district: (_distance2(place, district.centre), district.id))


def mean_of(points: Iterable[Point]) -> Point:
    """Return the mean of the points."""
    lngs, lats = zip(*points, strict=True)
    return (statistics.fmean(lngs), statistics.fmean(lats))


def cell_of(zone: District, zones: Sequence[District], outline: list[Point]) -> list[Point]:
    """Return the ring (not closed) of what is within the outline and nearer to this zone's centre than to any other."""
    ring = outline
    for other in zones:
        if other is not zone:
            ring = _nearer_part(ring, zone.centre, other.centre)
    return ring


def outline_of(points: Iterable[Point]) -> list[Point]:
    """Return the convex hull (Andrew's monotone chain), a little enlarged; of a line, a box around it."""
    ordered = sorted(set(points))
    hull: list[Point] = []
    for chain in (ordered, ordered[::-1]):
        part: list[Point] = []
        for point in chain:
            while len(part) > 1 and _turn(part[-2], part[-1], point) <= 0:
                part.pop()
            part.append(point)
        hull += part[:-1]
    if len(hull) < LEAST_CORNERS:
        return _box(ordered)
    middle = mean_of(hull)
    return [(middle[0] + (lng - middle[0]) * MARGIN, middle[1] + (lat - middle[1]) * MARGIN) for lng, lat in hull]


def _box(points: Sequence[Point]) -> list[Point]:
    lngs, lats = zip(*points, strict=True)
    west, east = min(lngs) - BESIDE, max(lngs) + BESIDE
    south, north = min(lats) - BESIDE, max(lats) + BESIDE
    return [(west, south), (east, south), (east, north), (west, north)]


def _distance2(a: Point, b: Point) -> float:
    """Square of the distance, in degrees of latitude."""
    lng = (a[0] - b[0]) * DEGREE_OF_LNG
    return lng * lng + (a[1] - b[1]) ** 2


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _nearer_part(ring: list[Point], own: Point, other: Point) -> list[Point]:
    """Cut a convex ring to what lies nearer to `own` than to `other` (Sutherland-Hodgman on the bisector)."""

    def excess(point: Point) -> float:
        return _distance2(point, own) - _distance2(point, other)

    kept: list[Point] = []
    for point, following in zip(ring, [*ring[1:], ring[0]], strict=True):
        here, there = excess(point), excess(following)
        if here <= 0:
            kept.append(point)
        if (here < 0 < there) or (there < 0 < here):
            share = here / (here - there)
            kept.append((point[0] + share * (following[0] - point[0]), point[1] + share * (following[1] - point[1])))
    return kept
