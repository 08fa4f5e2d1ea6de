"""The zone stage: every readings partition with its zones, their processors and one snapshot of it all."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams import dead_letters, snapshots, topics
from streams import state as state_codec
from streams.city import City, load_city
from streams.engine.stage import Chunk, Message, TopicPartition
from streams.errors import CityFileError, FrameError
from streams.frames import ALL_ZONES, decode_header, decode_rows
from streams.metric_codec import encode_metrics
from streams.records import MetricFrame, Rows
from streams.schema import load_schemas
from streams.zone import Hosted, Output, Zone, ZoneState, absorb, provisional
from streams.zone_books import zone_counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streams.engine.stage import Bus, Record
    from streams.frames import FrameHeader

WATERMARK_NEWS_MS = 60_000
"""A watermark that moved alone is published when it passes a multiple of this, the second level's shortest window."""

log = logging.getLogger("citywall")


@dataclass
class _Partition:
    """What this worker holds of one readings partition."""

    domain: str
    inbox_partitions: int
    readings_partitions: int
    zones: dict[str, ZoneState] = field(default_factory=dict)
    offset: int = 0
    """Next offset to absorb."""
    saved_offset: int = 0
    save_due_at: float = 0.0
    touched: dict[str, list[NDArray[np.int32]]] = field(default_factory=lambda: defaultdict(list))
    books: dict[str, Any] = field(default_factory=dict)


