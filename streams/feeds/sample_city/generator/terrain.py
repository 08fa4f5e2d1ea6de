"""The ground of the sample city in metres around its centre: river, lake, rings, radials and the zones between them."""

from __future__ import annotations

import math

Point = tuple[float, float]

CENTRE_LNG = 118.42
CENTRE_LAT = 30.16
METRES_PER_DEGREE = 111_320.0
BOUNDARY_M = 10_300.0

RINGS_M = (2_050.0, 4_700.0, 8_000.0)
RING_WAVES = (
    ((0.07, 2, 0.4), (0.035, 3, 1.9)),
    ((0.08, 2, 2.1), (0.03, 3, 0.3), (0.015, 5, 1.0)),
    ((0.06, 2, 0.9), (0.04, 3, 2.6), (0.02, 5, 0.2)),
)
"""Per ring: (share of the radius, waves a turn, phase)."""
EDGE_WAVES = ((0.05, 2, 1.3), (0.04, 3, 0.5), (0.025, 5, 2.2), (0.012, 9, 0.7))

RADIALS_DEG = (8.0, 47.0, 84.0, 126.0, 163.0, 196.0, 233.0, 268.0, 309.0)
RADIAL_BENDS = (0.10, -0.09, 0.07, 0.11, -0.08, 0.09, -0.11, 0.06, 0.10)
"""Bend of each radial in radians at its widest."""

INNER_SPLIT = (2, 7)
"""Radials that part the old town in two."""
MIDDLE_SPLIT = (0, 2, 4, 6, 8)
OUTER_SPLIT = (0, 1, 3, 4, 6, 7, 8)

LAKE = ((-5_050.0, 3_500.0), 1_250.0, 780.0, 0.75)
"""(centre, long half axis, short half axis, turn in radians)."""
RIVER_HALF_M = 150.0


def waved(radius_m: float, waves: tuple[tuple[float, int, float], ...], theta: float) -> float:
    """Return a radius that wanders around its mean with the angle."""
    return radius_m * (1 + math.fsum(share * math.sin(turns * theta + phase) for share, turns, phase in waves))


def ring_radius(index: int, theta: float) -> float:
    """Return the distance of a ring road from the centre at an angle."""
    return waved(RINGS_M[index], RING_WAVES[index], theta)


def edge_radius(theta: float) -> float:
    """Return how far the city reaches at an angle."""
    return waved(BOUNDARY_M, EDGE_WAVES, theta)


def radial_angle(index: int, radius_m: float) -> float:
    """Return the angle at which a radial stands at a distance from the centre."""
    bend = RADIAL_BENDS[index]
    return math.radians(RADIALS_DEG[index]) + bend * math.sin(radius_m / 2_600.0 + index) * min(1.0, radius_m / 2_500.0)


def polar(radius_m: float, theta: float) -> Point:
    """Return the point at a distance and angle."""
    return radius_m * math.cos(theta), radius_m * math.sin(theta)


def river_x(y: float) -> float:
    """Return the river's middle at a northing."""
    return 1_250.0 + 1_500.0 * math.sin(y / 3_300.0 + 2.9) + 420.0 * math.sin(y / 1_350.0 + 1.1) - 0.1 * y


def river_line(step_m: float = 250.0) -> list[Point]:
    """Return the river's middle from north to south, somewhat past the city."""
    count = int(2 * 12_500.0 / step_m)
    return [(river_x(12_500.0 - i * step_m), 12_500.0 - i * step_m) for i in range(count + 1)]


def river_side(point: Point) -> float:
    """Return the signed distance east of the river's middle, measured across the stream."""
    x, y = point
    slope = (river_x(y + 50.0) - river_x(y - 50.0)) / 100.0
    return (x - river_x(y)) / math.hypot(1.0, slope)


def river_angle(y: float) -> float:
    """Return the direction of the stream."""
    return math.atan2(100.0, river_x(y + 50.0) - river_x(y - 50.0))


def lake_depth(point: Point) -> float:
    """Return below 1 inside the lake, 1 on its shore, more outside."""
    (cx, cy), a, b, turn = LAKE
    dx, dy = point[0] - cx, point[1] - cy
    u, v = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
    theta = math.atan2(v, u)
    return math.hypot(u / a, v / b) / (1 + 0.13 * math.sin(3 * theta + 0.6) + 0.06 * math.sin(5 * theta))


