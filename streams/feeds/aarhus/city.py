"""Writes the city folder of a CityPulse folder: its links as segments, its postal districts as zones.

Each link goes straight from its first point to its second, and is in the zone where its middle is. `docs/replay.md`
says what is taken from where.
"""

from __future__ import annotations

import csv
import json
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.city.fields import as_number
from streams.city.map_files import LONGEST_M
from streams.city.registry import SENSOR_COLUMNS
from streams.errors import CityFileError
from streams.feeds.aarhus.zones import District, Point, cell_of, districts, mean_of, nearest, outline_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PLAUSIBLE_NDT_KM_H = (10.0, 130.0)
"""130 km/h is the highest limit in Denmark."""
EXPRESSWAY_FROM_KM_H = 80.0
ROAD_CLASSES = {"MAJOR_ROAD": "arterial", "ROAD": "collector", "STREET": "local"}
LANES = {"expressway": 2}
INTERVAL_S = {"traffic": 300, "weather": 1800, "parking": 1800}


class Link(NamedTuple):
    """A row of trafficMetaData.csv, read."""

    id: str
    begin: Point
    end: Point
    begin_name: str
    end_name: str
    streets: tuple[str, ...]
    post: str
    city: str
    length_m: float
    ndt_km_h: float
    road_type: str

    @property
    def middle(self) -> Point:
        """(lng, lat) halfway."""
        return ((self.begin[0] + self.end[0]) / 2, (self.begin[1] + self.end[1]) / 2)

    @property
    def name(self) -> str:
        """The streets it joins."""
        return " – ".join(self.streets) or self.id


class SensorRow(NamedTuple):
    """A line of sensors.csv; `zone` is found from the place."""

    key: str
    """Its name in the files."""
    sensor: str
    domain: str
    segment: str
    place: Point
    name_zh: str
    name_en: str


def read_links(table: Sequence[Mapping[str, str]]) -> list[Link]:
    """Read the metadata's rows; a REPORT_ID that stands there twice counts once.

    Raises CityFileError, naming row and column.
    """
    links: dict[str, Link] = {}
    for number, record in enumerate(table, start=2):
        try:
            link = _link(record)
        except ValueError as exc:
            raise CityFileError(f"links: line {number} (REPORT_ID {record.get('REPORT_ID')}): {exc}") from exc
        links.setdefault(link.id, link)
    return list(links.values())


def free_flow_km_h(links: Sequence[Link]) -> dict[str, float]:
    """Return link → NDT_IN_KMH; where that is not plausible, the median of its type's plausible ones, or of all."""
    low, high = PLAUSIBLE_NDT_KM_H
    good = [link for link in links if low <= link.ndt_km_h <= high]
    if not good:
        raise CityFileError(f"links: NDT_IN_KMH: not one is between {low:g} and {high:g} km/h")
    of_type: dict[str, list[float]] = {}
    for link in good:
        of_type.setdefault(link.road_type, []).append(link.ndt_km_h)
    whole = statistics.median(link.ndt_km_h for link in good)
    medians = {road_type: statistics.median(speeds) for road_type, speeds in of_type.items()}
    return {
        link.id: link.ndt_km_h if low <= link.ndt_km_h <= high else medians.get(link.road_type, whole) for link in links
    }


def upstream(links: Sequence[Link]) -> dict[str, list[str]]:
    """Return link → the links that end where it begins, by name of the point, without the way back."""
    ending: dict[str, list[Link]] = {}
    for link in links:
        ending.setdefault(link.end_name, []).append(link)
    return {
        link.id: [
            other.id
            for other in ending.get(link.begin_name, ())
            if other.begin_name != link.end_name and other.id != link.id
        ]
        for link in links
    }


