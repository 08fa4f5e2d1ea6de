"""The bus: what a stage sends and reads besides its input, over aiokafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.stage import Message, Record
from streams.errors import ExactnessError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_REQUEST_BYTES = 64 * 2**20
READ_TIMEOUT_MS = 500


class KafkaBus:
    """A producer that waits for every acknowledgement, and reads of whole partitions."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._counts: dict[str, int] = {}

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
            max_batch_size=256 * 1024,
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
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, messages: Iterable[Message]) -> None:
        """Send and wait for every acknowledgement."""
        producer = self._producer
        if producer is None:
            raise ExactnessError("the bus sends before it was started")
        waiting = []
        try:
            for message in messages:
                waiting.append(
                    await producer.send(
                        message.topic,
                        message.value,
                        key=message.key,
                        partition=message.partition,
                        headers=list(message.headers),
                    )
                )
            if waiting:
                await asyncio.gather(*waiting)
        except KafkaError as exc:
            raise ExactnessError(
                f"Kafka did not take a record ({type(exc).__name__}: {exc}); starting again from the last state"
            ) from exc

    async def read_all(self, topic: str, partition: int) -> list[Record]:
        """Read one partition from its start to its present end."""
        source = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # a reset to the end, already asked for, would win over a seek_to_beginning
        )
        found: list[Record] = []
        try:
            await consumer.start()
            consumer.assign([source])
            end = (await consumer.end_offsets([source]))[source]
            consumer.seek(source, (await consumer.beginning_offsets([source]))[source])
            while await consumer.position(source) < end:
                fetched = await consumer.getmany(source, timeout_ms=READ_TIMEOUT_MS)
                found.extend(
                    Record(one.offset, one.key, one.value, one.timestamp, tuple(one.headers))
                    for one in fetched.get(source, ())
                )
        except KafkaError as exc:
            raise UnreachableError(f"Kafka at {self._bootstrap}: cannot read {topic}[{partition}]: {exc}") from exc
        finally:
            await consumer.stop()
        return found

    async def partition_count(self, topic: str) -> int:
        """Return how many partitions the topic has."""
        if topic not in self._counts:
            if self._producer is None:
                raise ExactnessError("the bus is asked before it was started")
            self._counts[topic] = len(await self._producer.partitions_for(topic))
        return self._counts[topic]
