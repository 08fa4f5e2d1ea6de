"""Write the sample city's folder; the same seed gives the same bytes."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.contract.name import Name
from streams.feeds.sample_city.generator import relations, segments, sensors, streets, terrain
from streams.feeds.sample_city.generator.names import CITY, LAKE, RIVER, ZONES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.feeds.sample_city.generator.segments import Piece
    from streams.feeds.sample_city.generator.terrain import Point

FOLDER = Path(__file__).parent.parent / "folder"
SEED = 20260301
RELATION_COLUMNS = ("from", "relation", "to")
SENSOR_COLUMNS = ("sensor", "domain", "zone", "segment", "lng", "lat", "interval_s", "name_zh", "name_en")

CITY_TOML = f"""# Written by streams/feeds/sample_city/generator/generate.py, seed {SEED}. An invented city.
id = "yunlan"
name_zh = "{CITY.zh}"
name_en = "{CITY.en}"
time_zone = "Asia/Shanghai"
attribution = "虚构城市，数据为模拟 · An invented city with simulated data"
simulated = true
"""


def generate(seed: int = SEED) -> dict[str, str]:
    """Return the files of the city folder: name → text."""
    source = random.Random(seed)  # noqa: S311 - a city is drawn, nothing is kept secret
    pieces = segments.build(source, streets.grow(source))
    placed = list(sensors.rows(source, pieces))
    return {
        "city.toml": CITY_TOML,
        "zones.geojson": _collection(_zones()),
        "segments.geojson": _collection(_segment(piece) for piece in pieces),
        "places.geojson": _collection(_places()),
        "sensors.csv": _table(SENSOR_COLUMNS, placed),
        "relations.csv": _table(RELATION_COLUMNS, relations.rows(placed)),
    }


def main() -> None:
    """Write the files beside this module."""
    for name, text in generate().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


def _collection(features: Iterable[dict[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - GeoJSON nests by kind
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def _line(points: Sequence[Point]) -> list[list[float]]:
    return [terrain.to_lng_lat(point) for point in points]


def _zones() -> Iterable[dict[str, Any]]:
    for (zone_id, name), outline in zip(ZONES, terrain.zone_outlines(), strict=True):
        yield _feature("Polygon", [_line(outline)], {"id": zone_id, "name_zh": name.zh, "name_en": name.en})


def _segment(piece: Piece) -> dict[str, Any]:
    properties = {
        "id": piece.id,
        "zone": ZONES[piece.zone][0],
        "name_zh": piece.name.zh,
        "name_en": piece.name.en,
        "road_class": piece.road_class,
        "lanes": piece.lanes,
        "length_m": piece.length_m,
        "free_flow_km_h": piece.free_flow_km_h,
        "upstream": list(piece.upstream),
    }
    return _feature("LineString", _line(piece.line), properties)


def _places() -> Iterable[dict[str, Any]]:
    yield _feature("Polygon", [_line(_river_outline())], _place("water", RIVER))
    yield _feature("Polygon", [_line(terrain.lake_outline())], _place("water", LAKE))
    for (_, name), outline in zip(ZONES, terrain.zone_outlines(), strict=True):
        yield _feature("Polygon", [_line(outline)], _place("district", name))
    for (_, name), outline in zip(ZONES, terrain.zone_outlines(), strict=True):
        yield _feature("Point", terrain.to_lng_lat(_middle(outline)), _place("label", name))


def _place(kind: str, name: Name) -> dict[str, str]:
    return {"kind": kind, "name_zh": name.zh, "name_en": name.en}


def _river_outline() -> list[Point]:
    middle = terrain.river_line()
    west = [(x - terrain.RIVER_HALF_M, y) for x, y in middle]
    east = [(x + terrain.RIVER_HALF_M, y) for x, y in middle]
    return [*west, *east[::-1], west[0]]


def _middle(outline: Sequence[Point]) -> Point:
    """Return the centroid of a polygon."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(outline):
        cross = x0 * y1 - x1 * y0
        area += cross
        x += (x0 + x1) * cross
        y += (y0 + y1) * cross
    return x / (3 * area), y / (3 * area)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    main()