class ZoneStage:
    """Hosts the first-level processors. Invariant: what a snapshot contains has been yielded and acknowledged."""

    name = "zone"
    tick_s = 0.25

    def __init__(self, city_folder: Path, hosted: Sequence[Hosted]) -> None:
        domains = load_schemas()
        self.topics = tuple(topics.readings(domain) for domain in domains)
        self._domain = {topics.readings(domain): domain for domain in domains}
        self._hosted = {domain: [one for one in hosted if domain in one.spec.domains] for domain in domains}
        self._folder = city_folder
        self._city = load_city(city_folder)
        self._partitions: dict[TopicPartition, _Partition] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshots of these partitions → next offsets."""
        self._partitions = {}
        for source in partitions:
            domain = self._domain[source.topic]
            held = _Partition(
                domain,
                await bus.partition_count(topics.inbox(domain)),
                await bus.partition_count(topics.readings(domain)),
            )
            found = await snapshots.load(bus, topics.state("zone", domain), source.partition)
            if found is not None:
                held.offset = held.saved_offset = found[0]
                held.zones = self._decode(found[1], domain)
            self._add_missing_zones(held, source.partition)
            held.books = self._book(held)
            self._partitions[source] = held
        return {source: held.offset for source, held in self._partitions.items() if held.offset}

    def _add_missing_zones(self, held: _Partition, partition: int) -> None:
        for index, zone in enumerate(self._city.zones):
            if index % held.readings_partitions == partition and (held.domain, index) in self._city.sensors_of_zone:
                held.zones.setdefault(zone.id, ZoneState())

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take the frames of a chunk; what they yield is acknowledged before the next chunk."""
        held = self._partitions.get(chunk.source)
        if held is None:
            return False
        messages: list[Message] = []
        for record in chunk.records:
            if record.offset < held.offset:
                continue
            try:
                messages += self._frame(held, record)
            except FrameError as exc:
                log.error("%s[%d]: %s; put with the dead letters", chunk.topic, chunk.partition, exc)
                messages.append(dead_letters.bad_frame(chunk, record))
            held.offset = record.offset + 1
        if messages:
            await bus.send(messages)
        if time.monotonic() >= held.save_due_at:
            await self._save(chunk.source, held, bus)
            return True
        return False

    def _frame(self, held: _Partition, record: Record) -> list[Message]:
        header = decode_header(record)
        rows = decode_rows(header, record.value) if record.value else None
        if header.zone != ALL_ZONES and header.zone not in self._city.zone_code:
            raise FrameError(f"offset {record.offset}: the city has no zone {header.zone!r}")
        zones = [header.zone] if header.zone != ALL_ZONES else list(held.zones)
        return [message for zone_id in zones for message in self._take(held, zone_id, header, rows)]

    def _take(self, held: _Partition, zone_id: str, header: FrameHeader, rows: Any) -> list[Message]:  # noqa: ANN401 - FrameRows or None
        city = self._city_for(header)
        zone = self._zone(held, zone_id)
        state = held.zones.setdefault(zone_id, ZoneState())
        before_ms = state.watermark_ms
        output = absorb(zone, state, header, rows, city)
        if len(output.touched):
            held.touched[zone_id].append(output.touched)
        passed = state.watermark_ms // WATERMARK_NEWS_MS > before_ms // WATERMARK_NEWS_MS
        return self._messages(zone, state, output, passed)

    def _zone(self, held: _Partition, zone_id: str) -> Zone:
        index = self._city.zone_code[zone_id]
        return Zone(held.domain, index, topics.inbox(held.domain), held.inbox_partitions, self._hosted[held.domain])

    def _city_for(self, header: FrameHeader) -> City:
        """Return a city that knows the frame's sensors: intake may have seen a newer file."""
        known = self._city.sensor_code
        if header.version != self._city.version and any(sensor not in known for sensor in header.sensors):
            self._city = load_city(self._folder)
            missing = [sensor for sensor in header.sensors if sensor not in self._city.sensor_code]
            if missing:
                raise CityFileError(
                    f"{self._folder / 'sensors.csv'}: sensor {missing[0]}: readings of it wait; put it back"
                )
        return self._city

    def _messages(self, zone: Zone, state: ZoneState, output: Output, passed: bool) -> list[Message]:
        messages = [dead_letters.to_message(letter) for letter in output.dead]
        zone_id = self._city.zones[zone.index].id
        if output.rows or passed:
            frame = MetricFrame(zone.domain, zone.index, Rows.concat(output.rows), state.watermark_ms)
            messages.append(Message(topics.METRICS, zone_id.encode(), encode_metrics(self._city.id, frame, zone_id), 0))
        messages += [
            Message(topics.DETECTIONS, one.entity.encode(), msgspec.json.encode(one), 0) for one in output.detections
        ]
        return messages

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Publish provisional values; save what has waited long enough."""
        await bus.send(self._live())
        saved = []
        for source, held in self._partitions.items():
            if held.offset > held.saved_offset and time.monotonic() >= held.save_due_at:
                await self._save(source, held, bus)
                saved.append(source)
        return saved

    def _live(self) -> list[Message]:
        rows: dict[str, list[Rows]] = defaultdict(list)
        for held in self._partitions.values():
            for zone_id, touched in held.touched.items():
                sensors = np.unique(np.concatenate(touched))
                rows[held.domain] += provisional(self._zone(held, zone_id), held.zones[zone_id], sensors, self._city)
            held.touched.clear()
        return [
            Message(
                topics.LIVE,
                domain.encode(),
                encode_metrics(self._city.id, MetricFrame(domain, -1, Rows.concat(found), 0)),
                0,
            )
            for domain, found in rows.items()
            if found
        ]

    async def _save(self, source: TopicPartition, held: _Partition, bus: Bus) -> None:
        state = self._encode(held)
        topic = topics.state("zone", held.domain)
        await bus.send([snapshots.to_message(topic, source.partition, held.offset, state)])
        held.saved_offset = held.offset
        held.save_due_at = time.monotonic() + snapshots.pause_s(len(state))
        held.books = self._book(held)

    def _encode(self, held: _Partition) -> bytes:
        plain = {
            zone_id: replace(
                state, processors={name: state_codec.encode(one) for name, one in state.processors.items()}
            )
            for zone_id, state in held.zones.items()
        }
        return msgspec.msgpack.encode({zone_id: state_codec.encode(state) for zone_id, state in plain.items()})

    def _decode(self, data: bytes, domain: str) -> dict[str, ZoneState]:
        types = {one.name: type(one.spec.state()) for one in self._hosted[domain]}
        zones = {}
        for zone_id, saved in msgspec.msgpack.decode(data, type=dict[str, bytes]).items():
            state = state_codec.decode(ZoneState, saved)
            known = {name: one for name, one in state.processors.items() if name in types}
            state.processors = {name: state_codec.decode(types[name], one) for name, one in known.items()}
            zones[zone_id] = state
        return zones

    def _book(self, held: _Partition) -> dict[str, Any]:
        return {"offset": held.offset, "counts": zone_counts(held.zones.values(), held.inbox_partitions)}

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters of each readings partition, as of its last snapshot."""
        return {
            f"zone:{held.domain}:{source.partition}": {
                "stage": "zone",
                "domain": held.domain,
                "partition": source.partition,
                **held.books,
            }
            for source, held in self._partitions.items()
        }
