"""A topic of a Kafka as a recording: read from its start to its present end, without joining a group."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from deploy.trial.recording import CHUNK_RECORDS, Intake, Piece, Recording, Taken, zones_of
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.city.clock import read_clock
from streams.contract.frames import ALL_ZONES, decode_header, decode_rows
from streams.contract.stage import Chunk
from streams.errors import CityFileError, FrameError, SettingError
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.registry import City
    from streams.contract.stage import Record

BAD_FRAME = "bad_frame"


def domain_of(topic: str) -> str | None:
    """Return the domain of an inbox or readings topic, None for any other name."""
    return topics.domain_of().get(topic)


def of_topic(topic: str, kafka: str, city: City) -> Recording:
    """Open a topic.

    Raises SettingError when Kafka has no such topic, UnreachableError when none answers.
    """
    counts = topics.partition_counts(kafka)
    domain = domain_of(topic)
    if topic not in counts or domain is None:
        hint = nearest(topic, [name for name in counts if domain_of(name)])
        raise SettingError(f"--on {topic}: Kafka at {kafka} has no such inbox or readings topic{hint}")
    name = f"{topic} @ {kafka}"
    sources = {domain: counts.get(topics.inbox(domain), 1)}
    bus = KafkaBus(kafka)
    logs = {partition: asyncio.run(bus.read_all(topic, partition)) for partition in range(counts[topic])}
    if topic == topics.readings(domain):
        frames = _Frames(city, domain, counts[topic])
        return Recording(name, city, sources, frames.pieces(topic, logs), frames.taken)
    clock = read_clock(asyncio.run(bus.read_all(topics.CLOCK, 0)) if topics.CLOCK in counts else ())
    intake = Intake(city, clock)
    pieces = (piece for chunk in _chunks(topic, logs) for piece in intake(chunk))
    return Recording(name, city, sources, pieces, intake.taken)


def _chunks(topic: str, logs: dict[int, list[Record]]) -> Iterator[Chunk]:
    """Yield the records of all partitions in the order in which they were sent, cut where the partition changes."""
    marked = [[(record.timestamp, partition, record) for record in log] for partition, log in logs.items()]
    merged = heapq.merge(*marked, key=lambda one: one[:2])
    for partition, run in groupby(merged, key=lambda one: one[1]):
        records = [record for _, _, record in run]
        for first in range(0, len(records), CHUNK_RECORDS):
            yield Chunk(topic, partition, records[first : first + CHUNK_RECORDS], len(logs[partition]))


@dataclass
class _Frames:
    """Frames as the zone stage reads them; one that is none is counted, as there."""

    city: City
    domain: str
    partitions: int

    def __post_init__(self) -> None:
        """Begin to count."""
        self.taken = Taken()

    def pieces(self, topic: str, logs: dict[int, list[Record]]) -> Iterator[Piece]:
        """Yield the frames of all partitions."""
        for chunk in _chunks(topic, logs):
            for record in chunk.records:
                try:
                    piece = self._piece(record, chunk.partition)
                except FrameError:
                    dead = self.taken.dead_lettered
                    dead[BAD_FRAME] = dead.get(BAD_FRAME, 0) + 1
                    continue
                self.taken.readings_in += 0 if piece.rows is None else len(piece.rows.at_ms)
                yield piece

    def _piece(self, record: Record, partition: int) -> Piece:
        header = decode_header(record)
        if header.zone == ALL_ZONES:
            mine = tuple(zone for zone in zones_of(self.city, self.domain) if zone % self.partitions == partition)
            return Piece(self.domain, mine, header, None)
        if header.zone not in self.city.zone_code:
            raise FrameError(f"offset {record.offset}: the city has no zone {header.zone!r}")
        rows = decode_rows(header, record.value) if record.value else None
        missing = [sensor for sensor in header.sensors if sensor not in self.city.sensor_code]
        if missing:
            raise CityFileError(
                f"sensor {missing[0]} has readings on the topic and does not stand in the sensors.csv of "
                f"{self.city.name_en}; name the topic's own city with --city DIR"
            )
        return Piece(self.domain, (self.city.zone_code[header.zone],), header, rows)
