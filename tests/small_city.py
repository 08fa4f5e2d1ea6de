"""A small city for tests: 4 zones, segments with one detector each, stations of other domains in each zone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ZONES = 4
SEGMENTS = 8


def _collection(features: list[dict[str, Any]]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def _feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def write_small_city(
    folder: Path,
    segments: int = SEGMENTS,
    stations: Sequence[str] = ("weather",),
    intervals_s: tuple[int, int] = (1, 60),
) -> Path:
    """Write the city folder: segment `s<i>` lies in zone `z<i mod 4>`, detector `d<i>` watches it.

    Each zone has a station of each domain in `stations`, named by its first letter: `w0` to `w3`. `intervals_s` are the
    detectors' and the stations'.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(
        'id = "small"\nname_zh = "小城"\nname_en = "Small"\ntime_zone = "Asia/Shanghai"\n', encoding="utf-8"
    )
    square = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    zones = [_feature("Polygon", square, id=f"z{i}", name_zh=f"{i}区", name_en=f"Zone {i}") for i in range(ZONES)]
    (folder / "zones.geojson").write_text(_collection(zones), encoding="utf-8")
    road = {"road_class": "arterial", "lanes": 2, "length_m": 500, "free_flow_km_h": 60}
    roads = [
        _feature(
            "LineString",
            [[0, i], [1, i]],
            id=f"s{i}",
            zone=f"z{i % ZONES}",
            name_zh=f"{i}路",
            name_en=f"Road {i}",
            upstream=[],
            **road,
        )
        for i in range(segments)
    ]
    (folder / "segments.geojson").write_text(_collection(roads), encoding="utf-8")
    lines = ["sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"]
    lines += [f"d{i},traffic,z{i % ZONES},s{i},0,0,{intervals_s[0]},," for i in range(segments)]
    lines += [f"{domain[0]}{i},{domain},z{i},,0,0,{intervals_s[1]},," for domain in stations for i in range(ZONES)]
    (folder / "sensors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
