"""How long it takes until every processor of a large city is rebuilt, and what that costs the frames that come.

Zone stage on topics in memory: `recovery`'s city, a reading of each detector a minute, in frames of a second. A worker
without processors has absorbed them; the next has all, and has to rebuild them while frames go on coming each second.
Its clock is its own CPU time and jumps where nothing is to be done: a core of its own, whatever the machine's load.
Only some minutes are held, and the time is scaled to one late limit and what the readings' topic keeps by default.
Afterwards the first minute that closes must have the reading of each detector. The second level is rebuilt from a few
minutes of metrics, and the time of one of them is told: it is waited for, within its budget or not at all.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

import numpy as np

from deploy.config.components import discover
from streams.broker import topics
from streams.broker.bus import READ_RECORDS
from streams.city import known
from streams.contract.metric_frames import decode_metrics
from streams.contract.spec import WINDOW_S, Hosted
from streams.domains.schema import load_schemas
from streams.second import rebuilding as second_rebuilding
from streams.second.second_stage import SecondLevelStage
from streams.warming import warm
from streams.zone import rebuilding
from streams.zone.zone_stage import ZoneStage
from tests.bench.recovery.__main__ import START_MS
from tests.bench.recovery.feeds import detector_feed
from tests.bench.scale.passage import DOMAIN, READINGS
from tests.bench.scale.second import FLOW
from tests.bench.scale.turns import TurnLoop
from tests.fakes import FakeBus, FakeClock, FakeHost, FakeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from streams.contract.stage import Message, Record, Stage

DETECTORS = 50_000
HELD_S = 480
METRICS_S = 130
"""So long at the beginning processors make metrics of them: two minutes."""
AFTER_S = 130
"""Then a minute has closed of which no reading came before the processors were there again."""
FOLLOW_S = 0.04
"""A tick follows a chunk so soon, besides those of the stage's own time."""
MOST_S = rebuilding.GIVE_UP_S
MOST_LAG_MS = 1_000.0
"""Each second's frames are absorbed before the next second's come."""
RETAINED_S = 6 * 3_600.0
"""And no older ones."""
FAR_S = 3_600.0
MIB = 2**20


class Clock:
    """A core of one's own, in seconds: this thread's CPU time, and the time in which nothing was to be done."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.thread_time() + self._ahead_s

    def until(self, at_s: float) -> None:
        """Have nothing to do until then."""
        self._ahead_s += max(at_s - self(), 0.0)

    def without(self, since_s: float) -> None:
        """Take back what was done since: it was the measurement's own."""
        self._ahead_s -= self() - since_s


class Reader(FakeReader):
    """Gives as many records at a time as a broker's reader."""

    async def read(self) -> list[Record]:
        await asyncio.sleep(0)
        found = self._log[self._next : self._next + READ_RECORDS]  # the log is whole: a record's place is its offset
        self._next += len(found)
        return found


class Bus(FakeBus):
    """Each send ends a turn, as one to a broker does."""

    def reader(self, topic: str, partition: int, offset: int) -> FakeReader:
        return Reader(self.log(topic, partition), offset)

    async def send(self, messages: Iterable[Message]) -> None:
        await asyncio.sleep(0)
        await super().send(messages)


class City:
    """A worker and its frames. Invariant: between seconds nothing is behind."""

    def __init__(self, detectors: int, folder: Path) -> None:
        warm()
        folder.mkdir(parents=True, exist_ok=True)
        self.clock, self.event = Clock(), FakeClock(START_MS)
        self.bus = Bus({topic.name: topic.partitions for topic in topics.all_topics()}, self.event)
        self.feed = detector_feed(detectors, START_MS, folder)
        self.lags_ms: list[float] = []
        """How long after they came each second's frames were absorbed."""
        self.fed: set[int] = set()
        """Numbers of the loop's turns that were the feed's."""
        self.host: FakeHost

    async def begin(self, stage: Stage) -> None:
        """Have another worker go on where the one before stood."""
        self.host = FakeHost(stage, self.bus)
        with patch.object(known, "load_city", lambda _: self.feed.city):
            await self.host.start()

    def zones(self, hosted: Sequence[Hosted]) -> ZoneStage:
        """Return a zone stage of this city."""
        return ZoneStage(self.feed.folder, hosted, kernel=True, now_s=self.clock)

    async def absorb(self, seconds: int) -> None:
        """Take the frames of so many seconds."""
        for _ in range(seconds):
            await self._second()

    async def _second(self) -> None:
        loop, began_s = cast("TurnLoop", asyncio.get_running_loop()), self.clock()
        await asyncio.sleep(0)
        self.fed.add(len(loop.turns))
        self.event.now_ms += 1000
        await self.feed.put(self.bus, self.event.now_ms, fast=True)
        await asyncio.sleep(0)
        self.clock.without(began_s)
        await self.host.drain()
        self.bus.log(topics.LIVE).clear()

    async def save(self) -> None:
        """Have everything saved."""
        self.clock.until(self.clock() + FAR_S)
        await self.host.tick()

    async def live(self, until: Callable[[], bool]) -> None:
        """Let time pass, with frames each second, until something holds."""
        due_s = {"frames": self.clock(), "follow": math.inf, "tick": self.clock()}
        while not until():
            name, at_s = min(due_s.items(), key=itemgetter(1))
            self.clock.until(at_s)
            if name == "frames":
                await self._second()
                self.lags_ms.append((self.clock() - at_s) * 1000)
                due_s |= {"frames": at_s + 1.0, "follow": min(due_s["follow"], self.clock() + FOLLOW_S)}
            else:
                await self.host.tick()
                due_s[name] = math.inf if name == "follow" else self.clock() + self.host.stage.tick_s

    def held(self) -> list[Record]:
        """List the frames that the broker holds."""
        partitions = range(load_schemas()[DOMAIN].partitions)
        return [record for partition in partitions for record in self.bus.log(READINGS, partition)]


