"""A job through the shipped stages in memory: what a reading costs intake and zone stage, without broker and network.

The records lie in Kafka's own batches, and the transport's own code takes them apart. Cost is this thread's CPU time;
a stage's clock is that time too, so ticks and snapshots come as often as on a core that has nothing else to do. The
first fetch of each partition does not count: with it a stage begins to know its city.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from aiokafka.structs import TopicPartition as KafkaTopicPartition

from processors import congestion
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Chunk, Message, Record, TopicPartition
from streams.intake.intake_stage import IntakeStage
from streams.transport.chunks import runs
from streams.transport.wire import WireFetch
from streams.warming import warm
from streams.zone.zone_stage import ZoneStage
from tests.bench.contestants.intake import results
from tests.bench.job import clock_value, expected, make_job, records, sentinel_ms, write_city
from tests.bench.race import wrong_windows
from tests.fakes import FakeBus, batch_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from streams.contract.stage import Stage
    from tests.bench.job import Job, Shape

DOMAIN = "traffic"
INBOX, READINGS = topics.inbox(DOMAIN), topics.readings(DOMAIN)
BATCH_RECORDS = 2_000
FETCH_BATCHES = 10
"""Some 2 MiB: what the transport fetches at once."""

FETCH_FRAMES = 100
TICK_S = 0.25


@dataclass(frozen=True)
class Cost:
    """What a reading took, CPU in µs, and what it left in topics, in bytes."""

    intake_us: float
    zone_us: float
    inbox_bytes: float
    """Key, value and what Kafka adds, uncompressed."""
    frame_bytes: float
    """Values alone: their headers stand for thousands of rows."""
    state_bytes: float
    metric_bytes: float
    """Rows of windows; provisional ones are not counted, they come by the clock."""

    @property
    def both_us(self) -> float:
        """CPU of both stages."""
        return self.intake_us + self.zone_us


async def passage(shape: Shape, per_minute: int, minutes: int, folder: Path) -> Cost:
    """Run `per_minute` readings of each segment, for so many minutes, through both stages.

    Raises ValueError when a window differs from pandas.
    """
    warm()
    job = make_job(shape.segments * per_minute * minutes, minutes, shape=shape)
    city = write_city(folder / f"city-{shape.segments}-{shape.zones}", shape)
    parted = [INBOX, READINGS, topics.state("intake", DOMAIN), topics.state("zone", DOMAIN)]
    bus = FakeBus(dict.fromkeys(parted, shape.partitions))
    bus.put(Message(topics.CLOCK, b"bench", clock_value(job), 0))
    hosted = [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]
    parts = range(shape.partitions)
    fetched = [fetches(job, partition) for partition in parts]
    first = [inbox_chunks(one[:1], partition) for partition, one in enumerate(fetched)]
    rest = [inbox_chunks(one[1:], partition) for partition, one in enumerate(fetched)]
    counted = len(job) - shape.partitions * BATCH_RECORDS * FETCH_BATCHES
    intake = IntakeStage(city, kernel=True)
    await _hand(intake, INBOX, bus, first)
    begin = [len(bus.log(READINGS, partition)) for partition in parts]
    intake_s = await _hand(intake, INBOX, bus, rest)
    frames = [bus.log(READINGS, partition) for partition in parts]
    zone = ZoneStage(city, hosted, kernel=True, now_s=time.thread_time)
    await _hand(zone, READINGS, bus, [frame_chunks(frames[one][: begin[one]], one) for one in parts])
    zone_s = await _hand(zone, READINGS, bus, [frame_chunks(frames[one][begin[one] :], one) for one in parts])
    if wrong := _wrong(bus, job):
        raise ValueError(f"{wrong} windows differ from pandas")
    inbox_bytes = sum(len(data) for one in fetched for _, data in one)
    put = [bus.bytes_put[topic] for topic in (READINGS, topics.state("zone", DOMAIN), topics.METRICS)]
    return Cost(intake_s / counted * 1e6, zone_s / counted * 1e6, *(size / len(job) for size in (inbox_bytes, *put)))


async def _hand(stage: Stage, topic: str, bus: FakeBus, sources: Sequence[Iterable[Chunk]]) -> float:
    """Hand the stage the chunks of all partitions in turn, and ticks in between → CPU seconds."""
    if not stage.books():
        await stage.assigned([TopicPartition(topic, partition) for partition in range(len(sources))], bus)
    began = ticked = time.thread_time()
    for turn in zip_longest(*sources):
        for chunk in turn:
            if chunk is not None:
                await stage.absorb(chunk, bus)
        if time.thread_time() >= ticked + TICK_S:
            await stage.tick(bus)
            ticked = time.thread_time()
    await stage.tick(bus)
    return time.thread_time() - began


def fetches(job: Job, partition: int) -> list[tuple[int, bytes]]:
    """Return (first offset, batches) of each fetch of an inbox partition, as a broker would send them."""
    sent_ms = sentinel_ms(job)
    lines = records(job, partition)
    found = []
    for first in range(0, len(lines), BATCH_RECORDS * FETCH_BATCHES):
        data = b""
        for base in range(first, min(first + BATCH_RECORDS * FETCH_BATCHES, len(lines)), BATCH_RECORDS):
            batch = enumerate(lines[base : base + BATCH_RECORDS])
            data += batch_bytes([Record(place, key, value, sent_ms, ()) for place, (key, value) in batch], base)
        found.append((first, data))
    return found


def inbox_chunks(fetched: Iterable[tuple[int, bytes]], partition: int) -> Iterator[Chunk]:
    """Take fetches apart, as the transport does with the kernel."""
    for first, data in fetched:
        for run in runs(list(WireFetch(KafkaTopicPartition(INBOX, partition), data, first, check=True))):
            yield Chunk(INBOX, partition, run, run[-1].offset + 1)


def frame_chunks(log: Sequence[Record], partition: int) -> Iterator[Chunk]:
    """Cut frames into runs, as the transport does."""
    for first in range(0, len(log), FETCH_FRAMES):
        for run in runs(log[first : first + FETCH_FRAMES]):
            yield Chunk(READINGS, partition, run, len(log))


def _wrong(bus: FakeBus, job: Job) -> int:
    """Count the windows that differ from pandas."""
    found = {}
    for record in bus.log(topics.METRICS):
        for segment, at_ms, tti, count in results(record.value or b""):
            found[segment, at_ms] = (tti, count)
    wanted = {(row.segment, row.at_ms): (row.tti_ratio, row.count) for row in expected(job).itertuples()}
    return wrong_windows(found, wanted)
