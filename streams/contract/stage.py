"""The contract between the run loop and what it hosts: chunks in, messages out, a word when all of it is safe."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Headers: TypeAlias = "Sequence[tuple[str, bytes]]"


LINGER_S = 0.05
"""What a stage waits before a fetch, unless it has reasons for another time."""
RUN_BYTES = 5 * 2**20
"""What a fetch brings of a partition, and what a run holds at most."""
RUN_RECORDS = 20_000
"""Most records of a chunk: some 30 ms of decoding, so that timers and heartbeats stay on time."""
RUN_FRAMES = 100
"""The same where each record is a frame of many rows, which costs as much as hundreds of readings do: some 100 ms."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One Kafka record. The transport hands over aiokafka's own, which have these names, so none is copied."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    """When it came, epoch ms, -1 = it does not say; Kafka's own name."""
    headers: Headers


def from_offset(records: Sequence[Record], offset: int) -> Sequence[Record]:
    """Return the records from an offset on; the very same ones where none lies below it."""
    first = bisect_left(records, offset, key=lambda record: record.offset)
    return records[first:] if first else records


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of records of one partition, in offset order, with holes where Kafka has none."""

    topic: str
    partition: int
    records: Sequence[Record]
    end_offset: int
    """The partition's end when it was fetched: one above its newest record."""
    begin: int | None = None
    """One above the last record delivered before it; None = not known."""
    epoch: int = 0
    """Of the consumer that fetched it; see `streams.transport.chunks`."""
    fetched_s: float = math.inf
    """When it was there, by `time.monotonic`; inf = not known, so at any moment up to now."""

    @property
    def source(self) -> TopicPartition:
        """The partition it came from."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send. `partition` None: by hash of the key. `value` None: a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None
    headers: Headers = ()


class LogReader(Protocol):
    """Reads one partition bit by bit, without joining the group."""

    async def read(self) -> list[Record]:
        """Return the next records; none where there are none now."""

    async def stop(self) -> None:
        """Let go of what it holds."""


class Bus(Protocol):
    """What a stage may do with Kafka."""

    async def send(self, messages: Iterable[Message]) -> None:
        """Send in order per partition and wait for every acknowledgement (`acks=all`).

        Raises ExactnessError when one was refused or lost: the process must then end.
        """

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        """Read a partition from an offset to its present end, without joining the group."""

    def reader(self, topic: str, partition: int, offset: int) -> LogReader:
        """Return what reads one partition bit by bit, from an offset on or where its log begins."""

    async def ends(self, sources: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return where partitions end now: one above the newest record of each."""

    async def partition_count(self, topic: str) -> int:
        """Return how many partitions the topic has."""


class Stage(Protocol):
    """What the run loop hosts. One chunk is absorbed at a time in a process."""

    name: str
    """The part's name and its consumer group."""
    topics: tuple[str, ...]
    tick_s: float
    """How often `tick` is called."""
    linger_s: float
    """Wait before each fetch while the stream is slow, so that records come in company: `LINGER_S`, or more where the
    next stage works by what comes together here."""

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the state of these partitions (all this worker has now; forget the others) → the next offset to read.

        A partition left out starts at the group's committed offset, or else at its beginning.
        """

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool | None:
        """Take a chunk. True: everything taken so far from its partition is durable and may be committed.

        None: not taken, because there is no room for it; it is offered again after the next tick.
        """

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Do what time asks for (snapshots, provisional values) → the partitions whose chunks are now durable."""

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the cumulative counters, key → value, as of the last durable state, for `city.books.v1`."""


@runtime_checkable
class Follows(Protocol):
    """A stage whose output a person waits for: a tick follows a chunk, besides those that time asks for."""

    follow_s: float
    """So soon after it: what was fetched together with the chunk, of other partitions, is absorbed first."""


@runtime_checkable
class TakesFrames(Protocol):
    """A stage whose records are dear: after a few of them other partitions have their turn, and ticks, pulses, ends."""

    run_records: int
    """Most records of a chunk: `RUN_FRAMES`."""


@runtime_checkable
class ShowsNewest(Protocol):
    """A stage that makes what it holds anew from whatever Kafka has: what is gone is no loss of its."""

    shows_newest: bool


@runtime_checkable
class StaysWhole(Protocol):
    """A stage that judges all its topics together: one process of its group has them all, the others stand by."""

    stays_whole: bool


@runtime_checkable
class MayWait(Protocol):
    """A stage that may take nothing for a while and not be at fault, because a server of its own is away."""

    def waits(self) -> str | None:
        """Return what it waits for, as a sentence's end ("InfluxDB at …"); None = for nothing."""
