"""`one_hop`: our transport and decoder folding straight into the job, as the peers do; exact state on Kafka."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streams import snapshots
from streams import state as state_codec
from streams.engine.stage import Message, TopicPartition
from tests.bench.job import FREE_FLOW_KM_H, LATE_MS, MINUTE_MS, SEGMENTS
from tests.bench.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.engine.stage import Bus, Chunk
    from tests.bench.place import Place

READINGS = 1_000_000
PROCESSES = ("one_hop",)
TOPIC = "bench.results"
INBOX = "city.inbox.v1.traffic"
STATE = "city.state.v1.intake.traffic"


@dataclass
class Minutes:
    """The open minutes of one partition: start → (3, SEGMENTS) sums of flow, flow / speed and count."""

    open: dict[int, Any] = field(default_factory=dict)
    newest_ms: int = 0
    offset: int = 0


class OneHop:
    """Folds JSON straight into minutes; a snapshot after each chunk holds the sums and the offset they contain."""

    name = "one_hop"
    topics: tuple[str, ...] = (INBOX,)
    tick_s = 1.0

    def __init__(self) -> None:
        from streams.schema import load_schemas

        self._schema = load_schemas()["traffic"]
        self._states: dict[TopicPartition, Minutes] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the snapshots."""
        self._states = {one: Minutes() for one in partitions}
        for one in partitions:
            found = await snapshots.load(bus, STATE, one.partition)
            if found is not None:
                self._states[one] = state_codec.decode(Minutes, found[1])
        return {one: state.offset for one, state in self._states.items() if state.offset}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold a chunk, send the minutes that are complete, save."""
        state = self._states[chunk.source]
        decode = self._schema.decode_one
        rows = [decode(record.value or b"") for record in chunk.records if record.offset >= state.offset]
        if rows:
            self._fold(state, rows)
        state.offset = max(state.offset, chunk.records[-1].offset + 1)
        await bus.send(Message(TOPIC, b"", value) for value in self._close(state))
        await bus.send([snapshots.to_message(STATE, chunk.partition, state.offset, state_codec.encode(state))])
        return True

    def _fold(self, state: Minutes, rows: Sequence[Any]) -> None:
        at_ms = np.array([row.at for row in rows])
        segment = np.array([int(row.sensor[1:]) for row in rows])
        flow = np.array([row.flow_veh_h for row in rows], np.float64)
        speed = np.maximum(np.array([row.speed_km_h for row in rows], np.float64), 5.0)
        minute = at_ms // MINUTE_MS * MINUTE_MS
        for start in np.unique(minute).tolist():
            mine = minute == start
            sums = state.open.setdefault(start, np.zeros((3, SEGMENTS)))
            for index, weight in enumerate((flow, flow / speed, None)):
                sums[index] += np.bincount(segment[mine], None if weight is None else weight[mine], SEGMENTS)
        state.newest_ms = max(state.newest_ms, int(at_ms.max()))

    def _close(self, state: Minutes) -> Iterator[bytes]:
        complete = [start for start in state.open if start + MINUTE_MS <= state.newest_ms - LATE_MS]
        for start in sorted(complete):
            flow, flow_by_speed, count = state.open.pop(start)
            yield from _results(start, flow, flow_by_speed, count)

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Nothing waits."""
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """No books."""
        return {}


def _results(start: int, flow: NDArray[Any], flow_by_speed: NDArray[Any], count: NDArray[Any]) -> Iterator[bytes]:
    for segment in np.flatnonzero(count).tolist():
        tti = max(FREE_FLOW_KM_H * flow_by_speed[segment] / flow[segment], 1.0)
        yield json.dumps({"segment": segment, "at_ms": start, "tti": tti, "count": int(count[segment])}).encode()


def main(process: str, place: Place) -> None:
    """Run it."""
    from streams.engine.run import run_stage

    run_stage(Watched(OneHop(), process, place), place.bootstrap, place.folder)


def results(value: bytes) -> Iterator[tuple[int, int, float, int]]:
    """Read one result."""
    found = json.loads(value)
    yield found["segment"], found["at_ms"], found["tti"], found["count"]
