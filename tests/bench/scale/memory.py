"""Memory over a day of event time: intake, zones and second level with every shipped processor, a reading a minute.

In one process and in memory, with the topics' records dropped once they are read, as Kafka's retention would. Each
event hour the resident memory and the bytes of the states are looked at, and the audit's counts at the end.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Chunk, Record, TopicPartition
from streams.intake.intake_stage import IntakeStage
from streams.saving import chains, pieces, snapshots
from streams.second.second_stage import SecondLevelStage
from streams.transport.chunks import runs
from streams.warming import warm
from streams.zone.zone_stage import ZoneStage
from tests.bench.job import MINUTE_MS, SHAPE, make_job, records, write_city
from tests.bench.scale.passage import DOMAIN, INBOX, READINGS, inbox_chunks
from tests.fakes import FakeBus, batch_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.contract.stage import Stage
    from tests.bench.job import Shape

HOURS = 24
STATE_SETTLED_HOURS = 3
"""Windows are kept for an hour, and a processor's own memory may take one more."""

RSS_SETTLED_HOURS = 12
"""The states stand still long before; the allocator's holes need longer to come to rest."""

FLAT_RATIO = 1.05
HOUR_MINUTES = 60
MB = 1e6


class Day:
    """The three stages on topics in memory. Invariant: between minutes every stage has taken all there is."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        warm()
        city = write_city(folder / f"city-{shape.segments}-{shape.zones}", shape)
        parted = [INBOX, READINGS, topics.state("intake", DOMAIN), topics.state("zone", DOMAIN)]
        self.shape = shape
        self._ahead_s = 0.0
        self.bus = FakeBus(dict.fromkeys(parted, shape.partitions))
        found = {name: Hosted(name, spec, spec.config()) for name, spec in discover().items()}
        first = [one for one in found.values() if not one.spec.second_level]
        second = [one for one in found.values() if one.spec.second_level]
        self.intake = IntakeStage(city, kernel=True)
        self.zone = ZoneStage(city, first, kernel=True, now_s=self._now_s)
        self.second = SecondLevelStage(city, second, now_s=self._now_s)
        self._read: dict[TopicPartition, int] = {}
        self._offset = [0] * shape.partitions

    def _now_s(self) -> float:
        return time.thread_time() + self._ahead_s

    async def start(self) -> None:
        """Give every stage its partitions."""
        sources = range(self.shape.partitions)
        await self.intake.assigned([TopicPartition(INBOX, one) for one in sources], self.bus)
        await self.zone.assigned([TopicPartition(READINGS, one) for one in sources], self.bus)
        await self.second.assigned([TopicPartition(topics.METRICS, 0)], self.bus)

    async def hour(self, number: int) -> None:
        """Take an hour's readings, one of each segment a minute, minute by minute."""
        job = make_job(self.shape.segments * HOUR_MINUTES, HOUR_MINUTES, seed=number, shape=self.shape)
        job = replace(job, at_ms=job.at_ms + number * HOUR_MINUTES * MINUTE_MS)
        lines = [records(job, partition)[:-1] for partition in range(self.shape.partitions)]
        begins_ms = int(job.at_ms.min())
        for minute in range(HOUR_MINUTES):
            sent_ms = begins_ms + (minute + 2) * MINUTE_MS
            for partition, all_lines in enumerate(lines):
                first, last = (len(all_lines) * (minute + step) // HOUR_MINUTES for step in (0, 1))
                await self._take(partition, all_lines[first:last], sent_ms)
            for stage, topic in ((self.zone, READINGS), (self.second, topics.METRICS)):
                await self._pass_on(stage, topic)

    async def _take(self, partition: int, lines: list[tuple[bytes, bytes]], sent_ms: int) -> None:
        base = self._offset[partition]
        self._offset[partition] += len(lines)
        batch = [Record(place, key, value, sent_ms, ()) for place, (key, value) in enumerate(lines)]
        for chunk in inbox_chunks([(base, batch_bytes(batch, base))], partition):
            await self.intake.absorb(chunk, self.bus)

    async def _pass_on(self, stage: Stage, topic: str) -> None:
        for partition in range(await self.bus.partition_count(topic)):
            for chunk in self._unread(TopicPartition(topic, partition)):
                await stage.absorb(chunk, self.bus)
        await stage.tick(self.bus)

    def _unread(self, source: TopicPartition) -> Iterator[Chunk]:
        log = self.bus.log(*source)
        begin = self._read.get(source, 0)
        waiting = [record for record in log if record.offset >= begin]
        if waiting:
            self._read[source] = waiting[-1].offset + 1
            del log[:-1]
        for run in runs(waiting):
            yield Chunk(source.topic, source.partition, run, run[-1].offset + 1)

    async def save(self) -> None:
        """Have everything saved: what was saved last by itself may be of early in the hour."""
        self._ahead_s += snapshots.AT_LEAST_EVERY_S
        for stage in (self.zone, self.second):
            await stage.tick(self.bus)

    async def end(self) -> int:
        """Have everything saved → readings that the zones admitted. Raises ValueError when one is missing."""
        await self.save()
        admitted = sum(book["counts"]["in_frames"] for book in self.zone.books().values())
        if admitted != sum(self._offset):
            raise ValueError(f"{sum(self._offset)} readings were sent, {admitted} admitted")
        return admitted

    def clean(self) -> None:
        """Do what retention and compaction do to the topics that nobody reads here."""
        for topic in (topics.LIVE, topics.DETECTIONS, topics.DEAD_LETTERS):
            del self.bus.log(topic)[:-1]
        for topic in (topics.state("intake", DOMAIN), topics.state("zone", DOMAIN), topics.state("second")):
            for partition in range(self.shape.partitions):
                if self.bus.log(topic, partition):
                    newest = self.bus.log(topic, partition)[-1]
                    self.bus.compact(topic, partition=partition)
                    log = self.bus.log(topic, partition)
                    if not log or log[-1].offset < newest.offset:
                        log.append(newest)

    async def state_bytes(self) -> dict[str, int]:
        """Return the bytes of the states of zones and second level as they were saved last."""
        found = {}
        for name, topic, count in (
            ("zone", topics.state("zone", DOMAIN), self.shape.partitions),
            ("second", topics.state("second"), 1),
        ):
            trees = [(await chains.load(self.bus, topic, partition)).tree or {} for partition in range(count)]
            found[name] = sum(len(pieces.joined(tree)) for tree in trees)
        return found


async def measure(folder: Path, hours: int = HOURS, shape: Shape = SHAPE) -> dict[str, float]:
    """Run a day → memory after each hour, and the largest after the first hours by the first of them."""
    day = Day(shape, folder)
    await day.start()
    rss: list[float] = []
    kept: list[float] = []
    states: list[dict[str, int]] = []
    for number in range(hours):
        await day.hour(number)
        await day.save()
        day.clean()
        gc.collect()
        kept.append(psutil.Process().memory_info().rss / MB)
        _give_back()
        rss.append(psutil.Process().memory_info().rss / MB)
        states.append(await day.state_bytes())
        print(f"  hour {number + 1:2d}: {rss[-1]:6.1f} MB resident, states {states[-1]}", flush=True)
    return {"memory_readings": float(await day.end()), "memory_with_free_mb": kept[-1], **figures(rss, states)}


def run(folder: Path, hours: int = HOURS) -> dict[str, float]:
    """Do the same for a caller in another process."""
    return asyncio.run(measure(folder, hours))


def _give_back() -> None:
    """Have glibc return what is free: harness and stages share a heap here, and its holes are nobody's growth."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def figures(rss: list[float], states: list[dict[str, int]]) -> dict[str, float]:
    """Say how much memory and states grew after the first hours."""
    found = {
        "memory_rss_mb": rss[-1],
        "memory_rss_ratio": _growth(rss, RSS_SETTLED_HOURS),
        "memory_rss_day_ratio": _growth(rss, STATE_SETTLED_HOURS),
    }
    for name in states[-1]:
        sizes = [one[name] / MB for one in states]
        found[f"memory_{name}_state_mb"] = sizes[-1]
        found[f"memory_{name}_state_ratio"] = _growth(sizes, STATE_SETTLED_HOURS)
    return found


def _growth(sizes: list[float], settled_hours: int) -> float:
    """Return the largest by the first, of the hours that count."""
    counted = sizes[min(settled_hours, len(sizes) - 1) :]
    return max(counted) / counted[0]