def hosted(*, second_level: bool = False, later: int = 0) -> list[Hosted]:
    """Return the processors of a level, so many versions of their states later."""
    return [
        Hosted(name, replace(spec, state_version=spec.state_version + later), spec.config())
        for name, spec in discover().items()
        if spec.second_level is second_level
    ]


def retained_s(held: Sequence[Record], seconds: float) -> float:
    """Return of how long the frames are that the topic keeps by default, where these are of so many seconds."""
    schema = load_schemas()[DOMAIN]
    size = sum(len(one.value or b"") + sum(len(name) + len(text) for name, text in one.headers) for one in held)
    return min(schema.retained_mib * MIB * schema.partitions / size * seconds, RETAINED_S)


def complete(frames: Sequence[Record], detectors: int) -> bool:
    """Tell whether the first minute told of has one reading of each detector."""
    told = [decode_metrics(one.value or b"").rows for one in frames]
    rows = [one.where((one.metric == FLOW) & (one.window_s == WINDOW_S)) for one in told]
    first_ms = min((int(one.at_ms.min()) for one in rows if len(one)), default=0)
    counts = [one.count[one.at_ms == first_ms] for one in rows]
    return sum(map(len, counts)) == detectors and all((one == 1).all() for one in counts)


async def measure(
    folder: Path, detectors: int = DETECTORS, held_s: int = HELD_S, metrics_s: int = METRICS_S
) -> dict[str, float]:
    """Rebuild all processors of a city.

    Raises ValueError when the first minute afterwards lacks a reading.
    """
    city = City(detectors, folder / "rebuilt")
    await city.begin(city.zones(hosted()))
    await city.absorb(metrics_s)
    await city.save()
    await city.begin(city.zones([]))
    await city.absorb(held_s - metrics_s)
    await city.save()
    found = await _second_level(city, metrics_s // WINDOW_S)
    return found | await _first_level(city, detectors, held_s)


async def _first_level(city: City, detectors: int, held_s: int) -> dict[str, float]:
    held, readings = city.held(), detectors * held_s / WINDOW_S
    loop = cast("TurnLoop", asyncio.get_running_loop())
    noted, began_s, cpu_s = len(loop.turns), city.clock(), time.process_time()
    stage = city.zones(hosted(later=1))
    with patch.object(rebuilding, "GIVE_UP_S", math.inf):
        await city.begin(stage)
        await city.live(lambda: not stage.notices())
    wall_s, cpu_s, lags_ms = city.clock() - began_s, time.process_time() - cpu_s, city.lags_ms or [0.0]
    own_s = [took_s for place, (took_s, _) in enumerate(loop.turns) if place >= noted and place not in city.fed]
    city.bus.log(topics.METRICS).clear()
    await city.absorb(AFTER_S)
    if not complete(city.bus.log(topics.METRICS), detectors):
        raise ValueError("the first minute after the processors were rebuilt lacks a reading")
    whole_s = load_schemas()[DOMAIN].late_limit_s + retained_s(held, held_s)
    return {
        "rebuild_held_readings": readings,
        "rebuild_held_frames": float(len(held)),
        "rebuild_held_wall_s": wall_s,
        "rebuild_held_cpu_s": cpu_s,
        "rebuild_readings_a_second": readings / wall_s,
        "rebuild_whole_minutes": whole_s / 60,
        "rebuild_wall_s": wall_s / held_s * whole_s,
        "rebuild_turn_most_ms": max(own_s) * 1000,
        "rebuild_lag_p50_ms": float(np.percentile(lags_ms, 50)),
        "rebuild_lag_most_ms": max(lags_ms),
    }


async def _second_level(city: City, minutes: int) -> dict[str, float]:
    """Rebuild its processors from what is there of metrics."""
    own = city.host
    await city.begin(SecondLevelStage(city.feed.folder, [], city.clock))
    await city.host.drain()
    await city.save()
    frames = len(city.bus.log(topics.METRICS))
    began_s = city.clock()
    with patch.object(second_rebuilding, "BUDGET_S", math.inf):
        await city.begin(SecondLevelStage(city.feed.folder, hosted(second_level=True), city.clock))
    took_s, city.host = city.clock() - began_s, own
    return {"rebuild_second_frames": float(frames), "rebuild_second_minute_s": took_s / minutes}


def run(folder: Path) -> dict[str, float]:
    """Do the same for a caller in another process."""
    with asyncio.Runner(loop_factory=TurnLoop) as runner:
        return runner.run(measure(folder))
