"""The second level: processors that read the metrics of all zones, in one state with one snapshot."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker import dead_letters, topics
from streams.city.known import Cities
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import LINGER_S, Chunk, Message, TopicPartition
from streams.engine import failpoints
from streams.errors import FrameError
from streams.saving import chains, pieces, snapshots
from streams.saving import state as state_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from streams.city.registry import City
    from streams.city.versions import Version
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus

SECOND_LEVEL = -1
"""`MetricFrame.zone` of what this stage yields itself, and does not fold again."""

SOURCE = TopicPartition(topics.METRICS, 0)

log = logging.getLogger("citywall")


@dataclass
class _Second:
    offset: int = 0
    frames: int = 0
    version: int = 0
    """Highest version of the city among the frames absorbed: it says which zones are waited for."""
    watermark_ms: dict[str, int] = field(default_factory=dict)
    """Domain → newest watermark seen of any of its zones."""
    processors: dict[str, Any] = field(default_factory=dict)
    """Processor → its state."""


class SecondLevelStage:
    """Hosts the second-level processors. Invariant: their states and the offset they contain are one snapshot."""

    name = "second"
    tick_s = 0.5
    linger_s = LINGER_S
    topics: tuple[str, ...] = (topics.METRICS,)

    def __init__(
        self, city_folder: Path, hosted: Sequence[Hosted], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_s = now_s
        self._hosted = hosted
        self._cities = Cities(city_folder)
        self._state: _Second | None = None
        self._chain = chains.Chain(topics.state("second"), 0)
        self._saved_offset = 0
        self._save_due_at = 0.0
        self._book: dict[str, Any] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshot → next offset."""
        self._state = None
        if SOURCE not in partitions:
            return {}
        await self._cities.begin(bus)
        found = await chains.load(bus, topics.state("second"), 0)
        self._chain = chains.Chain(topics.state("second"), 0, found.keys)
        self._state = _Second() if found.tree is None else self._decode(found.tree)
        await self._cities.of(str(self._state.version), bus)
        self._saved_offset = self._state.offset
        self._book = self._make_book(self._state)
        return {SOURCE: self._state.offset} if self._state.offset else {}

    def _decode(self, tree: pieces.Tree) -> _Second:
        types = {one.name: type(one.spec.state()) for one in self._hosted}
        processors = pieces.take_states(tree, "processors", types)
        state = state_codec.decode(_Second, pieces.joined(tree))
        state.processors = processors
        return state

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold the metrics of a chunk; what they yield is acknowledged before the next chunk."""
        state = self._state
        if state is None:
            return False
        messages: list[Message] = []
        for record in chunk.records:
            if record.offset >= state.offset:
                try:
                    frame = decode_metrics(record.value or b"")
                    messages += self._take(state, frame, await self._cities.of(frame.city_version, bus))
                except FrameError as exc:
                    log.error("%s[0] offset %d: %s; put with the dead letters", chunk.topic, record.offset, exc)
                    messages.append(dead_letters.bad_frame(chunk, record))
            state.offset = max(state.offset, record.offset + 1)
        if messages:
            await bus.send(messages)
            failpoints.reach("second:outputs_sent")
        return bool(await self._save_when_due(bus))

    def _take(self, state: _Second, frame: MetricFrame, made: Version | None) -> list[Message]:
        if frame.zone == SECOND_LEVEL:
            return []
        state.frames += 1
        state.version = max(state.version, 0 if made is None else made.number)
        frame, city = self._placed(frame, self._cities.named(state.version))
        state.watermark_ms[frame.domain] = max(
            frame.watermark_ms, state.watermark_ms.get(frame.domain, frame.watermark_ms)
        )
        rows = []
        messages = []
        for hosted in self._hosted:
            if not hosted.spec.takes(frame.domain):
                continue
            before = state.processors.get(hosted.name)
            result = hosted.spec.step(hosted.spec.state() if before is None else before, frame, city, hosted.config)
            state.processors[hosted.name] = result.state
            if len(result.rows):
                rows.append(result.rows)
            messages += [
                Message(topics.DETECTIONS, one.entity.encode(), msgspec.json.encode(one), 0)
                for one in result.detections
            ]
        if rows:
            yielded = MetricFrame(frame.domain, SECOND_LEVEL, Rows.concat(rows), frame.watermark_ms)
            messages.append(Message(topics.METRICS, frame.domain.encode(), encode_metrics(city.id, yielded), 0))
        return messages

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
        """Save what has waited long enough."""
        return await self._save_when_due(bus)

    async def _save_when_due(self, bus: Bus) -> Sequence[TopicPartition]:
        state = self._state
        if state is None or state.offset == self._saved_offset or self._now_s() < self._save_due_at:
            return ()
        size_bytes = await self._chain.save(bus, state.offset, state)
        failpoints.reach("second:snapshot_written")
        self._saved_offset = state.offset
        self._save_due_at = self._now_s() + snapshots.pause_s(size_bytes)
        self._book = self._make_book(state)
        return (SOURCE,)

    def _make_book(self, state: _Second) -> dict[str, Any]:
        counts = {"frames": state.frames, "watermark_ms": dict(state.watermark_ms)}
        return {"stage": "second", "domain": "all", "partition": 0, "offset": state.offset, "counts": counts}

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters, as of the last snapshot."""
        return {"second:all:0": self._book} if self._state is not None else {}
