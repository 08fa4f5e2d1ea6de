"""The zone stage: every readings partition with its zones, their processors and one snapshot of it all."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.accounts import ledger, zone_books
from streams.broker import dead_letters, topics
from streams.city.known import Cities
from streams.contract.frames import ALL_ZONES, decode_header, decode_rows
from streams.contract.metric_frames import MADE_FROM
from streams.contract.stage import LINGER_S, RUN_FRAMES, Chunk, Message, TopicPartition
from streams.domains.schema import load_schemas
from streams.engine import failpoints
from streams.errors import FrameError, ProcessorError
from streams.health import notices
from streams.health.pulse import now_ms
from streams.health.stepping import Stepping
from streams.health.turns import Turns
from streams.saving import aside, chains, processors, snapshots
from streams.saving.aside import Aside
from streams.saving.resuming import Resuming, note_death
from streams.zone import dedup, outgoing, rebuilding, restoring
from streams.zone.absorb import Later, absorb, provisional
from streams.zone.partition import Partition
from streams.zone.placing import Placing
from streams.zone.shadow import Ways
from streams.zone.state import ZoneState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from streams.city.versions import Version
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.contract.records import Rows
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, Record
    from streams.health.notices import Notice, SetAside
    from streams.zone.absorb import Read

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
    run_records = RUN_FRAMES
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
        self._cities = Cities(city_folder, self._versions)
        self._live_due_at = 0.0
        self._partitions: dict[TopicPartition, Partition] = {}
        self._notices: list[Notice] = []
        self._stepping = Stepping(None if data is None else data / "pulses" / f"{part}.step")
        self._resuming = Resuming(data)
        self._turns = Turns()

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshots of these partitions → next offsets."""
        await rebuilding.stop(self._partitions.values())
        self._partitions, self._notices = {}, []
        await note_death(self._stepping, self._state_topic, bus)
        await self._cities.begin(bus)
        failed: list[ProcessorError] = []
        for source in partitions:
            failed += await self._take_up(source, bus)
        if failed:  # in all partitions at once: it is the same in each
            raise failed[0]
        await self._rebuild(bus, rebuilding.START_S)
        return {source: held.offset for source, held in self._partitions.items() if held.offset}

    async def _take_up(self, source: TopicPartition, bus: Bus) -> list[ProcessorError]:
        """Go on with a partition's saved state → failures of processors that make none."""
        domain, topic = self._domain[source.topic], self._state_topic(source.topic)
        hosted = self._hosted[domain]
        found = await chains.load(bus, topic, source.partition)
        noted = Aside(topic, source, found.notes)
        sound = processors.sound(hosted)
        failed = await noted.cannot_begin(bus, sound.failed, found.offset)
        zones, anew = restoring.restored(found, sound.hosted, topic)
        self._notices += notices.begun_anew(source, anew)
        inbox_partitions = await bus.partition_count(topics.inbox(domain))
        self._partitions[source] = held = Partition(
            domain,
            source.partition,
            inbox_partitions,
            await bus.partition_count(topics.readings(domain)),
            Placing(domain, inbox_partitions, hosted, (self._judge, self._stepping)),
            chains.Chain(topic, source.partition, found.keys, restoring.forms(sound.hosted)),
            zones,
            found.offset,
            found.offset,
            found.offset,
            unsent_since=rebuilding.unsent_since(found, anew),
            aside=noted,
        )
        for version in {state.version for state in held.zones.values()}:
            await self._cities.of(str(version), bus)
        self._add_missing_zones(held, self._cities.newest)
        held.leave_out(noted.left_out(found.offset), hosted)
        try:
            async with noted.noting(bus, found.offset):
                held.books = zone_books.book(held, hosted, self._cities.limit_ms(domain))
        except ProcessorError as exc:
            failed.append(exc)
        await rebuilding.begin(source, held, hosted)
        return failed

    def _versions(self) -> set[int]:
        """Return the versions by which its zones close their windows."""
        return {state.version for held in self._partitions.values() for state in held.zones.values()}

    async def _rebuild(self, bus: Bus, budget_s: float) -> None:
        ways = Ways(self._record, self._now_s)
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
        self._turns.begin()
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
        return await self._frame(held, header, await self._cities.of(header.version, bus), record)

    async def _frame(self, held: Partition, header: FrameHeader, made: Version | None, record: Record) -> list[Message]:
        rows = decode_rows(header, record.value) if record.value else None
        if rows is not None and header.zone == ALL_ZONES:
            raise FrameError(f"offset {record.offset}: a frame of rows names no zone")
        if made is not None:
            self._add_missing_zones(held, made)
        elif header.zone not in held.zones and not self._cities.ever_had(held.domain, header.zone):
            raise FrameError(f"offset {record.offset}: no version of the city has a zone {header.zone!r}")
        zones = [header.zone] if header.zone != ALL_ZONES else list(held.zones)
        messages = [message for zone_id in zones for message in await self._take(held, zone_id, header, made, rows)]
        for index in reversed(range(len(messages))):
            if messages[index].topic == topics.METRICS:
                held.zones[messages[index].key.decode()].emitted = record.offset + 1
                source = (MADE_FROM, b"%d:%d" % (held.partition, record.offset + 1))
                messages[index] = replace(messages[index], headers=(source,))
                break
        return messages

    async def _take(
        self, held: Partition, zone_id: str, header: FrameHeader, made: Version | None, rows: FrameRows | None
    ) -> list[Message]:
        await self._turns.give()
        state = held.zones.get(zone_id)
        if state is None:
            state = held.zones[zone_id] = ZoneState()
        state.version = max(state.version, 0 if made is None else made.number)
        newest = self._cities.named(state.version)
        ours = held.placing.of(zone_id, self._cities.with_zone(newest, zone_id), len(held.zones))
        reads: Sequence[Read] = ()
        if rows is not None:
            city = self._cities.reading(made, header, held.domain)
            reads = held.placing.reads(city, header, rows, len(held.zones))
        before_ms = state.watermark_ms
        later = held.placing.later(zone_id, ours, before_ms, len(held.zones))
        if not later and any(one.place.city is not ours.city for one in reads):
            later = (Later(ours),)
        for so_far in absorb(ours, state, header, reads, later):
            output = so_far
            await self._turns.give()
        for place, sensors in output.touched if made is newest else ():
            held.touch(zone_id, place, sensors)
        return outgoing.messages(ours, zone_id, state, output, before_ms)

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Publish provisional values, unless they would take much of the time; save what has waited long enough."""
        begun_s = self._now_s()
        if begun_s >= self._live_due_at:
            live = await self._live()
            self._live_due_at = begun_s + max(LIVE_EVERY_S, LIVE_PAUSE_FACTOR * (self._now_s() - begun_s))
            await bus.send(live)
        asked = self._resuming.asked() if any(one.aside for one in self._partitions.values()) else {}
        saved = []
        for source, held in self._partitions.items():
            if asked and await held.aside.resume(bus, asked, held.offset):
                held.resumed(self._hosted[held.domain])
                await rebuilding.begin(source, held, self._hosted[held.domain])
        await self._rebuild(bus, rebuilding.TURN_S)
        for source, held in self._partitions.items():
            if held.offset > held.saved_offset and self._now_s() >= held.save_due_at:
                await self._save(held, bus)
                saved.append(source)
        return saved

    async def _live(self) -> list[Message]:
        rows: dict[str, list[tuple[str, Rows]]] = defaultdict(list)
        self._turns.begin()
        for held in self._partitions.values():
            for zone_id, place, touched in [(zone_id, *one) for zone_id, of in held.touched.items() for one in of]:
                await self._turns.give()
                sensors = np.unique(np.concatenate(touched))
                rows[held.domain] += provisional(place.task, held.zones[zone_id], sensors, place.city)
            held.touched.clear()
        made = {domain: found for domain, found in rows.items() if found}
        return outgoing.live(self._cities.newest.city.id, made, self._stepping)

    async def _save(self, held: Partition, bus: Bus) -> None:
        hosted, zones, limit_ms = self._hosted[held.domain], held.zones.values(), self._cities.limit_ms(held.domain)
        async with held.aside.noting(bus, held.state_offset):
            done = zone_books.settled(zones, hosted, limit_ms)
            books = zone_books.book(held, hosted, limit_ms)
            await bus.send(
                ledger.to_message("zone", held.domain, held.partition, start_ms, hour)
                for start_ms, hour in done.items()
            )
            states = [state.processors for state in zones]
            size_bytes = await processors.save(held.chain, bus, held.offset, held.zones, states)
        failpoints.reach("zone:snapshot_written")
        held.saved_offset = held.state_offset = held.offset
        held.save_due_at = self._now_s() + snapshots.pause_s(size_bytes)
        held.books = books

    def notices(self) -> Sequence[Notice]:
        """Return what a person has to know of the processors."""
        return [*self._notices, *rebuilding.notices(self._partitions.values()), *aside.notices(self.set_aside())]

    def set_aside(self) -> Sequence[SetAside]:
        """Return the processors that are set aside now."""
        return [one for held in self._partitions.values() for one in held.aside.told(held.offset)]

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters of each readings partition, as of its last snapshot."""
        return {f"zone:{held.domain}:{held.partition}": held.books for held in self._partitions.values()}
