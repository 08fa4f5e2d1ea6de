"""Sensors, segments and zones that are moved while their city runs: a minute of an entity is of one zone, whole."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.city import versions
from streams.city.folder import read_folder
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake import followed_city
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


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)


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


def lived(life: Life, readings: Iterable[tuple[int, dict[str, Any]]], edits: Any, **how: Any) -> Life:
    asyncio.run(life.run(readings, edits, **how))
    return life


def balanced(life: Life, sent: int) -> bool:
    counts = life.balance()
    return counts == Counter({"in": sent, "taken": sent})


@pytest.mark.parametrize("second", [0, 25, 55, 58])
@pytest.mark.parametrize("restart", [False, True], ids=["while it runs", "all is down meanwhile"])
def test_a_minute_of_a_sensor_that_is_moved_is_told_once_and_whole(tmp_path: Path, second: int, restart: bool):
    moved_ms = START_MS + 3 * MINUTE_MS + second * 1000
    readings = panels(changes_ms=START_MS + 3 * MINUTE_MS + 30_000)
    life = lived(Life(fire_city(tmp_path), "fire"), readings, {moved_ms: to_zone("f1", "z0")}, restart=restart)
    told = {minute: [*dict.fromkeys(rows)] for minute, rows in life.of("f1", "alarmed_count").items()}  # sent again
    holds = 9 if second == 0 else HOLDS
    assert told[3] == [("z1", 0, 6, 3.0)]  # 0, 0, 0, 6, 6, 6
    expected = {minute: [("z0" if minute >= holds else "z1", 0, 6, 0.0 if minute < 3 else 6.0)] for minute in range(19)}
    assert told == expected | {3: told[3]}
    city = life.of("city:small", "alarmed_count")
    assert {*city[3]} == {("", 0, 12, 1.5)}
    assert all(len({*rows}) == 1 for rows in city.values())
    assert balanced(life, len(readings))
    assert [one for one in life.found() if one.kind in ("sensor_silent", "feed_silent")] == []


def test_one_that_is_moved_and_comes_back_within_a_minute_has_not_been_away(tmp_path: Path):
    edits = {MOVED_MS: to_zone("f1", "z0"), MOVED_MS + 20_000: to_zone("f1", "z1")}
    life = lived(Life(fire_city(tmp_path), "fire"), panels(changes_ms=MOVED_MS), edits)
    told = life.of("f1", "alarmed_count")
    assert {minute: [row[:3] for row in rows] for minute, rows in told.items()} == {
        minute: [("z1", 0, 6)] for minute in range(19)
    }
    assert told[3] == [("z1", 0, 6, 3.0)]
    assert balanced(life, 240)


def test_each_of_several_moves_holds_from_its_own_minute(tmp_path: Path):
    edits = {
        MOVED_MS: to_zone("f1", "z2"),
        MOVED_MS + 4 * MINUTE_MS: to_zone("f1", "z0"),
        MOVED_MS + 6 * MINUTE_MS: to_zone("f1", "z1"),
    }
    life = lived(Life(fire_city(tmp_path), "fire"), panels(), edits)
    zones = [[row[:3] for row in rows] for rows in life.of("f1", "alarmed_count").values()]
    names = ["z1"] * HOLDS + ["z2"] * 4 + ["z0"] * 2 + ["z1"] * 3
    assert zones == [[(name, 0, 6)] for name in names]
    assert balanced(life, 240)


@pytest.mark.parametrize("second", [25, 55, 58])
def test_a_segment_that_is_moved_counts_once_in_zones_and_city(tmp_path: Path, second: int):
    edits = {START_MS + 3 * MINUTE_MS + second * 1000: properties("segments", 1, zone="z0")}
    life = lived(Life(road_city(tmp_path), "traffic"), roads(changes_ms=START_MS + 3 * MINUTE_MS + 30_000), edits)
    told = life.of("s1", "speed_km_h")
    assert told[3] == [("z1", 0, 6, 32.0)]  # three at 20 and three at 80 km/h: 6 / (3/20 + 3/80)
    assert {minute: [row[:3] for row in rows] for minute, rows in told.items()} == {
        minute: [("z0" if minute >= HOLDS else "z1", 0, 6)] for minute in range(15)
    }
    for entity, at, count in (("zone:z0", 3, 6), ("zone:z1", 3, 6), ("zone:z0", HOLDS, 12), ("city:small", 3, 12)):
        assert [row[1:3] for row in life.of(entity, "speed_km_h")[at]] == [(0, count)]
    assert {row.coverage for row in life.rows("speed_km_h")} == {1.0}
    assert HOLDS not in life.of("zone:z1", "speed_km_h")
    assert balanced(life, 192)


def test_detectors_that_change_places_are_each_of_one_segment_a_minute(tmp_path: Path):
    def swap(folder: Path) -> None:
        line("d0", lambda one: one.replace(",z0,s0,", ",z1,s1,"))(folder)
        line("d1", lambda one: one.replace(",z1,s1,", ",z0,s0,"))(folder)

    life = lived(Life(road_city(tmp_path), "traffic"), roads(changes_ms=0), {MOVED_MS: swap})
    for segment, before_km_h, after_km_h in (("s0", 50.0, 80.0), ("s1", 80.0, 50.0)):
        told = life.of(segment, "speed_km_h")
        assert [rows[0][3] for rows in told.values()] == [before_km_h] * HOLDS + [after_km_h] * 5
        assert {tuple(row[1:3] for row in rows) for rows in told.values()} == {((0, 6),)}
    assert balanced(life, 192)


def test_a_road_that_is_taken_away_with_its_zone_is_told_to_its_end(tmp_path: Path):
    def edit(folder: Path) -> None:
        line("d1", lambda one: one.replace(",z1,s1,", ",z0,s0,"))(folder)
        for name, index in (("segments", 1), ("zones", 1)):
            path = folder / f"{name}.geojson"
            found = json.loads(path.read_text())
            del found["features"][index]
            path.write_text(json.dumps(found))

    life = lived(Life(road_city(tmp_path), "traffic"), roads(), {MOVED_MS: edit})
    assert life.of("s1", "speed_km_h")[3] == [("z1", 0, 6, 32.0)]
    assert list(life.of("s1", "speed_km_h")) == list(range(HOLDS))
    assert [rows[0][1:3] for rows in life.of("s0", "speed_km_h").values()] == [(0, 6)] * HOLDS + [(0, 12)] * 5
    assert balanced(life, 192)


def renamed(folder: Path) -> None:
    """Call z1 z9."""
    properties("zones", 1, id="z9")(folder)
    properties("segments", 1, zone="z9")(folder)
    to_zone("f1", "z9")(folder)


def test_a_zone_that_is_renamed_is_told_under_its_old_name_first(tmp_path: Path):
    life = lived(Life(fire_city(tmp_path), "fire"), panels(), {MOVED_MS: renamed})
    zones = [[row[:3] for row in rows] for rows in life.of("f1", "alarmed_count").values()]
    assert zones == [[("z1", 0, 6)]] * HOLDS + [[("z9", 0, 6)]] * 9
    assert [rows for rows in life.of("city:small", "alarmed_count").values() if len(rows) > 1] == []
    assert list(life.of("zone:z1", "alarmed_count")) == list(range(HOLDS))
    assert list(life.of("zone:z9", "alarmed_count")) == list(range(HOLDS, 19))
    assert balanced(life, 240)


def test_what_comes_late_or_again_meets_the_zone_of_its_time(tmp_path: Path):
    """Readings of 2:05 and of 12:05 come for the first time at 17 min, that of 3:30 comes again."""
    late_ms = START_MS + 17 * MINUTE_MS
    late = [
        (late_ms + 2, {"sensor": "f1", "at": START_MS + 2 * MINUTE_MS + 5_000, "alarmed_count": 7}),
        (late_ms + 3, {"sensor": "f1", "at": START_MS + 12 * MINUTE_MS + 5_000, "alarmed_count": 13}),
        (late_ms + 4, {"sensor": "f1", "at": START_MS + 3 * MINUTE_MS + 30_000, "alarmed_count": 6}),
    ]
    life = lived(Life(fire_city(tmp_path), "fire"), [*panels(), *late], {MOVED_MS: to_zone("f1", "z0")})
    told = life.of("f1", "alarmed_count")
    assert told[2] == [("z1", 0, 6, 0.0), ("z1", 1, 7, 1.0)]
    assert told[12] == [("z0", 0, 6, 6.0), ("z0", 1, 7, 7.0)]
    assert told[3] == [("z1", 0, 6, 3.0)]
    assert [row[:3] for row in life.of("zone:z1", "alarmed_count")[2]] == [("", 0, 6), ("", 1, 7)]
    assert life.balance() == Counter({"in": 243, "taken": 242, "duplicates": 1})


def test_a_sensor_that_is_silent_is_missed_by_its_old_zone_to_its_last_minute_and_then_by_the_new_one(tmp_path: Path):
    """f1 says nothing from 6:00 to 12:00 and is moved at 3:25: its zones tell of each minute once, with no reading."""
    quiet = range(START_MS + 6 * MINUTE_MS, START_MS + 12 * MINUTE_MS)
    more = [(ms, {**row, "sensor": "f2"}) for ms, row in panels() if row["sensor"] == "f0"]
    more += [(ms, {**row, "sensor": "f3"}) for ms, row in panels() if row["sensor"] == "f0"]
    readings = [*more, *(one for one in panels() if one[1]["sensor"] == "f0" or one[1]["at"] not in quiet)]
    folder = fire_city(tmp_path, ("f0", "f1", "f2", "f3"))
    to_zone("f3", "z1")(folder)  # beside f1
    life = lived(Life(folder, "fire"), readings, {MOVED_MS: to_zone("f1", "z0")})
    told = life.of("f1", "alarmed_count")
    assert [(minute, rows[0][0]) for minute, rows in told.items() if rows[0][2] == 0] == [
        (minute, "z1") for minute in range(6, HOLDS)
    ]
    assert all(len(rows) == 1 for rows in told.values())
    silent = {(one.zone, one.entity) for one in life.found() if one.kind == "sensor_silent"}
    assert silent <= {("z1", "f1"), ("z0", "f1")}


@pytest.mark.parametrize("edit", [to_zone("f1", "z0"), renamed], ids=["a sensor", "a zone"])
def test_no_cut_and_no_way_of_decoding_changes_what_is_told(tmp_path: Path, edit: Callable[[Path], None]):
    told = []
    for number, (kernel, cut) in enumerate([(False, 1), (False, 7), (False, 10_000), (True, 1), (True, 13)]):
        life = Life(fire_city(tmp_path / str(number)), "fire", kernel=kernel, cut=cut)
        lived(life, panels(), {MOVED_MS: edit})
        rows = {tuple(row) for metric in ("alarmed_count", "silent_ratio") for row in life.rows(metric)}
        found = {(one.entity, one.kind, one.zone, one.at_ms, one.known_at_ms, one.level) for one in life.found()}
        told.append((sorted(rows), found))
    assert told[1:] == told[:1] * (len(told) - 1)
