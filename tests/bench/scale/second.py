"""The second level's CPU a minute of city time in a large city, on frames that the shipped stages made.

A reading of each segment a minute goes through intake and zones, one in `LATE_EVERY` of them a minute late; what they
say is handed to the second level as it would be fetched, while its clock goes on: ticks and saves count. Cost is this
process's CPU time, with that of the thread that packs. The city's flow must be the sum of its segments' to the bit.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.stage import Chunk, TopicPartition
from streams.second.second_stage import SECOND_LEVEL
from tests.bench.job import MINUTE_MS, START_MS, Shape, make_job, records
from tests.bench.scale.memory import Day
from tests.bench.scale.passage import READINGS

if TYPE_CHECKING:
    from pathlib import Path

    from streams.contract.records import Rows
    from streams.contract.stage import Record
    from tests.bench.job import Job

SHAPE = Shape(segments=50_000, zones=100, partitions=12)
WARM_MINUTES, MINUTES = 2, 6
"""The hour ends in the middle of those that are measured."""
HOUR_MINUTES = 60
LATE_EVERY = 200
PORTIONS = 6
"""A minute's readings come in so many goes."""
CHUNK_FRAMES = 25
"""So many frames of metrics lie in a fetch."""
TICK_S = 0.5
MOST_CPU_S = 3.0
CITY = "city:bench"
FLOW = "flow_veh_h"


class City(Day):
    """The stages; only the second level's time is taken, and `wall_s` is its clock."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self.wall_s = 0.0
        super().__init__(shape, folder)
        self._late: list[list[tuple[bytes, bytes]]] = [[] for _ in range(shape.partitions)]
        self.frames = 0
        self.told: dict[int, dict[str, tuple[int, int, int]]] = {}
        """Start of a minute → segment or CITY → newest revision, numerator and count of its flow."""

    def _now_s(self) -> float:
        return self.wall_s

    async def minute(self, number: int) -> float:
        """Take a minute's readings → CPU seconds of the second level."""
        job = make_job(self.shape.segments, 1, seed=number, shape=self.shape)
        job = replace(job, at_ms=job.at_ms + number * MINUTE_MS)
        lines = [self._with_late(job, partition) for partition in range(self.shape.partitions)]
        sent_ms, taken_s = int(job.at_ms.max()), 0.0
        for portion in range(PORTIONS):
            for partition, every in enumerate(lines):
                first, last = (len(every) * (portion + step) // PORTIONS for step in (0, 1))
                await self._take(partition, every[first:last], sent_ms)
            await self._pass_on(self.zone, READINGS)
            taken_s += await self._second(MINUTE_MS / 1000 / PORTIONS)
            self.clean()
        return taken_s

    def _with_late(self, job: Job, partition: int) -> list[tuple[bytes, bytes]]:
        """Hold back a share of a partition's readings, and put in their place what was held back before."""
        every = records(job, partition)[:-1]
        late, now = every[::LATE_EVERY], [line for place, line in enumerate(every) if place % LATE_EVERY]
        held, self._late[partition] = self._late[partition], late
        for place, line in zip(np.linspace(0, len(now), len(held), dtype=int).tolist(), held, strict=True):
            now.insert(place, line)
        return now

    async def _second(self, for_s: float) -> float:
        """Hand over what there is, a chunk a tick, and let the rest of the time pass."""
        source, taken_s, end_s = TopicPartition(topics.METRICS, 0), 0.0, self.wall_s + for_s
        while self.wall_s < end_s or self._behind(source):
            new = self._behind(source)[:CHUNK_FRAMES]
            self.wall_s += TICK_S
            began_s = time.process_time()
            if new:
                await self.second.absorb(Chunk(*source, new, new[-1].offset + 1), self.bus)
            await self.second.tick(self.bus)
            taken_s += time.process_time() - began_s
            if new:
                self._read[source] = new[-1].offset + 1
                self._note(new)
        del self.bus.log(*source)[:-1]
        return taken_s

    def _behind(self, source: TopicPartition) -> list[Record]:
        begin = self._read.get(source, 0)
        return [one for one in self.bus.log(*source) if one.offset >= begin]

    def _note(self, new: list[Record]) -> None:
        self.frames += len(new)
        for record in new:
            frame = decode_metrics(record.value or b"")
            note(self.told, frame.rows, frame.zone == SECOND_LEVEL)


def note(told: dict[int, dict[str, tuple[int, int, int]]], rows: Rows, of_city: bool) -> None:
    """Keep the newest of each segment's flow, and of the city's."""
    wanted = (rows.metric == FLOW) & (rows.window_s == MINUTE_MS // 1000)
    if of_city:
        wanted &= rows.entity == CITY
    for row in np.flatnonzero(wanted).tolist():
        of_minute = told.setdefault(int(rows.at_ms[row]), {})
        found = (int(rows.revision[row]), int(rows.numerator[row]), int(rows.count[row]))
        of_minute[rows.entity[row]] = max(found, of_minute.get(rows.entity[row], found))


def wrong_minutes(told: dict[int, dict[str, tuple[int, int, int]]]) -> list[int]:
    """Return the minutes whose city is not the sum of its segments, exactly."""
    wrong = []
    for start_ms, of_minute in told.items():
        city = of_minute.pop(CITY, None)
        if city is not None and city != tuple(map(sum, zip(*of_minute.values(), strict=True))):
            wrong.append(start_ms)
    return wrong


async def measure(folder: Path, shape: Shape = SHAPE, minutes: int = MINUTES) -> dict[str, float]:
    """Run the minutes around the end of an hour.

    Raises ValueError when a city's sum differs from that of its segments.
    """
    city = City(shape, folder)
    await city.start()
    first = HOUR_MINUTES - minutes // 2
    assert START_MS % (HOUR_MINUTES * MINUTE_MS) == 0
    for number in range(first - WARM_MINUTES, first):
        await city.minute(number)
    frames, taken_s = city.frames, []
    for number in range(first, first + minutes):
        taken_s.append(await city.minute(number))
        print(f"  minute {number}: {taken_s[-1]:6.2f} s", flush=True)
    if wrong := wrong_minutes(city.told):
        raise ValueError(f"{len(wrong)} minutes of the city are not the sums of their segments")
    minute_s, hour_s = median(taken_s), max(taken_s)
    return {
        "second_frames_a_minute": (city.frames - frames) / minutes,
        "second_minute_cpu_s": minute_s,
        "second_hour_end_cpu_s": hour_s,
        "second_mean_cpu_s": ((HOUR_MINUTES - 1) * minute_s + hour_s) / HOUR_MINUTES,
    }


def run(folder: Path) -> dict[str, float]:
    """Do the same for a caller in another process."""
    return asyncio.run(measure(folder))
