"""The second level: processors that read the metrics of all zones, in one state with one snapshot."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker import dead_letters, topics
from streams.city.known import Cities
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import LINGER_S, RUN_FRAMES, Chunk, Message, TopicPartition
from streams.engine import failpoints
from streams.errors import FrameError, ProcessorError
from streams.health import notices
from streams.health.pulse import now_ms
from streams.health.stepping import Stepping
from streams.health.turns import Turns
from streams.health.yielded import encode_made, step
from streams.saving import aside, chains, pieces, processors, snapshots
from streams.saving import state as state_codec
from streams.saving.aside import Aside
from streams.saving.resuming import Resuming, note_death
from streams.saving.versions import check
from streams.second import rebuilding
from streams.second.state import FORM, Second, SecondV1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from streams.city.registry import City
    from streams.city.versions import Version
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, Record
    from streams.health.notices import Notice, SetAside

SECOND_LEVEL = -1
"""`MetricFrame.zone` of what this stage yields itself, and does not fold again."""

SOURCE = TopicPartition(topics.METRICS, 0)

log = logging.getLogger("citywall")


class _Processors(msgspec.Struct):
    processors: dict[str, bytes]


class SecondLevelStage:
    """Hosts the second-level processors. Invariant: their states and the offset they contain are one snapshot."""

    name = "second"
    tick_s = 0.5
    linger_s = LINGER_S
    run_records = RUN_FRAMES
    topics: tuple[str, ...] = (topics.METRICS,)

    def __init__(
        self,
        city_folder: Path,
        hosted: Sequence[Hosted],
        now_s: Callable[[], float] = time.monotonic,
        *,
        data: Path | None = None,
        part: str = "processors_second",
    ) -> None:
        self._stepping = Stepping(None if data is None else data / "pulses" / f"{part}.step")
        self._resuming = Resuming(data)
        self._turns = Turns()
        self._aside = Aside(topics.state("second"), SOURCE)
        self._now_s = now_s
        self._hosted = hosted
        self._cities = Cities(city_folder, lambda: set() if self._state is None else {self._state.version})
        self._state: Second | None = None
        self._chain = chains.Chain(topics.state("second"), 0)
        self._notices: list[Notice] = []
        self._unsent_since: dict[str, int] = {}
        """Processor → offset from which on nobody sent its detections."""
        self._saved_offset = 0
        self._save_due_at = 0.0
        self._book: dict[str, Any] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshot → next offset."""
        self._state = None
        if SOURCE not in partitions:
            return {}
        await note_death(self._stepping, lambda _: topics.state("second"), bus)
        await self._cities.begin(bus)
        found = await chains.load(bus, topics.state("second"), 0)
        self._aside = Aside(topics.state("second"), SOURCE, found.notes)
        sound = processors.sound(self._hosted)
        for failed in await self._aside.cannot_begin(bus, sound.failed, found.offset):
            raise failed
        forms = processors.forms(FORM, sound.hosted)
        self._chain = chains.Chain(topics.state("second"), 0, found.keys, forms)
        self._state = self._decode(found, sound.hosted)
        await self._cities.of(str(self._state.version), bus)
        self._saved_offset = self._state.offset
        await self._rebuild(self._state, bus)
        self._book = self._make_book(self._state)
        return {SOURCE: self._state.offset} if self._state.offset else {}

    def _decode(self, found: chains.Found, hosted: Sequence[Hosted]) -> Second:
        if found.tree is not None:
            saved = pieces.take_bytes(found.tree, "processors")
            data = pieces.joined(found.tree)
        elif found.single is not None:  # of 0.1.0: the processors' states are bytes in it
            data = found.single
            saved = state_codec.decode(_Processors, data).processors
        else:
            return Second()
        if found.forms is None:
            state = Second(**vars(state_codec.decode(SecondV1, data)))
        else:
            check(found.forms.own, FORM, f"{topics.state('second')}: the second level's state")
            state = state_codec.decode(Second, data)
        kept = processors.restored([saved], found.forms, hosted)
        self._notices = notices.begun_anew(SOURCE, kept.anew)
        self._unsent_since = {note.processor: note.offset for note in found.notes}
        self._unsent_since |= dict.fromkeys(kept.anew, found.offset)
        state.processors = kept.states[0]
        return state

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold the metrics of a chunk; what they yield is acknowledged before the next chunk."""
        state = self._state
        if state is None:
            return False
        messages: list[Message] = []
        self._turns.begin()
        for record in chunk.records:
            if record.offset >= state.offset:
                left_out = self._aside.left_out(record.offset) if self._aside else frozenset()
                try:
                    messages += await self._record(state, record, bus, left_out)
                except ProcessorError as exc:
                    await self._aside.failed(bus, exc.processor, record.offset, exc.reason, now_ms())
                    raise
                except FrameError as exc:
                    log.error("%s[0] offset %d: %s; put with the dead letters", chunk.topic, record.offset, exc)
                    messages.append(dead_letters.bad_frame(chunk, record))
            state.offset = max(state.offset, record.offset + 1)
        if messages:
            await bus.send(messages)
            failpoints.reach("second:outputs_sent")
        return bool(await self._save_when_due(bus))

    async def _record(self, state: Second, record: Record, bus: Bus, left_out: frozenset[str]) -> list[Message]:
        self._stepping.at(SOURCE, record.offset)
        await self._turns.give()
        frame = decode_metrics(record.value or b"")
        return await self._take(state, frame, await self._cities.of(frame.city_version, bus), left_out)

    async def _rebuild(self, state: Second, bus: Bus) -> None:
        mine = [one for one in self._hosted if one.name not in self._aside.left_out(state.offset)]
        ways = rebuilding.Ways(Second, self._record, self._now_s)
        await bus.send(await rebuilding.rebuild(state, mine, self._unsent_since, bus, ways))

    async def _take(
        self, state: Second, frame: MetricFrame, made: Version | None, left_out: frozenset[str]
    ) -> list[Message]:
        if frame.zone == SECOND_LEVEL:
            return []
        self._join(state, left_out)
        state.frames += 1
        state.version = max(state.version, 0 if made is None else made.number)
        if made is not None:
            frame = replace(frame, lag_ms=made.city.longest_lag_ms.get(frame.domain, 0))
        frame, city = self._placed(frame, self._cities.named(state.version))
        state.watermark_ms[frame.domain] = max(
            frame.watermark_ms, state.watermark_ms.get(frame.domain, frame.watermark_ms)
        )
        made_rows = []
        messages = []
        for hosted in self._hosted:
            if not hosted.spec.takes(frame.domain):
                continue
            if hosted.name in left_out:
                state.set_aside[hosted.name] = state.set_aside.get(hosted.name, 0) + len(frame.rows)
                continue
            taking = partial(step, hosted, state.processors[hosted.name], frame, city)
            result, detections = self._stepping.call(hosted.name, taking)
            state.processors[hosted.name] = result.state
            _count(state, hosted.name, len(frame.rows), result.dropped)
            if len(result.rows):
                whole = rebuilding.of_whole_windows(state, hosted.name, frame, result.rows)
                made_rows.append((hosted.name, whole))
            messages += detections
            await self._turns.give()
        if made_rows:
            yielded = MetricFrame(frame.domain, SECOND_LEVEL, Rows.empty(), frame.watermark_ms)
            parts = encode_made(city.id, yielded, made_rows)
            messages += [Message(topics.METRICS, frame.domain.encode(), part, 0) for part in parts]
        return messages

    def _join(self, state: Second, left_out: frozenset[str]) -> None:
        """Begin the processors that have no state; windows that have ended for some zone they cannot have whole."""
        for name in left_out:
            state.processors.pop(name, None)
        for hosted in self._hosted:
            if hosted.name not in left_out and hosted.name not in state.processors:
                state.processors[hosted.name] = self._stepping.call(hosted.name, hosted.spec.state)
                if state.watermark_ms:
                    state.joined_ms[hosted.name] = dict(state.watermark_ms)

    def _placed(self, frame: MetricFrame, version: Version) -> tuple[MetricFrame, City]:
        """Return a frame as it is in the newest city that it or another has named: its zone goes by its id."""
        zones = version.city.zones
        if not frame.zone_id:  # before zones were named
            if not 0 <= frame.zone < len(zones):
                raise FrameError(f"a frame of metrics of the zone number {frame.zone}, which the city does not have")
            return frame, version.city
        city = self._cities.with_zone(version, frame.zone_id)
        return replace(frame, zone=city.zone_code[frame.zone_id]), city

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Take in again who was asked for; save what has waited long enough."""
        if self._aside and self._state is not None:
            if await self._aside.resume(bus, self._resuming.asked(), self._state.offset):
                self._unsent_since |= {name: note.offset for name, note in self._aside.notes.items()}
                await self._rebuild(self._state, bus)
        return await self._save_when_due(bus)

    async def _save_when_due(self, bus: Bus) -> Sequence[TopicPartition]:
        state = self._state
        if state is None or state.offset == self._saved_offset or self._now_s() < self._save_due_at:
            return ()
        async with self._aside.noting(bus, self._saved_offset):
            size_bytes = await processors.save(self._chain, bus, state.offset, state, [state.processors])
        failpoints.reach("second:snapshot_written")
        self._saved_offset = state.offset
        self._save_due_at = self._now_s() + snapshots.pause_s(size_bytes)
        self._book = self._make_book(state)
        return (SOURCE,)

    def _make_book(self, state: Second) -> dict[str, Any]:
        told = {name: {"used": used, "dropped": dict(state.dropped.get(name, {}))} for name, used in state.used.items()}
        counts = {
            "frames": state.frames,
            "watermarks_ms": dict(state.watermark_ms),
            "processors": told,
            "set_aside": dict(state.set_aside),
        }
        return {"stage": "second", "domain": "all", "partition": 0, "offset": state.offset, "counts": counts}

    def notices(self) -> Sequence[Notice]:
        """Return what a person has to know of the processors."""
        return [*self._notices, *aside.notices(self.set_aside())]

    def set_aside(self) -> Sequence[SetAside]:
        """Return the processors that are set aside now."""
        return [] if self._state is None else self._aside.told(self._state.offset)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters, as of the last snapshot."""
        return {"second:all:0": self._book} if self._state is not None else {}


def _count(state: Second, name: str, rows: int, dropped: Mapping[str, int]) -> None:
    """Count what a processor did with the rows of a frame."""
    state.used[name] = state.used.get(name, 0) + rows - sum(dropped.values())
    book = state.dropped.setdefault(name, {})
    for reason, count in dropped.items():
        book[reason] = book.get(reason, 0) + int(count)
