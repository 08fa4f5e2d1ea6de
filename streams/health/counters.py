"""Counters around a stage: what the run loop and the bus see of it, told in every pulse. A stage knows none of them.

They count since the start of the process; what must not begin anew with it stands in the books. Each is noted once a
chunk, a send or a recovery; only the bytes of a chunk without columns cost something for each record, 50 ns.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.contract.stage import Chunk, Message, Record

CHUNK_RECORDS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000)
"""Upper ends of the buckets; the last two are what the transport lets into a chunk."""
CHUNK_BYTES = (1_024, 16_384, 131_072, 524_288, 1_048_576, 2_097_152, 5_242_880)
ABSORB_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
RECOVERY_S = (0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Histogram:
    """Counts values by size. Invariant: `counts` has one number for each bound, and one for what lies above all."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum: float = 0

    def add(self, value: float) -> None:
        """Count a value: a bound belongs to its own bucket."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def told(self) -> dict[str, Any]:
        """Return the bounds, the count of each bucket alone, and the sum of all values."""
        return {"bounds": self._bounds, "counts": list(self._counts), "sum": round(self._sum, 6)}


class Traffic:
    """What a bus sent and read: records, and the bytes of their values."""

    def __init__(self) -> None:
        self.sent_records: Counter[str] = Counter()
        self.sent_bytes: Counter[str] = Counter()
        """By topic, once Kafka has acknowledged it."""
        self.read_records = self.read_bytes = 0
        """Outside of the stream: whole partitions."""

    def sent(self, topic: str, messages: Sequence[Message]) -> None:
        """Count what was acknowledged."""
        self.sent_records[topic] += len(messages)
        self.sent_bytes[topic] += _bytes(messages)

    def read(self, records: Sequence[Record]) -> None:
        """Count a partition that was read from its beginning."""
        self.read_records += len(records)
        self.read_bytes += _bytes(records)


class Counters:
    """What the run loop sees of one stage."""

    def __init__(self, traffic: Traffic | None = None) -> None:
        self.snapshots = 0
        """Times that what was taken from a partition became durable."""
        self.lost_records: Counter[str] = Counter()
        """By topic: what Kafka had deleted before it was read."""
        self._traffic = traffic or Traffic()
        self._started_ms = time.time_ns() // 1_000_000
        self._process = psutil.Process()
        self._chunk_records = Histogram(CHUNK_RECORDS)
        self._chunk_bytes = Histogram(CHUNK_BYTES)
        self._absorb_s = Histogram(ABSORB_S)
        self._recovery_s = Histogram(RECOVERY_S)
        self._recovered_records = self._recovered_bytes = 0

    def absorbed(self, chunk: Chunk, took_s: float) -> None:
        """Count a chunk that the stage has taken."""
        self._chunk_records.add(len(chunk.records))
        self._chunk_bytes.add(_record_bytes(chunk.records))
        self._absorb_s.add(took_s)

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Count what happens inside as a recovery."""
        traffic, began = self._traffic, time.monotonic()
        records, size_bytes = traffic.read_records, traffic.read_bytes
        yield
        self._recovery_s.add(time.monotonic() - began)
        self._recovered_records += traffic.read_records - records
        self._recovered_bytes += traffic.read_bytes - size_bytes

    def told(self) -> dict[str, Any]:
        """Return all of them, for the pulse."""
        return {
            "started_ms": self._started_ms,
            "cpu_s": round(time.process_time(), 3),
            "resident_bytes": self._process.memory_info().rss,
            "chunk_records": self._chunk_records.told(),
            "chunk_bytes": self._chunk_bytes.told(),
            "absorb_s": self._absorb_s.told(),
            "recovery_s": self._recovery_s.told(),
            "recovered_records": self._recovered_records,
            "recovered_bytes": self._recovered_bytes,
            "snapshots": self.snapshots,
            "sent_records": dict(self._traffic.sent_records),
            "sent_bytes": dict(self._traffic.sent_bytes),
            "lost_records": dict(self.lost_records),
        }


def _record_bytes(records: Sequence[Record]) -> int:
    """Add up the values: one sum over a column where the records are columns, else a record at a time."""
    if isinstance(records, WireRecords):
        return int(np.maximum(records.spans[3], 0).sum(dtype=np.int64))
    return _bytes(records)


def _bytes(held: Iterable[Message | Record]) -> int:
    return sum([len(one.value) for one in held if one.value is not None])
