"""The job: readings of 2,000 segments over ten minutes, and what their minutes must come to.

in      nothing: it is made from a seed
out     4 inbox partitions, JSON objects of about 95 bytes; 2 % late by up to 5 s; a sentinel ends each partition
source  the job of the measured designs: flow-weighted mean speed, travel time index and count per segment and minute

Peers take the constants from here into environments of their own: numpy and pandas are imported where they are used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

INBOX = "city.inbox.v1.traffic"
RESULTS = "bench.results"

SEGMENTS = 2_000
ZONES = 16
PARTITIONS = 4
MINUTES = 10
MINUTE_MS = 60_000
START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""

FREE_FLOW_KM_H = 60.0
LENGTH_M = 500
LATE_RATIO = 0.02
LATE_MS = 5_000
SENTINEL_AFTER_MINUTES = 11
"""From the start of the last minute to the reading that completes it."""

MIN_SPEED_KM_H = 5.0
"""A slower reading counts as this fast, so that one standstill does not decide a minute."""

WHOLE = 1_000_000
"""Readings of the job unless asked otherwise."""

DENSITY = WHOLE // MINUTES
"""Readings a minute: a longer job lasts longer, it is never denser."""


@dataclass(frozen=True)
class Shape:
    """How large the job's city is, and over how many partitions its readings are spread."""

    segments: int = SEGMENTS
    zones: int = ZONES
    partitions: int = PARTITIONS


SHAPE = Shape()
"""Every contestant's."""


@dataclass(frozen=True)
class Job:
    """Readings as columns, (n,) each, in sending order; `partition` is the inbox partition of each."""

    segment: NDArray[np.int64]
    partition: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    speed_km_h: NDArray[np.float64]
    flow_veh_h: NDArray[np.int64]
    occupancy_ratio: NDArray[np.float64]
    shape: Shape = SHAPE

    def __len__(self) -> int:
        return len(self.segment)


def minutes_of(readings: int) -> int:
    """Return how many minutes that many readings fill; fewer than one minute's are one sparse minute."""
    return max(readings // DENSITY, 1)


def sentinel_ms(job: Job) -> int:
    """Return the event time of the reading that ends each partition, far behind the last minute."""
    return int(job.at_ms.max()) // MINUTE_MS * MINUTE_MS + SENTINEL_AFTER_MINUTES * MINUTE_MS


def clock_value(job: Job) -> bytes:
    """Return the record of a city clock that stands at the job's end, as in a replay: none of it is back-fill."""
    end_ms = sentinel_ms(job)
    return json.dumps({"at_ms": end_ms, "wall_ms": 0, "speed": 0.0, "until_ms": end_ms}).encode()


def make_job(readings: int, minutes: int = MINUTES, seed: int = 1, shape: Shape = SHAPE) -> Job:
    """Make the job's readings; the same for the same arguments."""
    import numpy as np

    chance = np.random.default_rng(seed)
    segment = np.arange(readings) % shape.segments
    round_ms = minutes * MINUTE_MS / (readings / shape.segments)
    at_ms = START_MS + (np.arange(readings) // shape.segments * round_ms).astype(np.int64)
    at_ms += (segment * round_ms / shape.segments).astype(np.int64)
    late = chance.random(readings) < LATE_RATIO
    order = np.argsort(at_ms + np.where(late, chance.integers(0, LATE_MS, readings), 0), kind="stable")
    return Job(
        segment[order],
        segment[order] % shape.partitions,
        at_ms[order],
        chance.integers(80, 900, readings) / 10.0,
        chance.integers(60, 1_800, readings),
        chance.integers(1, 60, readings) / 100.0,
        shape,
    )


def records(job: Job, partition: int) -> list[tuple[bytes, bytes]]:
    """Return the partition's records in order, its sentinel last: key (the sensor: some peers group by it), value."""
    form = '{"sensor":"d%d","at":%d,"speed_km_h":%.1f,"flow_veh_h":%d,"occupancy_ratio":%.2f}'
    rows = (job.partition == partition).nonzero()[0]
    columns = (job.segment, job.at_ms, job.speed_km_h, job.flow_veh_h, job.occupancy_ratio)
    readings = zip(*(column[rows].tolist() for column in columns), strict=True)
    sentinel = (partition, sentinel_ms(job), 50.0, 60, 0.1)
    return [(f"d{row[0]}".encode(), (form % row).encode()) for row in (*readings, sentinel)]


def expected(job: Job) -> pd.DataFrame:
    """Compute each (segment, minute) plainly: count, space-mean speed weighted by flow, and travel time index."""
    import pandas as pd

    frame = pd.DataFrame(
        {"segment": job.segment, "at_ms": job.at_ms // MINUTE_MS * MINUTE_MS, "q": job.flow_veh_h, "v": job.speed_km_h}
    )
    frame["q_v"] = frame.q / frame.v.clip(lower=MIN_SPEED_KM_H)
    sums = frame.groupby(["segment", "at_ms"]).agg(count=("q", "size"), q=("q", "sum"), q_v=("q_v", "sum"))
    sums["speed_km_h"] = sums.q / sums.q_v
    sums["tti_ratio"] = (FREE_FLOW_KM_H / sums.speed_km_h).clip(lower=1.0)
    return sums.reset_index()


def write_city(folder: Path, shape: Shape = SHAPE) -> Path:
    """Write the job's city: segment `s<i>` with detector `d<i>`, neighbours sharing a zone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(
        'id = "bench"\nname_zh = "测速"\nname_en = "Bench"\ntime_zone = "UTC"\n', encoding="utf-8"
    )
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    zone_of = [f"z{segment * shape.zones // shape.segments}" for segment in range(shape.segments)]
    zones = [_feature(square, id=f"z{i}", name_zh=f"{i}", name_en=f"{i}") for i in range(shape.zones)]
    road = {
        "road_class": "arterial",
        "lanes": 2,
        "length_m": LENGTH_M,
        "free_flow_km_h": FREE_FLOW_KM_H,
        "upstream": [],
    }
    segments = [
        _feature(line, id=f"s{i}", zone=zone_of[i], name_zh=f"{i}", name_en=f"{i}", **road)
        for i in range(shape.segments)
    ]
    for name, features in (("zones", zones), ("segments", segments)):
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")
    sensors = [f"d{i},traffic,{zone_of[i]},s{i},0,0,1,," for i in range(shape.segments)]
    head = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"
    (folder / "sensors.csv").write_text("\n".join([head, *sensors]) + "\n", encoding="utf-8")
    return folder


def _feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}
