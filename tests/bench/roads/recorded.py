"""A road's readings as a city folder, `traffic.ndjson` and `truth.csv`: what `citywall evaluate` takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.roads.freeway import CELL_KM, CELLS_A_STATION, LANES, REPORT_S, STATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.roads.freeway import Recorded

BEGINS = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
ZONES, EDGE = 4, 0.008
TRUTH_LASTS = timedelta(hours=1)
"""A police log has no end."""


def write(recorded: Recorded, folder: Path) -> None:
    """Write them there, whatever the folder has of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    _city(folder)
    with (folder / "traffic.ndjson").open("w", encoding="utf-8") as file:
        for report, values in enumerate(zip(*recorded[:3], strict=True)):
            at = f"{BEGINS + (report + 1) * timedelta(seconds=REPORT_S):%Y-%m-%dT%H:%M:%SZ}"
            for station in np.flatnonzero(np.isfinite(values[0])).tolist():
                speed, flow, occupancy = (float(one[station]) for one in values)
                told = {
                    "speed_km_h": round(speed, 1),
                    "flow_veh_h": round(flow),
                    "occupancy_ratio": round(occupancy, 3),
                }
                file.write(json.dumps({"sensor": f"d{station:02}", "at": at, **told}) + "\n")
    lines = ["entity,start_at,end_at,reported_at"]
    for one in sorted(recorded.collisions, key=lambda one: (one.day, one.logged_s)):
        at = BEGINS + timedelta(days=one.day, seconds=one.logged_s)
        lines.append(f"s{one.station:02},{at:%Y-%m-%dT%H:%M:%SZ},{at + TRUTH_LASTS:%Y-%m-%dT%H:%M:%SZ},")
    (folder / "truth.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _city(folder: Path) -> None:
    """Write the road as segments, one a station, from south to north, in zones of equal length."""
    (folder / "city.toml").write_text(
        'id = "freeway"\nname_zh = "试验高速"\nname_en = "Trial freeway"\ntime_zone = "Etc/UTC"\nsimulated = true\n',
        encoding="utf-8",
    )
    a_zone = STATIONS // ZONES
    squares = [
        {"id": f"z{zone}", "name_zh": f"{zone + 1} 段", "name_en": f"Part {zone + 1}"} | _span(zone * a_zone, a_zone)
        for zone in range(ZONES)
    ]
    _features(folder / "zones.geojson", "Polygon", squares)
    metres = CELL_KM * CELLS_A_STATION * 1000
    road = {"road_class": "expressway", "lanes": round(LANES), "length_m": metres, "free_flow_km_h": 106}
    segments = [
        {
            **{"id": f"s{one:02}", "zone": f"z{one // a_zone}", "name_zh": "试验高速", "name_en": "Trial freeway"},
            **{"upstream": [f"s{one - 1:02}"] if one else [], **road},
            "geometry": [[120.0, 30 + one * EDGE], [120.0, 30 + (one + 1) * EDGE]],
        }
        for one in range(STATIONS)
    ]
    _features(folder / "segments.geojson", "LineString", segments)
    rows = ["sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en,stamps"]
    rows += [
        f"d{one:02},traffic,z{one // a_zone},s{one:02},120,{30 + one * EDGE:.4f},300,,,end" for one in range(STATIONS)
    ]
    (folder / "sensors.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _span(first: int, count: int) -> dict[str, object]:
    south, north = 30 + first * EDGE, 30 + (first + count) * EDGE
    return {"geometry": [[[119.9, south], [120.1, south], [120.1, north], [119.9, north], [119.9, south]]]}


def _features(path: Path, kind: str, of: list[dict[str, object]]) -> None:
    features = [
        {"type": "Feature", "geometry": {"type": kind, "coordinates": one.pop("geometry")}, "properties": one}
        for one in of
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
