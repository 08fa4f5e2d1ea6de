"""The roads of the sample city as lines: rings and radials as drawn, streets grown along a field of directions.

source  streamlines of a direction field, after Chen et al. 2008, "Interactive procedural street modeling"
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.feeds.sample_city.generator import terrain
from streams.feeds.sample_city.generator.terrain import Point

if TYPE_CHECKING:
    from random import Random

STEP_M = 40.0
GRIDS = (
    # where a quarter has its own grid: centre, its angle in degrees, reach in metres
    (-700.0, 300.0, 6.0, 1_900.0),
    (2_900.0, 1_000.0, 24.0, 2_200.0),
    (2_600.0, -3_600.0, -14.0, 2_600.0),
    (-3_400.0, -2_600.0, 18.0, 2_500.0),
    (-3_300.0, 4_600.0, -10.0, 2_600.0),
    (1_200.0, 6_400.0, 12.0, 2_500.0),
    (6_700.0, 3_800.0, 40.0, 2_600.0),
    (7_100.0, -2_600.0, 4.0, 2_600.0),
    (-600.0, -7_000.0, 30.0, 2_700.0),
    (-7_300.0, -1_800.0, -22.0, 2_600.0),
)
RING_PULL = 1.3
RIVER_PULL = 2.6


@dataclass(frozen=True, slots=True)
class Road:
    """A line of one class; `kind` says how it came: ring, radial, bank or street."""

    kind: str
    index: int
    road_class: str
    line: tuple[Point, ...]


def field_angle(point: Point) -> float:
    """Return the direction of the streets at a point; a quarter turn more is as good."""
    radius, theta = math.hypot(*point), math.atan2(point[1], point[0])
    cosine = sine = 1e-9
    for x, y, degrees, reach in GRIDS:
        weight = math.exp(-((point[0] - x) ** 2 + (point[1] - y) ** 2) / reach**2) + 1e-4
        cosine += weight * math.cos(4 * math.radians(degrees))
        sine += weight * math.sin(4 * math.radians(degrees))
    for ring in range(3):
        weight = RING_PULL * math.exp(-(((radius - terrain.ring_radius(ring, theta)) / 650.0) ** 2)) * (ring > 0)
        cosine += weight * math.cos(4 * theta)
        sine += weight * math.sin(4 * theta)
    weight = RIVER_PULL * math.exp(-((terrain.river_side(point) / 800.0) ** 2))
    along = terrain.river_angle(point[1])
    return math.atan2(sine + weight * math.sin(4 * along), cosine + weight * math.cos(4 * along)) / 4


def spacing_m(point: Point) -> float:
    """Return how far apart streets lie: close in the old town, wide at the edge."""
    return 305.0 + 0.066 * math.hypot(*point)


class Trodden:
    """Where lines already run, with their direction: a grid of cells for quick looks around."""

    def __init__(self, cell_m: float = 400.0) -> None:
        self._cell_m = cell_m
        self._cells: defaultdict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)

    def add(self, line: tuple[Point, ...]) -> None:
        """Note a line."""
        for (x, y), (x1, y1) in itertools.pairwise(line):
            self._cells[self._cell(x, y)].append((x, y, math.atan2(y1 - y, x1 - x)))

    def crowded(self, point: Point, heading: float, within_m: float) -> bool:
        """Say whether a line of about this direction runs nearer than `within_m`."""
        x, y = point
        column, row = self._cell(x, y)
        reach = int(within_m / self._cell_m) + 1
        for i in range(column - reach, column + reach + 1):
            for j in range(row - reach, row + reach + 1):
                for px, py, other in self._cells.get((i, j), ()):
                    if (px - x) ** 2 + (py - y) ** 2 < within_m**2 and abs(math.sin(heading - other)) < 0.6:  # noqa: PLR2004 - some 37 degrees
                        return True
        return False

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        return int(x // self._cell_m), int(y // self._cell_m)


def grow(random: Random) -> list[Road]:
    """Return all roads of the city."""
    roads = [*_rings(), *_radials(), *_banks()]
    trodden = Trodden()
    for road in roads:
        trodden.add(road.line)
    streets = []
    for seed in _seeds(random):
        for quarter in random.sample((0, 1), 2):
            heading = field_angle(seed) + quarter * math.pi / 2
            if trodden.crowded(seed, heading, spacing_m(seed)):
                continue
            reach_m = random.uniform(1_800.0, 6_500.0)
            line = (
                *_trace(seed, heading + math.pi, reach_m, trodden)[::-1],
                *_trace(seed, heading, reach_m, trodden)[1:],
            )
            if len(line) * STEP_M > 1.7 * spacing_m(seed):
                streets.append(line)
                trodden.add(line)
    return roads + _classed(streets)


def _seeds(random: Random) -> list[Point]:
    cells = range(-26, 27)
    seeds = [
        ((i + random.uniform(-0.4, 0.4)) * 410.0, (j + random.uniform(-0.4, 0.4)) * 410.0) for i in cells for j in cells
    ]
    land = [seed for seed in seeds if terrain.in_city(seed) and not terrain.in_water(seed, 260.0)]
    return sorted(land, key=lambda seed: math.hypot(*seed) + random.uniform(0, 600.0))


def _trace(start: Point, heading: float, reach_m: float, trodden: Trodden) -> list[Point]:
    line = [start]
    point = start
    for _ in range(int(reach_m / STEP_M)):
        angle = field_angle(point)
        angle += round((heading - angle) / (math.pi / 2)) * math.pi / 2
        heading = angle
        point = point[0] + STEP_M * math.cos(angle), point[1] + STEP_M * math.sin(angle)
        if not terrain.in_city(point) or terrain.in_water(point, 60.0):
            break
        if trodden.crowded(point, heading, 0.62 * spacing_m(point)):
            break
        line.append(point)
    return line


def _classed(streets: list[tuple[Point, ...]]) -> list[Road]:
    ranked = sorted(range(len(streets)), key=lambda i: -len(streets[i]))
    arterials, collectors = set(ranked[: len(ranked) // 9]), set(ranked[: len(ranked) // 2])
    classes = [
        "arterial" if i in arterials else "collector" if i in collectors else "local" for i in range(len(streets))
    ]
    return [Road("street", i, classes[i], line) for i, line in enumerate(streets)]


def _rings() -> list[Road]:
    roads = []
    for ring in range(3):
        count = int(math.tau * terrain.RINGS_M[ring] / STEP_M)
        angles = [math.tau * i / count for i in range(count + 1)]
        line = tuple(terrain.polar(terrain.ring_radius(ring, theta), theta) for theta in angles)
        roads.append(Road("ring", ring, "arterial" if ring == 0 else "expressway", line))
    return roads


def _radials() -> list[Road]:
    roads = []
    for radial in range(len(terrain.RADIALS_DEG)):
        start_m = (
            120.0 if radial in (0, 2, 5, 7) else terrain.ring_radius(0, terrain.radial_angle(radial, 2_000.0)) - 20.0
        )
        end_m = terrain.edge_radius(terrain.radial_angle(radial, 10_000.0)) + 900.0
        count = int((end_m - start_m) / STEP_M)
        radii = [start_m + (end_m - start_m) * i / count for i in range(count + 1)]
        line = tuple(terrain.polar(radius, terrain.radial_angle(radial, radius)) for radius in radii)
        # the four inner radials meet at the centre
        roads.append(Road("radial", radial, "arterial", ((0.0, 0.0), *line) if start_m < 200.0 else line))  # noqa: PLR2004 - see start_m
    return roads


def _banks() -> list[Road]:
    """Return the two roads along the river."""
    roads = []
    for bank, side in enumerate((-1.0, 1.0)):
        line = []
        for i in range(int(17_000.0 / STEP_M)):
            y = 8_500.0 - i * STEP_M
            offset = side * (terrain.RIVER_HALF_M + 130.0)
            across = terrain.river_angle(y) - math.pi / 2
            line.append((terrain.river_x(y) + offset * math.cos(across), y + offset * math.sin(across)))
        roads.append(Road("bank", bank, "arterial", tuple(line)))
    return roads
