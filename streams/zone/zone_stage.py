"""The zone stage: every readings partition with its zones, their processors and one snapshot of it all."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.accounts import ledger, zone_books
from streams.broker import dead_letters, topics
from streams.city.known import Cities
from streams.contract.frames import ALL_ZONES, decode_header, decode_rows
from streams.contract.metric_frames import MADE_FROM, encode_metrics
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import LINGER_S, Chunk, Message, TopicPartition
from streams.domains.schema import load_schemas
from streams.engine import failpoints
from streams.errors import FrameError, ProcessorError
from streams.health import notices
from streams.health.pulse import now_ms
from streams.health.stepping import Stepping
from streams.saving import aside, chains, snapshots
from streams.saving.aside import Aside
from streams.saving.resuming import Resuming, note_death
from streams.zone import dedup, rebuilding, restoring
from streams.zone.absorb import Later, Output, Place, absorb, provisional
from streams.zone.partition import Partition
from streams.zone.placing import Placing, Touched
from streams.zone.state import ZoneState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streams.city.versions import Version
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, Record
    from streams.health.notices import Notice, SetAside

WATERMARK_NEWS_MS = 60_000
"""A watermark that moved alone is published when it passes a multiple of this, the second level's shortest window."""

LIVE_EVERY_S = 0.1
"""Provisional values are sent no more often: a screen shows no more."""

LIVE_PAUSE_FACTOR = 20
"""Provisional values that took so long rest so many times longer: in a backlog the final ones are close behind."""

log = logging.getLogger("citywall")