def lake_outline() -> list[Point]:
    """Return the shore of the lake."""
    (cx, cy), a, b, turn = LAKE
    outline = []
    for i in range(73):
        theta = math.tau * i / 72
        # the shape lives in scaled polar coordinates, so that lake_depth() is 1 all along it
        u, v = math.cos(theta), math.sin(theta)
        real = math.atan2(b * v, a * u)
        swell = 1 + 0.13 * math.sin(3 * real + 0.6) + 0.06 * math.sin(5 * real)
        u, v = u * a * swell, v * b * swell
        outline.append((cx + u * math.cos(turn) - v * math.sin(turn), cy + u * math.sin(turn) + v * math.cos(turn)))
    return outline


def in_water(point: Point, margin_m: float = 0.0) -> bool:
    """Say whether a point lies in the river or the lake, or nearer to the shore than the margin."""
    return abs(river_side(point)) < RIVER_HALF_M + margin_m or lake_depth(point) < 1 + margin_m / 900.0


def in_city(point: Point) -> bool:
    """Say whether a point lies within the city's edge."""
    return math.hypot(*point) < edge_radius(math.atan2(point[1], point[0]))


def band_of(radius_m: float, theta: float) -> int:
    """Return 0 in the old town, 1 between the first two rings, 2 outside the second."""
    return (radius_m >= ring_radius(0, theta)) + (radius_m >= ring_radius(1, theta))


def zone_of(point: Point) -> int:
    """Return the index of the zone at a point: old town, middle and outer sectors, counted from the east."""
    radius, theta = math.hypot(*point), math.atan2(point[1], point[0])
    first = 0
    for band, split in enumerate((INNER_SPLIT, MIDDLE_SPLIT, OUTER_SPLIT)):
        if band_of(radius, theta) == band:
            return first + _sector(split, radius, theta)
        first += len(split)
    raise AssertionError(point)


def _sector(split: tuple[int, ...], radius_m: float, theta: float) -> int:
    starts = [radial_angle(index, radius_m) for index in split]
    passed = [(theta - start) % math.tau for start in starts]
    return passed.index(min(passed))


def zone_outlines() -> list[list[Point]]:
    """Return each zone's outline, in the order of `zone_of`."""
    outlines = []
    for band, split in enumerate((INNER_SPLIT, MIDDLE_SPLIT, OUTER_SPLIT)):
        for place, radial in enumerate(split):
            outlines.append(_outline(band, radial, split[(place + 1) % len(split)]))
    return outlines


def _rim(band: int, theta: float) -> float:
    return edge_radius(theta) if band == 2 else ring_radius(band, theta)  # noqa: PLR2004 - the outer band ends at the city's edge


def _corner(band: int, radial: int) -> float:
    """Return the distance at which a radial meets the outer rim of a band."""
    radius = 1.0
    for _ in range(60):
        radius = _rim(band, radial_angle(radial, radius)) if band >= 0 else 0.0
    return radius


def _outline(band: int, left: int, right: int) -> list[Point]:
    out_left, out_right = _corner(band, left), _corner(band, right)
    in_left, in_right = _corner(band - 1, left), _corner(band - 1, right)
    outline = _along(left, in_left, out_left) + _arc(band, radial_angle(left, out_left), radial_angle(right, out_right))
    outline += _along(right, out_right, in_right)
    if band > 0:
        outline += _arc(band - 1, radial_angle(left, in_left), radial_angle(right, in_right))[::-1]
    return [*outline, outline[0]]


def _along(radial: int, start_m: float, end_m: float, steps: int = 14) -> list[Point]:
    radii = [start_m + (end_m - start_m) * i / steps for i in range(steps)]
    return [polar(radius, radial_angle(radial, radius)) for radius in radii]


def _arc(band: int, start: float, end: float) -> list[Point]:
    sweep = (end - start) % math.tau
    steps = max(6, int(sweep / 0.07))
    angles = [start + sweep * i / steps for i in range(steps)]
    return [polar(_rim(band, theta), theta) for theta in angles]


def to_lng_lat(point: Point) -> list[float]:
    """Return longitude and latitude, rounded to about a metre."""
    lng = CENTRE_LNG + point[0] / (METRES_PER_DEGREE * math.cos(math.radians(CENTRE_LAT)))
    return [round(lng, 5), round(CENTRE_LAT + point[1] / METRES_PER_DEGREE, 5)]
