"""The pulse of a hosted stage: how far behind each partition is, once a second, to a file and to the books topic."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from streams.health.advance import LIMIT_S, Place
from streams.health.counters import Counters, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.contract.stage import Chunk, TopicPartition
    from streams.health.notices import Notice, Tells

RATE_OVER_S = 5.0
OLD_S = 10.0
"""An older pulse tells nothing of its part any more."""
PULSE = "pulse:"
"""How the keys of pulses on `city.books.v1` begin; the part follows."""

log = logging.getLogger("citywall")


def now_ms() -> int:
    """Return the wall clock, epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass
class PartitionState:
    """How far one partition is read."""

    absorbed: int
    """Next offset to absorb."""
    end: int
    absorbed_at_ms: int | None = None
    """Timestamp of the record before that one, None = this process has not read it."""
    behind_since_ms: int | None = None
    """Sending time of the oldest record not absorbed, None = all are, or nothing was fetched yet."""
    age_known: bool = False
    """Nothing was left once, or something was fetched: what is left came later, or is of that time."""
    unsaved_since_ms: int | None = None
    """When the oldest record was absorbed that is not durable yet, None = all are."""

    @property
    def lag_records(self) -> int:
        """How many records are left to absorb."""
        return max(self.end - self.absorbed, 0)

    def told(self, at_ms: int) -> dict[str, Any]:
        """Return it as the pulse tells it."""
        return {
            "absorbed": self.absorbed,
            "absorbed_at_ms": self.absorbed_at_ms,
            "end": self.end,
            "lag_records": self.lag_records,
            "lag_s": _since_s(self.behind_since_ms, at_ms) if self.age_known else None,
            "unsaved_s": _since_s(self.unsaved_since_ms, at_ms),
        }


class Pulse:
    """What the run loop saw of each partition."""

    def __init__(
        self,
        part: str,
        group: str,
        data: Path,
        topics: Sequence[str] = (),
        limit_s: float = LIMIT_S,
        traffic: Traffic | None = None,
    ) -> None:
        self.part = part
        self.counters = Counters(traffic)
        self.partitions: dict[TopicPartition, PartitionState] = {}
        self._group = group
        self._topics = list(topics)
        self._limit_s = limit_s
        self._file = data / "pulses" / f"{part}.json"
        self._written = True
        self._records = 0
        self._history: deque[tuple[float, int]] = deque()

    def assigned(self, partitions: Sequence[TopicPartition], positions: Mapping[TopicPartition, int]) -> None:
        """Follow these partitions and no others."""
        before, self.partitions = self.partitions, {}
        for one in partitions:
            absorbed, known = positions.get(one, 0), before.get(one)
            at_ms = known.absorbed_at_ms if known is not None and known.absorbed == absorbed else None
            self.partitions[one] = PartitionState(absorbed, absorbed, at_ms)

    def received(self, chunk: Chunk) -> None:
        """Note a chunk that is being worked on."""
        state = self.partitions.setdefault(chunk.source, PartitionState(chunk.records[0].offset, chunk.end_offset))
        state.end = max(state.end, chunk.end_offset)
        state.behind_since_ms, state.age_known = chunk.records[0].timestamp, True

    def absorbed(self, chunk: Chunk, took_s: float = 0.0) -> None:
        """Note that a chunk has been taken, and how long that took."""
        state = self.partitions[chunk.source]
        last = chunk.records[-1]
        if last.offset >= state.absorbed:
            state.absorbed, state.absorbed_at_ms = last.offset + 1, last.timestamp
        state.behind_since_ms = last.timestamp if state.absorbed < state.end else None
        if state.unsaved_since_ms is None:
            state.unsaved_since_ms = now_ms()
        self._records += len(chunk.records)
        self.counters.absorbed(chunk, took_s)

    def settled(self, partition: TopicPartition) -> None:
        """Note that all that was taken from a partition is durable."""
        state = self.partitions.get(partition)
        if state is not None and state.unsaved_since_ms is not None:
            state.unsaved_since_ms = None
            self.counters.snapshots += 1

    def reached(self, partition: TopicPartition, position: int) -> None:
        """Note that nothing is left below an offset: what stood there was removed, or is no record."""
        state = self.partitions[partition]
        state.absorbed = max(state.absorbed, position)

    def places(self) -> dict[TopicPartition, Place]:
        """Return where every partition stands."""
        return {partition: Place(state.absorbed, state.end) for partition, state in self.partitions.items()}

    def beat(
        self,
        ends: Mapping[TopicPartition, int | None],
        waits: str | None = None,
        tells: Tells | None = None,
        notices: Sequence[Notice] = (),
    ) -> dict[str, Any]:
        """Return the pulse and write it to its file.

        Args:
            ends: the partitions' ends as last fetched.
            waits: what it waits for and why it need not advance, None = it must.
            tells: the stage, where it has notices.
            notices: more of them, of the run loop.
        """
        at_ms = now_ms()
        rows = []
        for partition, state in sorted(self.partitions.items()):
            end = ends.get(partition)
            state.end = max(state.end, end if end is not None else 0)
            if state.lag_records == 0:
                state.behind_since_ms, state.age_known = None, state.age_known or end is not None
            elif state.behind_since_ms is None and state.age_known:
                state.behind_since_ms = at_ms  # it came since the last beat
            rows.append({**partition._asdict(), "group": self._group, **state.told(at_ms)})
        pulse = {
            "part": self.part,
            "group": self._group,
            "pid": os.getpid(),
            "at_ms": at_ms,
            "limit_s": self._limit_s,
            "waits": waits,
            "notices": msgspec.to_builtins([*notices, *(() if tells is None else tells.notices())]),
            "set_aside": [] if tells is None else msgspec.to_builtins(list(tells.set_aside())),
            "partitions": rows,
            "rates": {"in_per_s": self._rate()},
            "counters": self.counters.told(),
        }
        self._write(pulse | {"topics": self._topics})
        return pulse

    def _rate(self) -> float:
        now = time.monotonic()
        self._history.append((now, self._records))
        while len(self._history) > 2 and now - self._history[0][0] > RATE_OVER_S:  # noqa: PLR2004 - a rate needs two points
            self._history.popleft()
        first_at, first = self._history[0]
        return round((self._records - first) / (now - first_at), 1) if now > first_at else 0.0

    def _write(self, pulse: dict[str, Any]) -> None:
        draft = self._file.with_suffix(".tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.json.encode(pulse))
            draft.replace(self._file)
        except OSError as exc:  # a full disk is no reason to stop working
            if self._written:
                log.warning("%s: the pulse cannot be written: %s", self._file, exc)
            self._written = False
        else:
            self._written = True


def _since_s(since_ms: int | None, at_ms: int) -> float:
    return 0.0 if since_ms is None else max(at_ms - since_ms, 0) / 1000