class ZoneStage:
    """Hosts the first-level processors. Invariant: what a snapshot contains has been yielded and acknowledged."""

    name = "zone"
    tick_s = 0.25
    follow_s = 0.04  # what intake sends in two goes comes with two fetches here, no further apart
    linger_s = 0.4 * LINGER_S  # intake's frames come in company: what one chunk of it yields, then the next

    def __init__(
        self,
        city_folder: Path,
        hosted: Sequence[Hosted],
        *,
        kernel: bool = False,
        data: Path | None = None,
        part: str = "processors",
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        domains = load_schemas()
        self._judge = dedup.compiled_judge() if kernel else dedup.judge
        self.topics = tuple(topics.readings(domain) for domain in domains)
        self._domain = {topics.readings(domain): domain for domain in domains}
        self._hosted = {domain: [one for one in hosted if one.spec.takes(domain)] for domain in domains}
        self._now_s = now_s
        self._cities = Cities(city_folder)
        self._live_due_at = 0.0
        self._partitions: dict[TopicPartition, Partition] = {}
        self._notices: list[Notice] = []
        self._stepping = Stepping(None if data is None else data / "pulses" / f"{part}.step")
        self._resuming = Resuming(data)

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshots of these partitions → next offsets."""
        await rebuilding.stop(self._partitions.values())
        self._partitions, self._notices = {}, []
        await note_death(self._stepping, self._state_topic, bus)
        await self._cities.begin(bus)
        for source in partitions:
            domain = self._domain[source.topic]
            topic = self._state_topic(source.topic)
            found = await chains.load(bus, topic, source.partition)
            zones, anew = restoring.restored(found, self._hosted[domain], topic)
            self._notices += notices.begun_anew(source, anew)
            inbox_partitions = await bus.partition_count(topics.inbox(domain))
            held = Partition(
                domain,
                source.partition,
                inbox_partitions,
                await bus.partition_count(topics.readings(domain)),
                Placing(domain, inbox_partitions, self._hosted[domain], (self._judge, self._stepping)),
                chains.Chain(topic, source.partition, found.keys, restoring.forms(self._hosted[domain])),
                zones,
                found.offset,
                found.offset,
                unsent_since={
                    **{one.processor: one.offset for one in found.notes},
                    **dict.fromkeys(anew, found.offset),
                },
                aside=Aside(topic, source, found.notes),
            )
            for version in {state.version for state in held.zones.values()}:
                await self._cities.of(str(version), bus)
            self._add_missing_zones(held, self._cities.newest)
            self._partitions[source] = held
            held.books = zone_books.book(held, self._hosted[domain], self._cities.limit_ms(domain))
            rebuilding.begin(source, held, self._hosted[domain])
        await self._rebuild(bus, rebuilding.START_S)
        return {source: held.offset for source, held in self._partitions.items() if held.offset}

    async def _rebuild(self, bus: Bus, budget_s: float) -> None:
        ways = rebuilding.Ways(self._record, self._now_s)
        await bus.send(await rebuilding.go_on(self._partitions.values(), bus, ways, budget_s))

    def _state_topic(self, topic: str) -> str:
        return topics.state("zone", self._domain[topic])

    def _add_missing_zones(self, held: Partition, version: Version) -> None:
        if version.number <= held.version:
            return
        held.version = version.number
        for zone in version.city.zones_awaited.get(held.domain, ()):
            if version.partition(held.domain, zone, held.readings_partitions) == held.partition:
                held.zones.setdefault(zone, ZoneState())

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take the frames of a chunk; what they yield is acknowledged before the next chunk."""
        held = self._partitions.get(chunk.source)
        if held is None:
            return False
        messages: list[Message] = []
        for record in chunk.records:
            if record.offset < held.offset:
                continue
            if held.aside:
                held.leave_out(held.aside.left_out(record.offset), self._hosted[held.domain])
            try:
                messages += await self._record(held, chunk.source, record, bus)
            except ProcessorError as exc:
                await held.aside.failed(bus, exc.processor, record.offset, exc.reason, now_ms())
                raise
            except FrameError as exc:
                log.error("%s[%d]: %s; put with the dead letters", chunk.topic, chunk.partition, exc)
                messages.append(dead_letters.bad_frame(chunk, record))
            held.offset = record.offset + 1
        if messages:
            await bus.send(messages)
            failpoints.reach("zone:outputs_sent")
        if self._now_s() >= held.save_due_at:
            await self._save(held, bus)
            return True
        return False

    async def _record(self, held: Partition, source: TopicPartition, record: Record, bus: Bus) -> list[Message]:
        self._stepping.at(source, record.offset)
        header = decode_header(record)
        return self._frame(held, header, await self._cities.of(header.version, bus), record)

    def _frame(self, held: Partition, header: FrameHeader, made: Version | None, record: Record) -> list[Message]:
        rows = decode_rows(header, record.value) if record.value else None
        if rows is not None and header.zone == ALL_ZONES:
            raise FrameError(f"offset {record.offset}: a frame of rows names no zone")
        if made is not None:
            self._add_missing_zones(held, made)
        elif header.zone not in held.zones and not self._cities.ever_had(held.domain, header.zone):
            raise FrameError(f"offset {record.offset}: no version of the city has a zone {header.zone!r}")
        zones = [header.zone] if header.zone != ALL_ZONES else list(held.zones)
        messages = [message for zone_id in zones for message in self._take(held, zone_id, header, made, rows)]
        for index in reversed(range(len(messages))):
            if messages[index].topic == topics.METRICS:
                held.zones[messages[index].key.decode()].emitted = record.offset + 1
                source = (MADE_FROM, b"%d:%d" % (held.partition, record.offset + 1))
                messages[index] = replace(messages[index], headers=(source,))
                break
        return messages

    def _take(
        self, held: Partition, zone_id: str, header: FrameHeader, made: Version | None, rows: FrameRows | None
    ) -> list[Message]:
        state = held.zones.get(zone_id)
        if state is None:
            state = held.zones[zone_id] = ZoneState()
        state.version = max(state.version, 0 if made is None else made.number)
        newest = self._cities.named(state.version)
        ours = held.placing.of(zone_id, self._cities.with_zone(newest, zone_id), len(held.zones))
        city = ours.city if rows is None else self._cities.reading(made, header, held.domain)
        its = ours if city is ours.city else held.placing.of(zone_id, city, len(held.zones))
        before_ms = state.watermark_ms
        later = held.placing.later(zone_id, ours, before_ms, len(held.zones))
        output = absorb(its.task, state, header, rows, its.city, later or (() if its is ours else (Later(ours),)))
        if len(output.touched):
            self._touch(held, zone_id, ours, output.touched)
        passed = state.watermark_ms // WATERMARK_NEWS_MS > before_ms // WATERMARK_NEWS_MS
        return self._messages(ours, zone_id, state, output, passed)

    def _touch(self, held: Partition, zone_id: str, place: Place, sensors: NDArray[np.int32]) -> None:
        touched = held.touched.get(zone_id)
        if touched is None or touched.place is not place:  # provisional values of an older city are not waited for
            touched = held.touched[zone_id] = Touched(place, [])
        touched.sensors.append(sensors)

    def _messages(self, place: Place, zone_id: str, state: ZoneState, output: Output, passed: bool) -> list[Message]:
        messages = [dead_letters.to_message(letter) for letter in output.dead]
        if output.rows or passed:
            task, city = place
            made = Rows.concat(output.rows)
            frame = MetricFrame(task.domain, task.index, made, state.watermark_ms, sums=task.sums)
            value = encode_metrics(city.id, frame, zone_id, city.version)
            messages.append(Message(topics.METRICS, zone_id.encode(), value, 0))
        messages += [
            Message(topics.DETECTIONS, one.entity.encode(), msgspec.json.encode(one), 0) for one in output.detections
        ]
        return messages

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Publish provisional values, unless they would take much of the time; save what has waited long enough."""
        begun_s = self._now_s()
        if begun_s >= self._live_due_at:
            live = self._live()
            self._live_due_at = begun_s + max(LIVE_EVERY_S, LIVE_PAUSE_FACTOR * (self._now_s() - begun_s))
            await bus.send(live)
        asked = self._resuming.asked() if any(one.aside for one in self._partitions.values()) else {}
        saved = []
        for source, held in self._partitions.items():
            if asked and await held.aside.resume(bus, asked, held.offset):
                held.resumed(self._hosted[held.domain])
                rebuilding.begin(source, held, self._hosted[held.domain])
        await self._rebuild(bus, rebuilding.TURN_S)
        for source, held in self._partitions.items():
            if held.offset > held.saved_offset and self._now_s() >= held.save_due_at:
                await self._save(held, bus)
                saved.append(source)
        return saved

    def _live(self) -> list[Message]:
        rows: dict[str, list[Rows]] = defaultdict(list)
        for held in self._partitions.values():
            for zone_id, (place, touched) in held.touched.items():
                sensors = np.unique(np.concatenate(touched))
                rows[held.domain] += provisional(place.task, held.zones[zone_id], sensors, place.city)
            held.touched.clear()
        return [
            Message(
                topics.LIVE,
                domain.encode(),
                encode_metrics(self._cities.newest.city.id, MetricFrame(domain, -1, Rows.concat(found), 0)),
                0,
            )
            for domain, found in rows.items()
            if found
        ]

    async def _save(self, held: Partition, bus: Bus) -> None:
        done = zone_books.settled(held.zones.values(), self._hosted[held.domain], self._cities.limit_ms(held.domain))
        await bus.send(
            ledger.to_message("zone", held.domain, held.partition, start_ms, hour) for start_ms, hour in done.items()
        )
        size_bytes = await held.chain.save(bus, held.offset, held.zones)
        failpoints.reach("zone:snapshot_written")
        held.saved_offset = held.offset
        held.save_due_at = self._now_s() + snapshots.pause_s(size_bytes)
        held.books = zone_books.book(held, self._hosted[held.domain], self._cities.limit_ms(held.domain))

    def notices(self) -> Sequence[Notice]:
        """Return what a person has to know of the processors."""
        return [*self._notices, *rebuilding.notices(self._partitions.values()), *aside.notices(self.set_aside())]

    def set_aside(self) -> Sequence[SetAside]:
        """Return the processors that are set aside now."""
        return [one for held in self._partitions.values() for one in held.aside.told(held.offset)]

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters of each readings partition, as of its last snapshot."""
        return {f"zone:{held.domain}:{held.partition}": held.books for held in self._partitions.values()}
