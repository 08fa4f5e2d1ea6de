"""A small place of some sensors of one domain, and all stages over what they send at its times, in memory.

One inbox partition without marks, so that nothing but arrivals and times moves the watermark. START_MS is a whole hour.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from deploy.config.components import discover
from streams.broker import topics
from streams.city import versions
from streams.city.folder import read_folder
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.domains.schema import load_schemas
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.processors.contract import shipped_config
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = 1_700_002_800_000 // HOUR_MS * HOUR_MS
COLUMNS = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en,stamps,delay_s,late_limit_s"


class Reading(NamedTuple):
    """When it arrives, of whom, its time, and its value."""

    comes_ms: int
    sensor: str
    at_ms: int
    value: float = 40.0


def town(folder: Path, domain: str, *lines: str) -> Path:
    """A city with these sensors: `sensor,interval_s,stamps,delay_s,late_limit_s`."""
    write_small_city(folder, stations=())
    sensors = [line.split(",") for line in lines]
    text = [f"{name},{domain},z0,,0,0,{interval},,,{','.join(rest)}" for name, interval, *rest in sensors]
    (folder / "sensors.csv").write_text("\n".join([COLUMNS, *text]) + "\n")
    return folder


class Told(NamedTuple):
    """What a run yields."""

    column: str
    rows: list[tuple[str, str, int, int, int, float]]
    """(entity, metric, window_s, minute from START_MS, revision, value), in their order."""
    detections: list[Detection]
    refused: Counter[str]
    refused_of: dict[str, str]
    """Sensor → the reason of its newest dead letter."""

    def of(self, entity: str, window_s: int = 60) -> list[tuple[int, int, float]]:
        """(minute, revision, value) of an entity's rows."""
        return [row[3:] for row in self.rows if row[:3] == (entity, self.column, window_s)]

    def found(self, kind: str) -> list[tuple[str, int, int, int]]:
        """(entity, since, known, level) of what was found, times in minutes."""
        told = [one for one in self.detections if one.kind == kind]
        return [(one.entity, _minutes(one.at_ms), _minutes(one.known_ms), one.level) for one in told]


def _minutes(at_ms: int) -> int:
    return (at_ms - START_MS) // MINUTE_MS


def run(folder: Path, column: str, readings: Iterable[Reading], *, cut: int = 10**6) -> Told:
    """Let the readings come at their times; all stages read them in chunks of so many records."""

    async def story() -> Told:
        stages = Stages(folder, column)
        await stages.begin()
        await stages.take(readings, cut=cut)
        return stages.told()

    return asyncio.run(story())


class Stages:
    """All stages on topics in memory, for one domain: the one that has that column."""

    def __init__(self, folder: Path, column: str) -> None:
        self._folder, self._column = folder, column
        self._domain = next(name for name, schema in load_schemas().items() if column in schema.names)
        self._clock = FakeClock(START_MS)
        self.bus = FakeBus(clock=self._clock)
        self.hosts: list[FakeHost] = []

    async def begin(self, *, versioned: bool = False) -> None:
        """Begin anew with what is saved and the folder as it is now; `versioned`: it is published first."""
        if versioned:
            known = versions.stored(self.bus.log(topics.CITIES))
            await self.bus.send(versions.next_version(read_folder(self._folder), known, {self._domain: 1}))
        hosted = [Hosted(name, spec, shipped_config(name, spec)) for name, spec in discover().items()]
        first = [one for one in hosted if not one.spec.second_level and one.spec.takes(self._domain)]
        second = [one for one in hosted if one.spec.second_level]
        stages: list[Any] = [
            IntakeStage(self._folder),
            ZoneStage(self._folder, first),
            SecondLevelStage(self._folder, second),
        ]
        self.hosts = [FakeHost(stage, self.bus) for stage in stages]
        for host in self.hosts:
            await host.start()
            if versioned:
                await host.tick()  # a source goes over to the version then

    async def take(self, readings: Iterable[Reading], *, cut: int = 10**6) -> None:
        """Let readings come at their times, and everything be read to its end."""
        for one in sorted(readings):
            self._clock.now_ms = one.comes_ms
            value = {"sensor": one.sensor, "at": one.at_ms, self._column: one.value}
            self.bus.put(Message(topics.inbox(self._domain), b"", json.dumps(value).encode(), 0))
        while any(host.behind() for host in self.hosts):
            for host in self.hosts:
                for source in host.behind():
                    await host.deliver(*source, at_most=cut)

    def told(self) -> Told:
        """Return what they have yielded."""
        rows = []
        for record in self.bus.log(topics.METRICS):
            found = decode_metrics(record.value or b"").rows
            minute = ((found.at_ms - START_MS) // MINUTE_MS).tolist()
            columns = [found.entity.tolist(), found.metric.tolist(), found.window_s.tolist(), minute]
            rows += zip(*columns, found.revision.tolist(), found.value.tolist(), strict=True)
        letters = [(json.loads(one.value or b"{}"), dict(one.headers)) for one in self.bus.log(topics.DEAD_LETTERS)]
        reasons = [(reading["sensor"], headers["reason"].decode()) for reading, headers in letters]
        said = [msgspec.json.decode(one.value or b"", type=Detection) for one in self.bus.log(topics.DETECTIONS)]
        return Told(self._column, rows, said, Counter(reason for _, reason in reasons), dict(reasons))
