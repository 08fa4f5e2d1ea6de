"""Intake as a stage: one chunk of an inbox partition in flight, its frames acknowledged before its state is written."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec

from streams import dead_letters, snapshots, topics
from streams.city import load_city
from streams.clock import CityClock, read_clock
from streams.engine.pulse import now_ms
from streams.engine.stage import Chunk, Message, TopicPartition
from streams.errors import CityFileError
from streams.frames import ALL_ZONES, LAST_PLACE, FrameHeader, encode_frame
from streams.intake import DISORDER_MS, IntakeState, take
from streams.records import NO_TIME_MS
from streams.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.engine.stage import Bus

IDLE_S = 60.0
"""A source without marks that was quiet for so long no longer holds the watermark (design.md 6.3)."""

IDLE_EVERY_S = 1.0
CITY_CHECK_EVERY_S = 2.0

log = logging.getLogger("citywall")


class IntakeStage:
    """Hosts `streams.intake.take` for all domains. Invariant: a state is written only after what it contains."""

    name = "intake"
    tick_s = 0.5

    def __init__(self, city_folder: Path) -> None:
        self.schemas = load_schemas()
        self.topics = tuple(topics.inbox(domain) for domain in self.schemas)
        self._domain = {topics.inbox(domain): domain for domain in self.schemas}
        self._folder = city_folder
        self._city = load_city(city_folder)
        self._sensors_changed_ns = self._sensors_file_ns()
        self._checked_at = 0.0
        self._clock = CityClock()
        self._states: dict[TopicPartition, IntakeState] = {}
        self._quiet_since: dict[TopicPartition, float] = {}
        self._idle_mark_ms: dict[TopicPartition, int] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the states of these partitions → next offsets."""
        self._clock = read_clock(await bus.read_all(topics.CLOCK, 0))
        self._states = {}
        for source in partitions:
            found = await snapshots.load(bus, topics.state("intake", self._domain[source.topic]), source.partition)
            self._states[source] = IntakeState() if found is None else msgspec.json.decode(found[1], type=IntakeState)
        self._quiet_since = dict.fromkeys(partitions, time.monotonic())
        self._idle_mark_ms = {}
        return {source: state.offset for source, state in self._states.items() if state.offset}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take a chunk: frames and dead letters, then the state, then it may be committed."""
        source = chunk.source
        state = self._states.get(source)
        if state is None or chunk.records[-1].offset < state.offset:
            return False
        domain = self._domain[chunk.topic]
        taken = take(chunk, state, self._city, self.schemas[domain], self._clock)
        if taken.state.dead_lettered.get("future", 0) > state.dead_lettered.get("future", 0):
            self._clock = read_clock(await bus.read_all(topics.CLOCK, 0))
            taken = take(chunk, state, self._city, self.schemas[domain], self._clock)
        await bus.send(
            await self._messages(domain, taken.frames, taken.mark, bus)
            + [dead_letters.to_message(one) for one in taken.dead]
        )
        await bus.send(
            [
                snapshots.to_message(
                    topics.state("intake", domain),
                    source.partition,
                    taken.state.offset,
                    msgspec.json.encode(taken.state),
                )
            ]
        )
        self._states[source] = taken.state
        self._quiet_since[source] = time.monotonic()
        return True

    async def _messages(
        self, domain: str, frames: Sequence[tuple[FrameHeader, Any]], mark: FrameHeader, bus: Bus
    ) -> list[Message]:
        topic = topics.readings(domain)
        partitions = await bus.partition_count(topic)
        zone_code = self._city.zone_code
        messages = [encode_frame(topic, zone_code[header.zone] % partitions, header, rows) for header, rows in frames]
        return messages + [encode_frame(topic, partition, mark, None) for partition in range(partitions)]

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Reload the sensors when their file changed; let quiet sources pass on the city clock."""
        self._reload_city()
        for source, state in self._states.items():
            quiet_s = time.monotonic() - self._quiet_since[source]
            if state.fed_mark_ms == NO_TIME_MS and quiet_s >= IDLE_S:
                await self._send_idle_mark(source, state, bus)
        return ()

    async def _send_idle_mark(self, source: TopicPartition, state: IntakeState, bus: Bus) -> None:
        mark_ms = self._clock.at(now_ms()) - DISORDER_MS
        if mark_ms < self._idle_mark_ms.get(source, NO_TIME_MS) + IDLE_EVERY_S * 1000:
            return
        last = (state.offset - 1, LAST_PLACE)
        mark = FrameHeader(
            city=self._city.id,
            zone=ALL_ZONES,
            version=self._city.version,
            source=source.partition,
            first=last,
            last=last,
            mark_ms=mark_ms,
        )
        await bus.send(await self._messages(self._domain[source.topic], (), mark, bus))
        self._idle_mark_ms[source] = mark_ms

    def _sensors_file_ns(self) -> int:
        return (self._folder / "sensors.csv").stat().st_mtime_ns

    def _reload_city(self) -> None:
        if time.monotonic() - self._checked_at < CITY_CHECK_EVERY_S:
            return
        self._checked_at = time.monotonic()
        try:
            changed_ns = self._sensors_file_ns()
            if changed_ns != self._sensors_changed_ns:
                self._sensors_changed_ns = changed_ns
                self._city = load_city(self._folder)
                log.warning("sensors.csv was reloaded: %d sensors", len(self._city.sensors))
        except (OSError, CityFileError) as exc:
            log.error("sensors.csv was changed and cannot be used, going on with the old one: %s", exc)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters of each inbox partition."""
        return {
            f"intake:{self._domain[source.topic]}:{source.partition}": {
                "stage": "intake",
                "domain": self._domain[source.topic],
                "partition": source.partition,
                "offset": state.offset,
                "counts": {
                    "readings_in": state.readings_in,
                    "dead_lettered": state.dead_lettered,
                    "sent": sum(state.sent.values()),
                    "unknown_fields": state.unknown_fields,
                    "first_at_ms": state.first_at_ms,
                    "last_at_ms": state.last_at_ms,
                },
            }
            for source, state in self._states.items()
        }
