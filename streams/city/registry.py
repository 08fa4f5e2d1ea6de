"""The city registry: zones, road segments and sensors of one city folder, as arrays.

A city folder holds `city.toml`, `zones.geojson`, `segments.geojson`, `sensors.csv` and, for the map, `places.geojson`.
Entity ids are unique within the city. `docs/city-folder.md` describes every field.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.city import fields
from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

SENSOR_COLUMNS = ("sensor", "domain", "zone", "segment", "lng", "lat", "interval_s", "name_zh", "name_en")
ROAD_CLASSES = ("expressway", "arterial", "collector", "local")


@dataclass(frozen=True, slots=True)
class Zone:
    """A neighbourhood whose readings are processed together; the partition key."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One direction of a road between two junctions."""

    id: str
    zone: int
    name_zh: str
    name_en: str
    road_class: str
    lanes: int
    length_m: float
    free_flow_km_h: float
    upstream: tuple[str, ...]
    line: tuple[tuple[float, float], ...]
    """(lng, lat) pairs in driving direction."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What sends readings; `segment` is -1 where it does not watch a road."""

    id: str
    domain: str
    zone: int
    segment: int
    lng: float
    lat: float
    interval_s: float
    name_zh: str
    name_en: str
    stamps: str = ""
    """What `at` of its readings is: `moment`, or `begin` or `end` of the interval; "" = as its domain says."""
    delay_s: float = 0.0
    """So long after its time a reading is usually sent."""
    late_limit_s: float | None = None
    """Older readings are refused; None = its domain's limit."""
    not_measured: tuple[tuple[str, float], ...] = ()
    """(column, value): that value of that column stands for "nothing was measured"."""
    lane: int | None = None
    """Lane it watches, 1 = the fastest; None = all, or not known."""
    position_m: float | None = None
    """Distance from the begin of its segment."""


@dataclass(frozen=True, slots=True)
class Corridor:
    """A road of several segments that is judged as one; its entity is `corridor:<id>`."""

    id: str
    segments: tuple[str, ...]
    """Ids, in driving direction."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What happens at `source` is felt at `target`: it `feeds`, `drains` or `powers` it. Both are ids."""

    source: str
    relation: str
    target: str


