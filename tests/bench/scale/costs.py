"""Cost a reading by segments, by partitions and by zones, in memory; each passage verified against pandas.

Every point has the same readings per segment and minute, and about as many in all; points alternate, and each counts
with its calmest repeat.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from tests.bench.job import Shape
from tests.bench.scale.passage import passage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.bench.scale.passage import Cost

PER_MINUTE = 12
"""Readings of a segment in a minute, and in each of its windows."""

READINGS = 1_200_000
REPEATS = 5
FLAT_RATIO = 1.2
"""± 20 %: so far the dearest and the cheapest point may lie from the middle between them."""

SIZES_OF_CITY = (2_000, 10_000, 50_000)
SEGMENTS = {f"{segments}": Shape(segments=segments, partitions=12) for segments in SIZES_OF_CITY}
CROWDED = {f"{segments}": Shape(segments=segments) for segments in SIZES_OF_CITY}
"""The same on four partitions: a run of 20,000 records then names other sensors each time."""

PARTITIONS = {f"{partitions}": Shape(partitions=partitions) for partitions in (1, 2, 4, 8, 12)}
ZONES = {f"{zones}": Shape(segments=10_000, zones=zones) for zones in (4, 16, 64, 256)}
AXES = {"segments": SEGMENTS, "crowded": CROWDED, "partitions": PARTITIONS, "zones": ZONES}
SIZES = ("inbox_bytes", "frame_bytes", "state_bytes", "metric_bytes")
JUDGED = ("segments", "partitions")
"""How many zones a city has is its own choice; what more of them cost is told, not judged."""


def measure(axis: str, folder: Path, repeats: int = REPEATS, readings: int = READINGS) -> dict[str, float]:
    """Measure all points of an axis → figures by point, how far they lie apart, and the last by the first."""
    points = AXES[axis]
    costs: dict[str, list[Cost]] = {point: [] for point in points}
    for _ in range(repeats):
        for point, shape in points.items():
            minutes = max(readings // (shape.segments * PER_MINUTE), 1)
            costs[point].append(asyncio.run(passage(shape, PER_MINUTE, minutes, folder)))
    return figures(axis, costs)


def figures(axis: str, costs: Mapping[str, Sequence[Cost]]) -> dict[str, float]:
    """Take the calmest repeat of each stage and point."""
    found: dict[str, float] = {}
    both: list[float] = []
    for point, repeats in costs.items():
        intake_us, zone_us = min(one.intake_us for one in repeats), min(one.zone_us for one in repeats)
        both.append(intake_us + zone_us)
        found[f"{axis}_{point}_intake_us"] = intake_us
        found[f"{axis}_{point}_zone_us"] = zone_us
        for size in SIZES:
            found[f"{axis}_{point}_{size}"] = getattr(repeats[0], size)
    middle = math.sqrt(max(both) * min(both))
    found[f"{axis}_off_middle_ratio"] = max(both) / middle
    found[f"{axis}_last_by_first"] = both[-1] / both[0]
    return found
