"""Fakes for tests of stages: a clock that moves when told, Kafka's topics in memory, a run loop without Faust."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from streams.engine.stage import Chunk, Message, Record, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.engine.stage import Stage


class FakeClock:
    """Time in epoch ms; stands still."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


class FakeBus:
    """A `Bus` on topics in memory; a topic not named in `partitions` has one.

    `before_send`, when set, is called with each message before it is stored; it may raise as a crash or a broker would.
    """

    def __init__(self, partitions: Mapping[str, int] | None = None, clock: FakeClock | None = None) -> None:
        self.before_send: Callable[[Message], None] | None = None
        self._partitions = dict(partitions or {})
        self._clock = clock or FakeClock()
        self._logs: defaultdict[TopicPartition, list[Record]] = defaultdict(list)

    async def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self.before_send is not None:
                self.before_send(message)
            self.put(message)

    async def read_all(self, topic: str, partition: int) -> list[Record]:
        return list(self.log(topic, partition))

    async def partition_count(self, topic: str) -> int:
        return self._partitions.get(topic, 1)

    def put(self, message: Message) -> None:
        """Store a message, as any producer would."""
        partition = message.partition
        if partition is None:
            partition = zlib.crc32(message.key) % self._partitions.get(message.topic, 1)
        log = self.log(message.topic, partition)
        log.append(Record(len(log), message.key, message.value, self._clock.now_ms, message.headers))

    def log(self, topic: str, partition: int = 0) -> list[Record]:
        """Everything that was stored in the partition."""
        return self._logs[TopicPartition(topic, partition)]

    def newest(self, topic: str) -> dict[bytes, bytes]:
        """The newest value of each key over all partitions, as compaction leaves it: without tombstones."""
        found: dict[bytes, bytes | None] = {}
        for partition in range(self._partitions.get(topic, 1)):
            found.update({record.key or b"": record.value for record in self.log(topic, partition)})
        return {key: value for key, value in found.items() if value is not None}


class FakeHost:
    """The run loop of a stage on a FakeBus: positions, chunks in the order asked for, commits."""

    def __init__(self, stage: Stage, bus: FakeBus) -> None:
        self.stage = stage
        self.bus = bus
        self.positions: dict[TopicPartition, int] = {}
        self.committed: Counter[TopicPartition] = Counter()

    async def start(self) -> None:
        """Give the stage every partition of its topics."""
        mine = [
            TopicPartition(topic, partition)
            for topic in self.stage.topics
            for partition in range(await self.bus.partition_count(topic))
        ]
        known = await self.stage.assigned(mine, self.bus)
        self.positions = {one: known.get(one, self.committed[one]) for one in mine}

    async def deliver(self, topic: str, partition: int = 0, at_most: int = 1_000_000) -> bool:
        """Hand over the partition's next records as one chunk → whether there were any."""
        source = TopicPartition(topic, partition)
        log = self.bus.log(topic, partition)
        records = log[self.positions[source] : self.positions[source] + at_most]
        if not records:
            return False
        self.positions[source] = records[-1].offset + 1
        if await self.stage.absorb(Chunk(topic, partition, records, len(log), records[0].offset), self.bus):
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
