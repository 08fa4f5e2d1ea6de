"""What is fed to the stages whose state is measured: the sample city's own readings, or frames of many detectors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from streams.broker import topics
from streams.city.registry import City, load_city
from streams.contract.frames import ALL_ZONES, FrameHeader, FrameRows, encode_frame
from streams.contract.stage import Message
from streams.domains.schema import load_schemas
from streams.feeds.lanes import Lane
from streams.feeds.sample_city.feed import MARK_BEHIND_S, SEED, _partition_of
from streams.feeds.sample_city.simulation.reporting import Reporter
from streams.feeds.sample_city.simulation.world import World
from streams.intake.intake_stage import IntakeStage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import FakeBus

FAST_SPEED = 60.0
"""At that speed of the clock a sensor of the sample city reports once a minute."""
ZONES = 16
INTERVAL_MS, FAST_INTERVAL_MS = 10_000, 60_000


class Feed(Protocol):
    """A city's readings, on demand."""

    folder: Path
    stages: list[Any]
    """What must run before the zone stage."""

    async def put(self, bus: FakeBus, until_ms: int, fast: bool) -> None:
        """Send what follows, up to an event time; `fast`: in as few readings as fill every window."""


@dataclass
class SampleFeed:
    """The simulated city's readings, through intake."""

    folder: Path
    at_ms: int
    stages: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the simulation."""
        city = load_city(self.folder)
        counts = {schema.domain: schema.partitions for schema in load_schemas().values()}
        self._world = World(city, SEED, self.at_ms)
        partition = _partition_of(city, counts)
        self._reporters = {speed: Reporter(self._world, speed, partition) for speed in (1.0, FAST_SPEED)}
        self._lanes = [Lane(name, number) for name in counts for number in range(counts[name])]
        self.stages.append(IntakeStage(self.folder))

    async def put(self, bus: FakeBus, until_ms: int, fast: bool) -> None:
        """Send the readings of all sensors, and marks."""
        self._world.advance(until_ms)
        reporter = self._reporters[FAST_SPEED if fast else 1.0]
        for lane, lines in reporter.between(self._world.groups, self.at_ms, until_ms).items():
            bus.put(Message(topics.inbox(lane.domain), b"", "\n".join(lines).encode(), lane.partition))
        mark = b"%d" % (until_ms - int(MARK_BEHIND_S * 1000))
        for lane in self._lanes:
            bus.put(Message(topics.inbox(lane.domain), b"", b"", lane.partition, (("mark", mark),)))
        self.at_ms = until_ms


@dataclass
class DetectorFeed:
    """Frames of detectors, one a segment, as intake would cut them."""

    folder: Path
    city: City
    at_ms: int
    stages: list[Any] = field(default_factory=list)
    _offset: int = 0

    def __post_init__(self) -> None:
        """Spread the detectors' moments over their interval."""
        self._chance = np.random.default_rng(1)
        self._phase = self._chance.random(len(self.city.sensors))
        self._zone = self.city.sensor_zone

    async def put(self, bus: FakeBus, until_ms: int, fast: bool) -> None:
        """Send a frame a zone and inbox partition, and marks."""
        step_ms = FAST_INTERVAL_MS if fast else INTERVAL_MS
        phase_ms = (self._phase * step_ms).astype(np.int64)
        at_ms = self.at_ms + (phase_ms - self.at_ms) % step_ms
        due = at_ms < until_ms
        topic, sources = topics.readings("traffic"), load_schemas()["traffic"].partitions
        for source in range(sources):
            for zone in range(len(self.city.zones)):
                sensor = np.flatnonzero(due & (self._zone == zone) & (np.arange(len(due)) % sources == source))
                if len(sensor):
                    header, rows = self._frame(source, zone, sensor, at_ms[sensor])
                    bus.put(encode_frame(topic, zone % sources, header, rows))
            for partition in range(sources):
                bus.put(encode_frame(topic, partition, self._header(source, ALL_ZONES, until_ms), None))
        self._offset += 1
        self.at_ms = until_ms

    def _header(self, source: int, zone: str, mark_ms: int, **more: Any) -> FrameHeader:
        end = (self._offset, 2**31 - 1)
        return FrameHeader(
            city=self.city.id, zone=zone, version=self.city.version, source=source, first=end, last=end,
            mark_ms=mark_ms, **more,
        )  # fmt: skip

    def _frame(self, source: int, zone: int, sensor: Any, at_ms: Any) -> tuple[FrameHeader, FrameRows]:
        count, chance = len(sensor), self._chance
        columns = {
            "speed_km_h": chance.integers(80, 900, count) / 10.0,
            "flow_veh_h": chance.integers(60, 1_800, count).astype(np.float64),
            "occupancy_ratio": chance.integers(1, 60, count) / 100.0,
        }
        names = tuple(self.city.sensors[code].id for code in sensor)
        header = self._header(source, self.city.zones[zone].id, self.at_ms, sensors=names, columns=tuple(columns))
        place = np.arange(count, dtype=np.int32)
        zeros = np.zeros(count, np.int64)
        return header, FrameRows(zeros + self._offset, place, place.copy(), at_ms, zeros, columns)


def sample_feed(at_ms: int) -> SampleFeed:
    """Return the sample city's."""
    from streams.feeds.sample_city.generator.generate import FOLDER

    return SampleFeed(FOLDER, at_ms)


def detector_feed(segments: int, at_ms: int, folder: Path) -> DetectorFeed:
    """Write a city of so many segments with a detector each, and return its feed."""
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    road = {"road_class": "arterial", "lanes": 2, "length_m": 500, "free_flow_km_h": 60, "upstream": []}
    zones = [_feature(square, id=f"z{i}", name_zh=f"{i}", name_en=f"{i}") for i in range(ZONES)]
    zone_of = [f"z{number % ZONES}" for number in range(segments)]
    roads = [
        _feature(line, id=f"s{i}", zone=zone, name_zh=f"{i}", name_en=f"{i}", **road) for i, zone in enumerate(zone_of)
    ]
    for name, features in (("zones", zones), ("segments", roads)):
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")
    lines = [f"d{i},traffic,{zone},s{i},0,0,{INTERVAL_MS // 1000},," for i, zone in enumerate(zone_of)]
    head = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"
    (folder / "sensors.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    toml = 'id = "detectors"\nname_zh = "测"\nname_en = "Detectors"\ntime_zone = "UTC"\n'
    (folder / "city.toml").write_text(toml, encoding="utf-8")
    return DetectorFeed(folder, load_city(folder), at_ms)


def _feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}
