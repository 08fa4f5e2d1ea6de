"""design.md 6.3: what is late, too late or future follows the source: `stamps`, `delay_s`, `late_limit_s` of a sensor.

A city with one station of air that reports each minute, and one beside it that is slow; one inbox partition, no marks.
START_MS is a whole hour.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = 1_700_002_800_000 // HOUR_MS * HOUR_MS
COLUMNS = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en,stamps,delay_s,late_limit_s"


class Reading(NamedTuple):
    """When it arrives, of whom, its time, and PM10."""

    comes_ms: int
    sensor: str
    at_ms: int
    value: float = 40.0


def air(folder: Path, *lines: str) -> Path:
    """A city with the station `quick` and these: `sensor,interval_s,stamps,delay_s,late_limit_s`."""
    write_small_city(folder, stations=())
    stations = [line.split(",") for line in ("quick,60,,,", *lines)]
    text = [f"{name},environment,z0,,0,0,{interval},,,{','.join(rest)}" for name, interval, *rest in stations]
    (folder / "sensors.csv").write_text("\n".join([COLUMNS, *text]) + "\n")
    return folder


def each_minute(hours: float) -> list[Reading]:
    return [Reading(at_ms, "quick", at_ms) for at_ms in range(START_MS, START_MS + int(hours * HOUR_MS), MINUTE_MS)]


class Told(NamedTuple):
    """What a run yields."""

    rows: list[tuple[str, str, int, int, int, float]]
    """(entity, metric, window_s, minute from START_MS, revision, value), in their order."""
    detections: list[bytes]
    refused: Counter[str]

    def of(self, entity: str, metric: str = "pm10_ug_m3", window_s: int = 60) -> list[tuple[int, int, float]]:
        """(minute, revision, value) of an entity's rows."""
        return [row[3:] for row in self.rows if row[:3] == (entity, metric, window_s)]


