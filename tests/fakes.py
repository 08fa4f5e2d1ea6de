"""Fakes for tests of stages: a clock that moves when told, Kafka's topics in memory, a run loop without Faust."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition as KafkaTopicPartition

from streams.contract.records import MARK
from streams.contract.stage import Chunk, Message, Record, TopicPartition, from_offset
from streams.transport.wire import WireFetch, WireRecords, framed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

from streams.contract.stage import Stage


class FakeClock:
    """Time in epoch ms; stands still."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def seconds(self) -> float:
        """The same as a clock of seconds."""
        return self.now_ms / 1000

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


class FakeReader:
    """Reads a log in memory, three records at a time."""

    def __init__(self, log: list[Record], offset: int) -> None:
        self._log = log
        self._next = offset

    async def read(self) -> list[Record]:
        found = [record for record in self._log if record.offset >= self._next][:3]
        self._next = found[-1].offset + 1 if found else self._next
        return found

    async def stop(self) -> None:
        pass


class FakeBus:
    """A `Bus` on topics in memory; a topic not named in `partitions` has one.

    `before_send`, when set, is called with each message before it is stored; it may raise as a crash or a broker would.
    """

    def __init__(self, partitions: Mapping[str, int] | None = None, clock: FakeClock | None = None) -> None:
        self.before_send: Callable[[Message], None] | None = None
        self.bytes_put: Counter[str] = Counter()
        """Topic → bytes of all values ever put there."""
        self._partitions = dict(partitions or {})
        self.clock = clock or FakeClock()
        self._logs: defaultdict[TopicPartition, list[Record]] = defaultdict(list)

    async def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self.before_send is not None:
                self.before_send(message)
            self.put(message)

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        return [record for record in self.log(topic, partition) if record.offset >= offset]

    def reader(self, topic: str, partition: int, offset: int) -> FakeReader:
        return FakeReader(self.log(topic, partition), offset)

    async def ends(self, sources: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {source: log[-1].offset + 1 if (log := self.log(*source)) else 0 for source in sources}

    async def partition_count(self, topic: str) -> int:
        return self._partitions.get(topic, 1)

    def put(self, message: Message) -> None:
        """Store a message, as any producer would; a mark is sent when its time has come."""
        marked = [
            int(value)
            for name, value in message.headers
            if name == MARK and re.fullmatch(rb"[0-9]{1,14}", value or b"")
        ]
        self.clock.now_ms = max([self.clock.now_ms, *marked])
        partition = message.partition
        if partition is None:
            partition = zlib.crc32(message.key) % self._partitions.get(message.topic, 1)
        log = self.log(message.topic, partition)
        offset = log[-1].offset + 1 if log else 0
        log.append(Record(offset, message.key, message.value, self.clock.now_ms, message.headers))
        self.bytes_put[message.topic] += len(message.value or b"")

    def log(self, topic: str, partition: int = 0) -> list[Record]:
        """Everything that was stored in the partition."""
        return self._logs[TopicPartition(topic, partition)]

    def places(self) -> list[TopicPartition]:
        """Where anything was stored or looked for."""
        return list(self._logs)

    def compact(self, topic: str, up_to: int | None = None, partition: int = 0) -> None:
        """Do what Kafka's cleaner does to the first `up_to` records: leave the newest of each key, no tombstones."""
        log = self.log(topic, partition)
        cleaned = log[:up_to]
        newest = {record.key: record for record in cleaned}
        log[: len(cleaned)] = [one for one in cleaned if newest[one.key] is one and one.value is not None]

    def newest(self, topic: str) -> dict[bytes, bytes]:
        """The newest value of each key over all partitions, as compaction leaves it: without tombstones."""
        found: dict[bytes, bytes | None] = {}
        for partition in range(self._partitions.get(topic, 1)):
            found.update({record.key or b"": record.value for record in self.log(topic, partition)})
        return {key: value for key, value in found.items() if value is not None}


def batch_bytes(records: Sequence[Record], base: int = 0, codec: int = 0) -> bytes:
    """Return a record batch as it lies in the log; the records' offsets count from `base`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**24,
    )
    for record in records:
        builder.append(record.offset, record.timestamp, record.key, record.value, list(record.headers))
    built = bytearray(builder.build())
    built[:8] = base.to_bytes(8, "big")  # the broker writes it, outside of what the checksum covers
    return bytes(built)


def framed_records(records: Sequence[Record]) -> WireRecords:
    """The records as the transport hands them over where the kernel decodes: from the bytes of their batches.

    Their timestamps are the broker's, as the topics have it.
    """
    data = b"".join(batch_bytes([record._replace(offset=0)], record.offset) for record in records)
    batches = WireFetch(KafkaTopicPartition("t", 0), data, records[0].offset, check=True)
    return framed([one._replace(fixed_ms=record.timestamp) for one, record in zip(batches, records, strict=True)])


class FakeHost:
    """The run loop of a stage on a FakeBus: positions, chunks in the order asked for, commits."""

    def __init__(
        self,
        stage: Stage,
        bus: FakeBus,
        committed: Counter[TopicPartition] | None = None,
        *,
        framed: bool = False,
    ) -> None:
        self._framed = framed
        self.stage = stage
        self.bus = bus
        self.positions: dict[TopicPartition, int] = {}
        self.committed: Counter[TopicPartition] = Counter() if committed is None else committed

    async def start(self, mine: Sequence[TopicPartition] | None = None) -> None:
        """Give the stage these partitions of its topics, or all."""
        if mine is None:
            mine = await self._all()
        known = await self.stage.assigned(mine, self.bus)
        self.positions = {one: known.get(one, self.committed[one]) for one in mine}

    async def _all(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic in self.stage.topics
            for partition in range(await self.bus.partition_count(topic))
        ]

    def behind(self) -> list[TopicPartition]:
        """List the partitions that are not read to their end."""
        return [one for one, position in self.positions.items() if from_offset(self.bus.log(*one), position)]

    async def deliver(self, topic: str, partition: int = 0, at_most: int = 1_000_000) -> bool:
        """Hand over the partition's next records as one chunk → whether there were any, and it took them."""
        source = TopicPartition(topic, partition)
        log = self.bus.log(topic, partition)
        records = from_offset(log, self.positions[source])[:at_most]
        if not records:
            return False
        run = framed_records(records) if self._framed else records
        settled = await self.stage.absorb(Chunk(topic, partition, run, len(log), records[0].offset), self.bus)
        if settled is None:
            return False
        self.positions[source] = records[-1].offset + 1
        if settled:
            self.committed[source] = self.positions[source]
        return True

    async def drain(self) -> None:
        """Deliver until every partition is read to its end."""
        while any([await self.deliver(*source) for source in self.positions]):
            pass

    async def tick(self) -> None:
        """Let the stage's time pass once."""
        for source in await self.stage.tick(self.bus):
            self.committed[source] = self.positions[source]