@dataclass(frozen=True)
class City:
    """One city. Invariant: a sensor's or segment's index is its place in the tuple and never changes in one version."""

    id: str
    name_zh: str
    name_en: str
    time_zone: str
    attribution: str
    zones: tuple[Zone, ...]
    segments: tuple[Segment, ...]
    sensors: tuple[Sensor, ...]
    places: Mapping[str, Any] = field(default_factory=dict)
    """GeoJSON of water, districts and labels, for the map."""
    simulated: bool = False
    """Whether our simulator feeds it; a city of one's own is fed by its departments."""
    corridors: tuple[Corridor, ...] = ()
    calendar: Mapping[date, str] = field(default_factory=dict)
    """Day → `workday` or `holiday`, where it differs from the days of the week."""
    relations: tuple[Relation, ...] = ()

    @cached_property
    def version(self) -> str:
        """Digest of what processing depends on: all but the city's own names and what is for the map only."""
        roads = (self.zones, self.segments, self.sensors, self.corridors, self.relations)
        text = repr((self.id, self.time_zone, *roads, sorted(self.calendar.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def sensor_code(self) -> dict[str, int]:
        """Sensor id → index."""
        return {sensor.id: index for index, sensor in enumerate(self.sensors)}

    @cached_property
    def sensor_ids(self) -> NDArray[np.object_]:
        """(sensors,) ids."""
        return np.array([sensor.id for sensor in self.sensors], object)

    @cached_property
    def segment_code(self) -> dict[str, int]:
        """Segment id → index."""
        return {segment.id: index for index, segment in enumerate(self.segments)}

    @cached_property
    def zone_code(self) -> dict[str, int]:
        """Zone id → index."""
        return {zone.id: index for index, zone in enumerate(self.zones)}

    @cached_property
    def sensor_zone(self) -> NDArray[np.int32]:
        """(sensors,) index of each sensor's zone."""
        return np.array([sensor.zone for sensor in self.sensors], np.int32)

    @cached_property
    def sensor_segment(self) -> NDArray[np.int32]:
        """(sensors,) index of the segment each sensor watches, -1 = none."""
        return np.array([sensor.segment for sensor in self.sensors], np.int32)

    @cached_property
    def segment_zone(self) -> NDArray[np.int32]:
        """(segments,) index of each segment's zone."""
        return np.array([segment.zone for segment in self.segments], np.int32)

    @cached_property
    def length_m(self) -> NDArray[np.float64]:
        """(segments,) length."""
        return np.array([segment.length_m for segment in self.segments], np.float64)

    @cached_property
    def free_flow_km_h(self) -> NDArray[np.float64]:
        """(segments,) free-flow speed."""
        return np.array([segment.free_flow_km_h for segment in self.segments], np.float64)

    @cached_property
    def sensors_of_domain(self) -> dict[str, NDArray[np.bool_]]:
        """Domain → (sensors + 1,) bool: whether that sensor is one of the domain's; the last, index -1, never is."""
        domains = np.array([*(sensor.domain for sensor in self.sensors), ""])
        return {str(domain): domains == domain for domain in np.unique(domains[:-1])}

    @cached_property
    def not_measured(self) -> dict[str, tuple[NDArray[np.float64], ...]]:
        """Column → arrays of (sensors,) values that stand for "nothing was measured" there, NaN = none."""
        found: dict[str, list[NDArray[np.float64]]] = {}
        for code, sensor in enumerate(self.sensors):
            listed: dict[str, int] = {}
            for column, value in sensor.not_measured:
                place = listed[column] = listed.get(column, -1) + 1
                of_column = found.setdefault(column, [])
                if place == len(of_column):
                    of_column.append(np.full(len(self.sensors), np.nan))
                of_column[place][code] = value
        return {column: tuple(arrays) for column, arrays in found.items()}

    @cached_property
    def sensors_of_zone(self) -> dict[tuple[str, int], NDArray[np.int32]]:
        """(domain, zone index) → codes of its sensors."""
        groups: dict[tuple[str, int], list[int]] = {}
        for index, sensor in enumerate(self.sensors):
            groups.setdefault((sensor.domain, sensor.zone), []).append(index)
        return {key: np.array(codes, np.int32) for key, codes in groups.items()}

    @cached_property
    def sensor_rank(self) -> NDArray[np.int32]:
        """(sensors,) place of each sensor among those of its domain and zone, `sensor_names`."""
        rank = np.empty(len(self.sensors), np.int32)
        for codes in self.sensors_of_zone.values():
            rank[codes] = np.arange(len(codes))
        return rank

    @cached_property
    def sensor_names(self) -> dict[tuple[str, int], tuple[str, ...]]:
        """(domain, zone index) → ids of its sensors, in the order of `sensors_of_zone`."""
        return {key: tuple(self.sensors[code].id for code in codes) for key, codes in self.sensors_of_zone.items()}


def load_city(folder: Path) -> City:
    """Read a city folder.

    Raises CityFileError, naming file, feature and field.
    """
    head = fields.read_toml(folder / "city.toml")
    zones = _zones(folder / "zones.geojson")
    zone_code = {zone.id: index for index, zone in enumerate(zones)}
    segments = _segments(folder / "segments.geojson", zone_code)
    segment_code = {segment.id: index for index, segment in enumerate(segments)}
    sensors = _sensors(folder / "sensors.csv", zone_code, segment_code)
    places = folder / "places.geojson"
    where = folder / "city.toml"
    return City(
        id=fields.text(head, "id", where, "city"),
        name_zh=fields.text(head, "name_zh", where, "city"),
        name_en=fields.text(head, "name_en", where, "city"),
        time_zone=fields.text(head, "time_zone", where, "city"),
        attribution=str(head.get("attribution", "")),
        zones=zones,
        segments=segments,
        sensors=sensors,
        simulated=fields.flag(head, "simulated", where, "city"),
        places=fields.read_json(places) if places.exists() else {"type": "FeatureCollection", "features": []},
    )


def _zones(path: Path) -> tuple[Zone, ...]:
    zones = []
    for index, feature in enumerate(fields.features(path)):
        properties = feature["properties"]
        name = f"feature {index}"
        zones.append(
            Zone(
                fields.text(properties, "id", path, name),
                fields.text(properties, "name_zh", path, name),
                fields.text(properties, "name_en", path, name),
            )
        )
    fields.unique(path, "zone", [zone.id for zone in zones])
    return tuple(zones)


def _segments(path: Path, zone_code: Mapping[str, int]) -> tuple[Segment, ...]:
    segments = []
    for index, feature in enumerate(fields.features(path)):
        properties = feature["properties"]
        segment_id = fields.text(properties, "id", path, f"feature {index}")
        name = f"segment {segment_id}"
        line = feature.get("geometry", {}).get("coordinates")
        if not isinstance(line, list) or len(line) < 2:  # noqa: PLR2004 - a line has two ends
            raise CityFileError(f"{path}: {name}: geometry: a LineString of two or more points is needed, not {line!r}")
        segments.append(
            Segment(
                id=segment_id,
                zone=fields.reference(properties, "zone", zone_code, path, name),
                name_zh=fields.text(properties, "name_zh", path, name),
                name_en=fields.text(properties, "name_en", path, name),
                road_class=fields.choice(properties, "road_class", ROAD_CLASSES, path, name),
                lanes=int(fields.positive(properties, "lanes", path, name)),
                length_m=fields.positive(properties, "length_m", path, name),
                free_flow_km_h=fields.positive(properties, "free_flow_km_h", path, name),
                upstream=tuple(str(other) for other in properties.get("upstream", ())),
                line=tuple((float(point[0]), float(point[1])) for point in line),
            )
        )
    ids = [segment.id for segment in segments]
    fields.unique(path, "segment", ids)
    known = set(ids)
    for segment in segments:
        for other in segment.upstream:
            if other not in known:
                raise CityFileError(f"{path}: segment {segment.id}: upstream: no segment is called {other!r}")
    return tuple(segments)


def _sensors(path: Path, zone_code: Mapping[str, int], segment_code: Mapping[str, int]) -> tuple[Sensor, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in SENSOR_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise CityFileError(
                    f"{path}: line 1: the column {missing[0]!r} is missing; it needs {', '.join(SENSOR_COLUMNS)}"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc
    sensors = []
    for number, row in enumerate(rows, start=2):
        name = f"line {number}, sensor {row['sensor']}"
        segment = row["segment"]
        sensors.append(
            Sensor(
                id=fields.text(row, "sensor", path, name),
                domain=fields.text(row, "domain", path, name),
                zone=fields.reference(row, "zone", zone_code, path, name),
                segment=fields.reference(row, "segment", segment_code, path, name) if segment else -1,
                lng=fields.number(row, "lng", path, name),
                lat=fields.number(row, "lat", path, name),
                interval_s=fields.positive(row, "interval_s", path, name),
                name_zh=row["name_zh"] or row["sensor"],
                name_en=row["name_en"] or row["sensor"],
            )
        )
    fields.unique(path, "sensor", [sensor.id for sensor in sensors])
    return tuple(sensors)