def run(folder: Path, readings: Iterable[Reading], *, cut: int = 10**6) -> Told:
    """Let the readings come at their times; all stages read them in chunks of so many records."""

    async def story() -> FakeBus:
        clock = FakeClock(START_MS)
        bus = FakeBus(clock=clock)
        hosted = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
        first = [one for one in hosted if not one.spec.second_level and one.spec.takes("environment")]
        second = [one for one in hosted if one.spec.second_level]
        stages: list[Any] = [IntakeStage(folder), ZoneStage(folder, first), SecondLevelStage(folder, second)]
        for one in sorted(readings):
            clock.now_ms = one.comes_ms
            value = {"sensor": one.sensor, "at": one.at_ms, "pm10_ug_m3": one.value}
            bus.put(Message(topics.inbox("environment"), b"", json.dumps(value).encode(), 0))
        hosts = [FakeHost(stage, bus) for stage in stages]
        for host in hosts:
            await host.start()
        while any(host.behind() for host in hosts):
            for host in hosts:
                for source in host.behind():
                    await host.deliver(*source, at_most=cut)
        return bus

    bus = asyncio.run(story())
    rows = []
    for record in bus.log(topics.METRICS):
        found = decode_metrics(record.value or b"").rows
        minute = ((found.at_ms - START_MS) // MINUTE_MS).tolist()
        columns = [found.entity.tolist(), found.metric.tolist(), found.window_s.tolist(), minute]
        rows += zip(*columns, found.revision.tolist(), found.value.tolist(), strict=True)
    letters = Counter(dict(one.headers)["reason"].decode() for one in bus.log(topics.DEAD_LETTERS))
    return Told(rows, [one.value or b"" for one in bus.log(topics.DETECTIONS)], letters)


def test_an_hourly_station_that_stamps_the_begin_and_sends_20_minutes_later_counts(tmp_path: Path) -> None:
    """Nine of nine: of the hours 0 to 8, sent at 1:20 … 9:20, between a neighbour's readings of each minute."""
    folder = air(tmp_path / "city", "hourly,3600,begin,1200,")
    hourly = [
        Reading(START_MS + (hour + 1) * HOUR_MS + 20 * MINUTE_MS, "hourly", START_MS + hour * HOUR_MS, 10.0 * hour)
        for hour in range(9)
    ]
    told = run(folder, [*each_minute(9.5), *hourly])
    assert told.refused == {}
    assert told.of("hourly") == [(60 * hour, 0, 10.0 * hour) for hour in range(9)]
    assert told.of("quick") == [(minute, 0, 40.0) for minute in range(568)]
    assert told.of("hourly", window_s=3600)[0] == (0, 0, 0.0)
    assert told.of("zone:z0")[0] == (0, 0, 20.0)  # (0 + 40) / 2: a zone waits for its slowest
    assert [value for value in told.detections if b"hourly" in value] == []


@pytest.mark.parametrize("cut", [1, 7])
def test_no_cut_changes_a_slow_station(tmp_path: Path, cut: int) -> None:
    """A quick and a slow one, in order, out of order, late and too late: rows by identity, and what was refused."""
    folder = air(tmp_path / "city", "slow,300,,400,")
    readings = each_minute(2.5)
    for number in range(20):
        at_ms = START_MS + number * 5 * MINUTE_MS
        readings.append(Reading(at_ms + [390_000, 10_000, 900_000, 5_000_000][number % 4], "slow", at_ms, number))
    whole, other = run(folder, readings), run(folder, readings, cut=cut)
    assert whole.refused == {"too_late": 4}
    assert newest(other) == newest(whole)
    assert sorted(set(other.detections)) == sorted(set(whole.detections))
    assert other.refused == whole.refused
    finals = [row[:4] for row in whole.rows if row[4] == 0]
    assert len(finals) == len(set(finals))


def newest(told: Told) -> dict[Any, Any]:
    """Identity → revision and value of its highest revision; an unknown value is as good as another."""
    held: dict[Any, Any] = {}
    for *identity, revision, value in told.rows:
        key = tuple(identity)
        if key not in held or revision >= held[key][0]:
            held[key] = (revision, str(value))
    return held


@pytest.mark.parametrize(("delay_s", "revisions"), [(0, {1}), (180, {0})])
def test_a_declared_delay_makes_finals_of_what_were_corrections(
    tmp_path: Path, delay_s: int, revisions: set[int]
) -> None:
    """Readings of each five minutes that come 200 s after their time, where 60 s of disorder are usual."""
    folder = air(tmp_path / "city", f"slow,300,,{delay_s},")
    times = range(START_MS, START_MS + HOUR_MS, 5 * MINUTE_MS)
    told = run(folder, [*each_minute(1.2), *(Reading(at_ms + 200_000, "slow", at_ms, 30.0) for at_ms in times)])
    assert {revision for _, revision, value in told.of("slow") if value == value} == revisions


@pytest.mark.parametrize(
    ("station", "ahead_s", "refused"),
    [
        ("late,3600,end,,", 3000, {}),
        ("late,3600,end,,", 3700, {"future": 1}),
        ("late,3600,moment,,", 3000, {"future": 1}),
        ("late,60,end,,", 290, {}),
        ("late,60,end,,", 310, {"future": 1}),
        ("late,60,,,120", -170, {}),
        ("late,60,,,120", -190, {"too_late": 1}),
        ("late,60,,300,120", -470, {}),
        ("late,60,,300,120", -490, {"too_late": 1}),
        ("late,60,begin,300,120", -530, {}),
        ("late,60,,,", -3650, {}),
        ("late,60,,,", -3670, {"too_late": 1}),
    ],
)
def test_future_and_too_late_follow_the_source(
    tmp_path: Path, station: str, ahead_s: int, refused: dict[str, int]
) -> None:
    """At 1:59:00 the source has reached 1:59:00 less the disorder of its domain, 60 s."""
    folder = air(tmp_path / "city", station)
    now_ms = START_MS + 119 * MINUTE_MS
    told = run(folder, [*each_minute(2), Reading(now_ms + 1, "late", now_ms + ahead_s * 1000)])
    assert told.refused == refused
