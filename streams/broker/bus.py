"""The bus: what a stage sends and reads besides its input, over aiokafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError

from streams.broker.arrivals import as_record
from streams.contract.stage import Message
from streams.errors import ExactnessError, UnreachableError
from streams.health.counters import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.contract.stage import Record
    from streams.contract.stage import TopicPartition as Place

MAX_REQUEST_BYTES = 64 * 2**20
MAX_BATCH_BYTES = 1_000_000
"""What a broker takes of one batch by its own defaults. A producer has one batch of a partition under way at a time:
the fewer of them, the fewer round trips a chunk costs."""
READ_TIMEOUT_MS = 500
READ_RECORDS = 1_000
"""What a log that is read bit by bit gives in one go, at most."""
ASK_TIMEOUT_MS = 3_000
"""Intake waits for the answer: by the client's own default, 40 s, a broker that was away would stop it for so long."""
RETRY_S = 0.25
AWAY = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError)
"""What aiokafka raises while no broker answers."""


class KafkaBus:
    """A producer that waits for every acknowledgement, and reads of whole partitions."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._asking: AIOKafkaConsumer | None = None
        self._counts: dict[str, int] = {}
        self.traffic = Traffic()

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._producer is not None

    async def start(self) -> None:
        """Connect.

        Raises UnreachableError when no broker answers.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=1_200_000,
        )
        try:
            await producer.start()
        except KafkaError as exc:
            raise UnreachableError(f"Kafka at {self._bootstrap} does not answer ({exc}); is it running?") from exc
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what was not acknowledged yet is waited for."""
        if self._asking is not None:
            await self._asking.stop()
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, messages: Iterable[Message]) -> None:
        """Send and wait for every acknowledgement."""
        producer = self._producer
        if producer is None:
            raise ExactnessError("the bus sends before it was started")
        try:
            groups = _by_place(messages)
            waiting = [future for place, group in groups.items() for future in await _put(producer, place, group)]
            if waiting:
                await asyncio.gather(*waiting)
        except KafkaError as exc:
            raise ExactnessError(
                f"Kafka did not take a record ({type(exc).__name__}: {exc}); starting again from the last state"
            ) from exc
        for (topic, _), group in groups.items():
            self.traffic.sent(topic, group)

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        """Read one partition from an offset to its present end; waits while no broker answers."""
        while True:
            try:
                return await self._read_all(TopicPartition(topic, partition), offset)
            except AWAY:
                await asyncio.sleep(RETRY_S)
            except KafkaError as exc:
                raise UnreachableError(f"Kafka at {self._bootstrap}: cannot read {topic}[{partition}]: {exc}") from exc

    async def _read_all(self, source: TopicPartition, offset: int) -> list[Record]:
        consumer = _reader(self._bootstrap)
        found: list[Record] = []
        try:
            await consumer.start()
            consumer.assign([source])
            end = (await consumer.end_offsets([source]))[source]
            begin = (await consumer.beginning_offsets([source]))[source]
            consumer.seek(source, max(begin, offset))
            while await consumer.position(source) < end:
                fetched = await consumer.getmany(source, timeout_ms=READ_TIMEOUT_MS)
                found.extend(as_record(one) for one in fetched.get(source, ()))
        finally:
            await consumer.stop()
        self.traffic.read(found)
        return found

    def reader(self, topic: str, partition: int, offset: int) -> LogReader:
        """Return what reads one partition bit by bit, from an offset on or where its log begins."""
        return LogReader(self._bootstrap, TopicPartition(topic, partition), offset)

    async def ends(self, sources: Sequence[Place]) -> Mapping[Place, int]:
        """Ask the brokers where partitions end; waits while none answers."""
        asked = [TopicPartition(*source) for source in sources]
        while True:
            try:
                if self._asking is None:
                    self._asking = _reader(self._bootstrap, request_timeout_ms=ASK_TIMEOUT_MS)
                    await self._asking.start()
                found = await self._asking.end_offsets(asked)
            except AWAY:
                stale, self._asking = self._asking, None  # a connection to a broker that was gone may never answer
                if stale is not None:
                    await stale.stop()
                await asyncio.sleep(RETRY_S)
            except KafkaError as exc:
                raise UnreachableError(f"Kafka at {self._bootstrap} does not say where its logs end: {exc}") from exc
            else:
                return {source: found[one] for source, one in zip(sources, asked, strict=True)}

    async def partition_count(self, topic: str) -> int:
        """Return how many partitions the topic has."""
        if topic not in self._counts:
            if self._producer is None:
                raise ExactnessError("the bus is asked before it was started")
            self._counts[topic] = len(await self._producer.partitions_for(topic))
        return self._counts[topic]


def _reader(bootstrap: str, **more: Any) -> AIOKafkaConsumer:  # noqa: ANN401 - options of the client
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # a reset to the end, already asked for, would win over a seek_to_beginning
        **more,
    )


def _by_place(messages: Iterable[Message]) -> dict[tuple[str, int | None], list[Message]]:
    """Group messages by topic and partition, in order."""
    groups: dict[tuple[str, int | None], list[Message]] = {}
    for message in messages:
        groups.setdefault((message.topic, message.partition), []).append(message)
    return groups


async def _put(
    producer: AIOKafkaProducer, place: tuple[str, int | None], messages: Sequence[Message]
) -> list[asyncio.Future[Any]]:
    """Hand messages to the producer → what to wait for.

    For a known partition they go as whole batches, at a tenth of the cost of one by one.
    """
    topic, partition = place
    if partition is None or len(messages) == 1:
        return [
            await producer.send(topic, one.value, key=one.key, partition=partition, headers=list(one.headers))
            for one in messages
        ]
    waiting = []
    batch = producer.create_batch()
    for one in messages:
        written = {"timestamp": None, "key": one.key, "value": one.value, "headers": list(one.headers)}
        if batch.append(**written) is None:  # full: a batch takes its first message, however large
            waiting.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(**written)
    return [*waiting, await producer.send_batch(batch, topic, partition=partition)]


class LogReader:
    """Reads one partition bit by bit. Invariant: `_next` is the offset of what comes next."""

    def __init__(self, bootstrap: str, source: TopicPartition, offset: int) -> None:
        self._bootstrap = bootstrap
        self._source = source
        self._next = offset
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self) -> list[Record]:
        """Return the next records, none where there are none now or no broker answers.

        Raises UnreachableError when a broker refuses.
        """
        try:
            consumer = self._consumer or await self._started()
            fetched = await consumer.getmany(self._source, timeout_ms=READ_TIMEOUT_MS, max_records=READ_RECORDS)
        except AWAY:
            await self.stop()
            return []
        except KafkaError as exc:
            raise UnreachableError(f"Kafka at {self._bootstrap}: cannot read {self._source}: {exc}") from exc
        found = [as_record(one) for one in fetched.get(self._source, ())]
        self._next = found[-1].offset + 1 if found else self._next
        return found

    async def _started(self) -> AIOKafkaConsumer:
        consumer = self._consumer = _reader(self._bootstrap)
        await consumer.start()
        consumer.assign([self._source])
        begin = (await consumer.beginning_offsets([self._source]))[self._source]
        consumer.seek(self._source, max(begin, self._next))
        return consumer

    async def stop(self) -> None:
        """Disconnect; the next `read` goes on from here."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
