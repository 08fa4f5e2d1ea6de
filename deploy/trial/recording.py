"""Recorded readings as the frames that intake makes of them: a folder of files, or a topic of a Kafka.

in      a folder like CityPulse's Aarhus files; a city folder with `<domain>.ndjson[.gz]`; an inbox or readings topic
out     frames and marks in the order in which they came, one recording at a time
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from streams.accounts.feeds import summed
from streams.broker import topics
from streams.city.clock import CityClock, ClockSetting
from streams.contract.records import MARK
from streams.contract.stage import Chunk, Record
from streams.domains.schema import load_schemas
from streams.feeds.recorded.lines import arrivals
from streams.feeds.replay.running import full_speed
from streams.intake.take import Bounds, IntakeState, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from streams.city.registry import City
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.feeds.replay.plan import Plan, Row

CHUNK_RECORDS = 2_000


class Piece(NamedTuple):
    """One frame, or a mark, and the zones that it is for."""

    domain: str
    zones: tuple[int, ...]
    header: FrameHeader
    rows: FrameRows | None


@dataclass
class Taken:
    """What intake counted. A recording that begins behind intake has none of it."""

    readings_in: int = 0
    dead_lettered: dict[str, int] = field(default_factory=dict)
    refused_values: dict[str, dict[str, int]] = field(default_factory=dict)
    """Column → reason → values; what else their readings say is used."""
    unknown_fields: int = 0


@dataclass
class Recording:
    """Readings as they were kept."""

    name: str
    city: City
    sources: Mapping[str, int]
    """Domain → inbox partitions that its readings come from."""
    pieces: Iterator[Piece]
    taken: Taken
    left_out: tuple[str, ...] = ()
    """Sentences on what was there and is not read."""


def of_plan(name: str, plan: Plan, city: City, domains: Iterable[str]) -> Recording:
    """Open the files of a replay's plan, marks included, as `replay --speed max` sends them."""
    clock = CityClock((ClockSetting(at_ms=plan.last_at_ms, wall_ms=0, speed=0.0, until_ms=plan.last_at_ms),))
    wanted = [domain for domain in plan.rows if domain in set(domains)]
    intake = Intake(city, clock)
    return Recording(name, city, dict.fromkeys(wanted, 1), _planned(plan, intake, wanted), intake.taken, plan.left_out)


def of_lines(name: str, files: Mapping[str, Path], city: City) -> Recording:
    """Open files of inbox records, a line each; the city's clock stands at each record's arrival."""
    intake = Intake(city, CityClock())
    pieces = (piece for chunk in _arriving(arrivals(files)) for piece in intake(chunk))
    return Recording(name, city, dict.fromkeys(files, 1), pieces, intake.taken)


class Intake:
    """Intake of every inbox partition, in memory."""

    def __init__(self, city: City, clock: CityClock) -> None:
        self.taken = Taken()
        self._city = city
        self._clock = clock
        self._schemas = {topics.inbox(domain): schema for domain, schema in load_schemas().items()}
        self._states: dict[tuple[str, int], IntakeState] = {}

    def __call__(self, chunk: Chunk) -> Iterator[Piece]:
        """Yield the frames of a chunk, then its mark."""
        schema = self._schemas[chunk.topic]
        before = self._states.get(chunk.source, IntakeState())
        taken = take(chunk, before, self._city, schema, Bounds(self._clock, time.time_ns() // 1_000_000))
        self._states[chunk.source] = taken.state
        self._count(before, taken.state)
        for header, rows in taken.frames:
            yield Piece(schema.domain, (self._city.zone_code[header.zone],), header, rows)
        yield Piece(schema.domain, zones_of(self._city, schema.domain), taken.mark, None)

    def _count(self, before: IntakeState, after: IntakeState) -> None:
        if after.refused_values != before.refused_values:
            self.taken.refused_values = summed(state.refused_values for state in self._states.values())
        self.taken.readings_in += after.readings_in - before.readings_in
        self.taken.unknown_fields += after.unknown_fields - before.unknown_fields
        for reason, count in after.dead_lettered.items():
            more = count - before.dead_lettered.get(reason, 0)
            if more:
                self.taken.dead_lettered[reason] = self.taken.dead_lettered.get(reason, 0) + more


def zones_of(city: City, domain: str) -> tuple[int, ...]:
    """Return the zones that have sensors of the domain."""
    return tuple(zone for zone in range(len(city.zones)) if (domain, zone) in city.sensors_of_zone)


def _planned(plan: Plan, intake: Intake, domains: list[str]) -> Iterator[Piece]:
    rows = [row for row in plan.read() if row.domain in set(domains)]
    offsets = dict.fromkeys(domains, 0)

    def sent(domain: str, values: Iterable[bytes], at_ms: int) -> Iterator[Piece]:
        records = [Record(0, None, value, 0, ()) for value in values] + [
            Record(0, None, b"", 0, ((MARK, b"%d" % at_ms),))
        ]
        numbered = [record._replace(offset=offsets[domain] + index) for index, record in enumerate(records)]
        offsets[domain] += len(records)
        yield from intake(Chunk(topics.inbox(domain), 0, numbered, offsets[domain]))

    for domain in domains:
        yield from sent(domain, (), rows[0].at_ms if rows else plan.begin_ms)
    for first, end in full_speed(rows, 0):
        mark_ms = rows[end].at_ms if end < len(rows) else rows[end - 1].at_ms
        for domain in domains:
            yield from sent(domain, (row.value for row in rows[first:end] if row.domain == domain), mark_ms)


def _arriving(rows: Iterator[Row]) -> Iterator[Chunk]:
    """Cut into chunks: some of all domains' records, then of each domain those among them."""
    offsets: dict[str, int] = {}
    while part := list(islice(rows, CHUNK_RECORDS)):
        for domain in dict.fromkeys(row.domain for row in part):
            first = offsets.get(domain, 0)
            own = [row for row in part if row.domain == domain]
            records = [Record(first + place, None, row.value, row.at_ms, ()) for place, row in enumerate(own)]
            offsets[domain] = first + len(records)
            yield Chunk(topics.inbox(domain), 0, records, offsets[domain])