def write_city(out: Path, toml: str, links: Sequence[Link], sensors: Iterable[SensorRow]) -> list[District]:
    """Write the five files of the city folder, `toml` = its city.toml → its zones."""
    middles: dict[str, list[Point]] = {}
    for link in links:
        middles.setdefault(link.post, []).append(link.middle)
    zones = districts(middles)
    out.mkdir(parents=True, exist_ok=True)
    (out / "city.toml").write_text(toml, encoding="utf-8")
    outline = outline_of([point for link in links for point in (link.begin, link.end)])
    _write_features(out / "zones.geojson", [_zone_feature(zone, zones, outline) for zone in zones])
    _write_features(out / "segments.geojson", _segment_features(links, zones))
    _write_features(out / "places.geojson", [_label_feature(zone) for zone in zones])
    with (out / "sensors.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SENSOR_COLUMNS)
        for row in sensors:
            lng, lat = row.place
            zone = nearest(row.place, zones).id
            place = (f"{lng:.6f}", f"{lat:.6f}", INTERVAL_S[row.domain])
            writer.writerow((row.sensor, row.domain, zone, row.segment, *place, row.name_zh, row.name_en))
    return zones


def middle_of(links: Sequence[Link]) -> Point:
    """Return the mean of the links' middles."""
    return mean_of(link.middle for link in links)


def _link(record: Mapping[str, str]) -> Link:
    streets = (record.get("POINT_1_STREET", "").strip(), record.get("POINT_2_STREET", "").strip())
    if not (name := record["REPORT_ID"].strip()):
        raise ValueError("REPORT_ID: nothing stands there; take the line out, or give it one")
    return Link(
        id=name,
        begin=(_number(record, "POINT_1_LNG", (-180, 180)), _number(record, "POINT_1_LAT", (-90, 90))),
        end=(_number(record, "POINT_2_LNG", (-180, 180)), _number(record, "POINT_2_LAT", (-90, 90))),
        begin_name=record.get("POINT_1_NAME") or record["POINT_1_LNG"] + record["POINT_1_LAT"],
        end_name=record.get("POINT_2_NAME") or record["POINT_2_LNG"] + record["POINT_2_LAT"],
        streets=tuple(dict.fromkeys(street for street in streets if street)),
        post=record.get("POINT_1_POSTAL_CODE", "").strip() or "city",
        city=record.get("POINT_1_CITY", "").strip(),
        length_m=_number(record, "DISTANCE_IN_METERS", (0.1, LONGEST_M)),
        ndt_km_h=as_number(record["NDT_IN_KMH"].strip()),
        road_type=record.get("ROAD_TYPE", ""),
    )


def _number(record: Mapping[str, str], column: str, possible: tuple[float, float]) -> float:
    low, high = possible
    number = as_number(record[column].strip())
    if not low <= number <= high:
        raise ValueError(f"{column}: a number from {low:,g} to {high:,g} is needed, not {record[column]!r}")
    return number


def _road_class(link: Link, speed_km_h: float) -> str:
    return "expressway" if speed_km_h >= EXPRESSWAY_FROM_KM_H else ROAD_CLASSES.get(link.road_type, "arterial")


def _segment_features(links: Sequence[Link], zones: Sequence[District]) -> list[dict[str, Any]]:
    speeds, before = free_flow_km_h(links), upstream(links)
    features = []
    for link in links:
        road_class = _road_class(link, speeds[link.id])
        properties = {
            "id": link.id,
            "zone": nearest(link.middle, zones).id,
            "name_zh": link.name,
            "name_en": link.name,
            "road_class": road_class,
            "lanes": LANES.get(road_class, 1),
            "length_m": link.length_m,
            "free_flow_km_h": speeds[link.id],
            "upstream": before[link.id],
        }
        features.append(_feature("LineString", [link.begin, link.end], properties))
    return features


def _zone_feature(zone: District, zones: Sequence[District], outline: list[Point]) -> dict[str, Any]:
    ring = [(round(lng, 6), round(lat, 6)) for lng, lat in cell_of(zone, zones, outline)]
    properties = {"id": zone.id, "name_zh": zone.name_zh, "name_en": zone.name_en}
    return _feature("Polygon", [[*ring, ring[0]]], properties)


def _label_feature(zone: District) -> dict[str, Any]:
    lng, lat = zone.centre
    properties = {"kind": "district", "name_zh": zone.name_zh, "name_en": zone.name_en}
    return _feature("Point", (round(lng, 6), round(lat, 6)), properties)


def _feature(shape: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - GeoJSON
    return {"type": "Feature", "properties": properties, "geometry": {"type": shape, "coordinates": coordinates}}


def _write_features(path: Path, features: list[dict[str, Any]]) -> None:
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    path.write_text(f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n', encoding="utf-8")
