"""Three stages on topics in memory that live through edits of their city, small cities and their feeds, for tests."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from deploy.config.components import discover
from streams.broker import topics
from streams.city import versions
from streams.city.folder import read_folder
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.city_edits import properties
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.processors.contract import shipped_config
from tests.small_city import write_small_city

MINUTE_MS = 60_000
START_MS = 1_700_002_800_000  # a whole hour
MOVED_MS = START_MS + 3 * MINUTE_MS + 25_000
HOLDS = 10
"""Minute from which a move at 3:25 holds: 1 min for all to go over, 5 for clocks that are ahead: 9:25, so 10."""


class Row(NamedTuple):
    """What is compared of a row of metrics."""

    zone: str
    entity: str
    metric: str
    minute: int
    window_s: int
    revision: int
    count: int
    value: float
    coverage: float


class Life:
    """Three stages on a bus in memory, whose city is edited at times of its feeds."""

    def __init__(self, folder: Path, domain: str, *, kernel: bool = False, cut: int = 7) -> None:
        self.folder, self.domain, self.kernel, self.cut = folder, domain, kernel, cut
        self.clock = FakeClock(START_MS)
        self.bus = FakeBus(clock=self.clock)
        self.publish()

    def publish(self) -> None:
        known = versions.stored(self.bus.log(topics.CITIES))
        counts = {self.domain: 1}
        now_ms = self.clock.now_ms + MINUTE_MS
        for message in versions.next_version(read_folder(self.folder), known, counts, now_ms=now_ms):
            self.bus.put(message)

    async def begin(self) -> None:
        hosted = [Hosted(name, spec, shipped_config(name, spec)) for name, spec in discover().items()]
        first = [one for one in hosted if not one.spec.second_level]
        second = [one for one in hosted if one.spec.second_level]
        stages = (
            IntakeStage(self.folder, kernel=self.kernel),
            ZoneStage(self.folder, first, kernel=self.kernel),
            SecondLevelStage(self.folder, second),
        )
        self.hosts = [FakeHost(one, self.bus, framed=self.kernel and not at) for at, one in enumerate(stages)]
        for host in self.hosts:
            await host.start()

    async def drain(self) -> None:
        while any(host.behind() for host in self.hosts):
            for host in self.hosts:
                for source in host.behind():
                    await host.deliver(*source, at_most=self.cut)

    def send(self, came_ms: int, reading: dict[str, Any]) -> None:
        self.clock.now_ms = came_ms
        self.bus.put(Message(topics.inbox(self.domain), b"", json.dumps(reading).encode(), 0))

    async def run(
        self,
        readings: Iterable[tuple[int, dict[str, Any]]],
        edits: dict[int, Callable[[Path], None]],
        *,
        restart: bool = False,
    ) -> None:
        """Live through readings, each when it comes, and edits; `restart`: all is down for the 12 minutes after one."""
        await self.begin()
        due, down_until_ms = sorted(edits), 0
        for came_ms, reading in sorted(readings, key=lambda one: one[0]):
            while due and came_ms >= due[0]:
                await self.drain()
                self.clock.now_ms = due[0]
                edits[due.pop(0)](self.folder)
                self.publish()
                down_until_ms = came_ms + 12 * MINUTE_MS if restart else 0
                for host in self.hosts if not restart else ():
                    await host.tick()
            self.send(came_ms, reading)
            if down_until_ms and came_ms >= down_until_ms:
                down_until_ms = 0
                await self.begin()
        await self.drain()

    def rows(self, metric: str, window_s: int = 60) -> list[Row]:
        found = []
        for record in self.bus.log(topics.METRICS):
            frame = decode_metrics(record.value or b"")
            one = frame.rows
            for at in range(len(one)):
                minute = (int(one.at_ms[at]) - START_MS) // MINUTE_MS
                told = (minute, int(one.window_s[at]), int(one.revision[at]), int(one.count[at]))
                value = round(float(one.value[at]), 6)
                coverage = round(float(one.coverage_ratio[at]), 6)
                found.append(Row(frame.zone_id, one.entity[at], one.metric[at], *told, value, coverage))
        return [row for row in found if row.metric == metric and row.window_s == window_s]

    def of(self, entity: str, metric: str) -> dict[int, list[tuple[str, int, int, float]]]:
        """Minute → (zone, revision, count, value) of each row of an entity."""
        told: dict[int, list[tuple[str, int, int, float]]] = {}
        for row in self.rows(metric):
            if row.entity == entity:
                told.setdefault(row.minute, []).append((row.zone, row.revision, row.count, row.value))
        return told

    def found(self) -> list[Detection]:
        return [msgspec.json.decode(record.value or b"", type=Detection) for record in self.bus.log(topics.DETECTIONS)]

    def balance(self) -> Counter[str]:
        """Count what was read and what became of it; `unknown` holds what any processor had no place for."""
        total: Counter[str] = Counter()
        for book in self.hosts[0].stage.books().values():
            total["in"] += book["counts"]["readings_in"]
            total["refused"] += sum(book["counts"]["dead_lettered"].values())
        for held in self.hosts[1].stage._partitions.values():  # its books are as of the last snapshot
            for state in held.zones.values():
                for counts in state.counts.values():
                    total["taken"] += counts.in_frames
                    total["duplicates"] += counts.duplicates
                    total["too_late"] += counts.too_late
                for reasons in state.dropped.values():
                    total["elsewhere"] += reasons.get("elsewhere", 0) + reasons.get("no_segment", 0)
        return total


def panels(minutes: int = 20, *, changes_ms: int = MOVED_MS) -> list[tuple[int, dict[str, Any]]]:
    """Every 10 s: f0 says 0; f1 says 0, and 6 from a time on."""
    rows = []
    for at_ms in range(START_MS, START_MS + minutes * MINUTE_MS, 10_000):
        rows.append((at_ms, {"sensor": "f0", "at": at_ms, "alarmed_count": 0}))
        rows.append((at_ms + 1, {"sensor": "f1", "at": at_ms, "alarmed_count": 0 if at_ms < changes_ms else 6}))
    return rows


def roads(minutes: int = 16, *, changes_ms: int = MOVED_MS) -> list[tuple[int, dict[str, Any]]]:
    """Every 10 s: d0 at 50 km/h; d1 at 20, and at 80 from a time on."""
    rows = []
    for at_ms in range(START_MS, START_MS + minutes * MINUTE_MS, 10_000):
        rows.append((at_ms, {"sensor": "d0", "at": at_ms, "speed_km_h": 50, "flow_veh_h": 600}))
        speed_km_h = 20 if at_ms < changes_ms else 80
        rows.append((at_ms + 1, {"sensor": "d1", "at": at_ms, "speed_km_h": speed_km_h, "flow_veh_h": 600}))
    return rows


def one_zone(minutes: int = 20) -> list[tuple[int, dict[str, Any]]]:
    """Every 10 s: d1 at 40 km/h, d5 at 80."""
    return [
        (at_ms + beside, {"sensor": sensor, "at": at_ms, "speed_km_h": speed_km_h, "flow_veh_h": 600})
        for at_ms in range(START_MS, START_MS + minutes * MINUTE_MS, 10_000)
        for beside, (sensor, speed_km_h) in enumerate((("d1", 40), ("d5", 80)))
    ]


def line(sensor: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    """Change the line of a sensor."""

    def edit(folder: Path) -> None:
        path = folder / "sensors.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [change(one) if one.startswith(f"{sensor},") else one for one in lines]
        path.write_text("\n".join(found) + "\n", encoding="utf-8")

    return edit


def to_zone(sensor: str, zone: str) -> Callable[[Path], None]:
    return line(sensor, lambda one: ",".join([*one.split(",")[:2], zone, *one.split(",")[3:]]))


def fire_city(folder: Path, only: Iterable[str] = ("f0", "f1")) -> Path:
    """f0 in z0, f1 in z1, each speaks every 10 s."""
    write_small_city(folder, segments=4, stations=("fire",), intervals_s=(10, 10))
    path = folder / "sensors.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], *(one for one in lines if one[:2] in only)]) + "\n", encoding="utf-8")
    return folder


def road_city(folder: Path) -> Path:
    """s0 in z0 with d0, s1 in z1 with d1, each speaks every 10 s; s2 and s3 have no detector."""
    write_small_city(folder, segments=4, stations=(), intervals_s=(10, 10))
    path = folder / "sensors.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:3]) + "\n", encoding="utf-8")
    return folder


def one_zone_city(folder: Path) -> Path:
    """s1 and s5 in z1 with d1 and d5, each speaks every 10 s."""
    write_small_city(folder, segments=8, stations=(), intervals_s=(10, 10))
    path = folder / "sensors.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[6]]) + "\n", encoding="utf-8")
    return folder


def to_segment(sensor: str, segment: str) -> Callable[[Path], None]:
    """Hang it on a road; "" = on none."""
    return line(sensor, lambda one: ",".join([*one.split(",")[:3], segment, *one.split(",")[4:]]))


def lived(life: Life, readings: Iterable[tuple[int, dict[str, Any]]], edits: Any, **how: Any) -> Life:
    asyncio.run(life.run(readings, edits, **how))
    return life


def balanced(life: Life, sent: int) -> bool:
    counts = life.balance()
    return counts == Counter({"in": sent, "taken": sent})


def renamed(folder: Path) -> None:
    """Call z1 z9."""
    properties("zones", 1, id="z9")(folder)
    properties("segments", 1, zone="z9")(folder)
    to_zone("f1", "z9")(folder)
