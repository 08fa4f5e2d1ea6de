"""The pulse of a hosted stage: how far behind each partition is, once a second, to a file and to the books topic."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.engine.stage import Chunk, TopicPartition

RATE_OVER_S = 5.0


def now_ms() -> int:
    """Return the wall clock, epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass
class _Partition:
    absorbed: int
    """Next offset to absorb."""
    end: int
    behind_since_ms: int | None = None
    """Sending time of the oldest record not absorbed, None = all are."""


class Pulse:
    """What the run loop saw of each partition."""

    def __init__(self, part: str, group: str, data: Path) -> None:
        self.part = part
        self.partitions: dict[TopicPartition, _Partition] = {}
        self._group = group
        self._file = data / "pulses" / f"{part}.json"
        self._records = 0
        self._history: deque[tuple[float, int]] = deque()

    def assigned(self, partitions: Sequence[TopicPartition], positions: Mapping[TopicPartition, int]) -> None:
        """Follow these partitions and no others."""
        self.partitions = {one: _Partition(positions.get(one, 0), positions.get(one, 0)) for one in partitions}

    def received(self, chunk: Chunk) -> None:
        """Note a chunk that is being worked on."""
        state = self.partitions.setdefault(chunk.source, _Partition(chunk.records[0].offset, chunk.end_offset))
        state.end = max(state.end, chunk.end_offset)
        state.behind_since_ms = chunk.records[0].timestamp

    def absorbed(self, chunk: Chunk) -> None:
        """Note that a chunk has been taken."""
        state = self.partitions[chunk.source]
        state.absorbed = max(state.absorbed, chunk.records[-1].offset + 1)
        state.behind_since_ms = chunk.records[-1].timestamp if state.absorbed < state.end else None
        self._records += len(chunk.records)

    def beat(self, ends: Mapping[TopicPartition, int | None]) -> dict[str, Any]:
        """Return the pulse and write it to its file; `ends` are the partitions' ends as last fetched."""
        at_ms = now_ms()
        rows = []
        for partition, state in sorted(self.partitions.items()):
            end = ends.get(partition)
            state.end = max(state.end, end if end is not None else 0)
            lag_records = max(state.end - state.absorbed, 0)
            if lag_records == 0:
                state.behind_since_ms = None
            elif state.behind_since_ms is None:
                state.behind_since_ms = at_ms
            lag_s = 0.0 if state.behind_since_ms is None else max(at_ms - state.behind_since_ms, 0) / 1000
            rows.append(
                {
                    "topic": partition.topic,
                    "partition": partition.partition,
                    "group": self._group,
                    "absorbed": state.absorbed,
                    "end": state.end,
                    "lag_records": lag_records,
                    "lag_s": round(lag_s, 3),
                }
            )
        pulse = {
            "part": self.part,
            "pid": os.getpid(),
            "at_ms": at_ms,
            "partitions": rows,
            "rates": {"in_per_s": self._rate()},
        }
        self._write(pulse)
        return pulse

    def _rate(self) -> float:
        now = time.monotonic()
        self._history.append((now, self._records))
        while len(self._history) > 2 and now - self._history[0][0] > RATE_OVER_S:  # noqa: PLR2004 - a rate needs two points
            self._history.popleft()
        first_at, first = self._history[0]
        return round((self._records - first) / (now - first_at), 1) if now > first_at else 0.0

    def _write(self, pulse: dict[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_bytes(msgspec.json.encode(pulse))
        draft.replace(self._file)
