"""Reads of Kafka past Faust: where partitions begin and end, and ranges of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import KafkaError

from streams.broker.arrivals import as_record
from streams.broker.bus import AWAY, READ_TIMEOUT_MS, RETRY_S
from streams.contract.stage import TopicPartition
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from streams.contract.stage import Record

__all__ = ["AWAY", "RETRY_S", "Direct"]


class Direct:
    """A reader that is in no group; it only asks what `group` has committed."""

    def __init__(self, bootstrap: str, group: str | None) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._asking: AIOKafkaConsumer | None = None

    def _consumer(self, group: str | None) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def _started(self) -> AIOKafkaConsumer:
        if self._asking is None:
            consumer = self._consumer(self._group)
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._asking = consumer
        return self._asking

    async def stop(self) -> None:
        """Disconnect."""
        if self._asking is not None:
            await self._asking.stop()

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return one above the newest record of each."""
        found = await (await self._started()).end_offsets(list(partitions)) if partitions else {}
        return {TopicPartition(*tp): offset for tp, offset in found.items()}

    async def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where each begins: the offset below which Kafka has nothing any more."""
        found = await (await self._started()).beginning_offsets(list(partitions)) if partitions else {}
        return {TopicPartition(*tp): offset for tp, offset in found.items()}

    async def begin(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where the group has come to, else where the partition begins; waits while no broker answers."""
        while True:
            try:
                return await self._begin(partitions) if partitions else {}
            except AWAY:
                await asyncio.sleep(RETRY_S)
            except KafkaError as exc:
                raise UnreachableError(f"Kafka at {self._bootstrap}: where to begin is not known: {exc}") from exc

    async def _begin(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        consumer = await self._started()
        first = await consumer.beginning_offsets(list(partitions))
        committed = {one: await consumer.committed(KafkaTopicPartition(*one)) for one in partitions}
        return {one: first[one] if committed[one] is None else committed[one] for one in partitions}

    async def between(self, source: TopicPartition, first: int, stop: int) -> AsyncIterator[list[Record]]:
        """Read a range → runs of what there is of it, which may be nothing; waits while no broker answers."""
        while first < stop:
            consumer = self._consumer(None)
            place = KafkaTopicPartition(*source)
            try:
                await consumer.start()
                consumer.assign([place])
                begin = (await consumer.beginning_offsets([place]))[place]
                first = max(first, begin)
                consumer.seek(place, first)
                while first < stop:
                    fetched = await consumer.getmany(place, timeout_ms=READ_TIMEOUT_MS)
                    run = [as_record(one) for one in fetched.get(place, ()) if one.offset < stop]
                    first = await consumer.position(place)
                    if run:
                        yield run
            except AWAY:
                await asyncio.sleep(RETRY_S)
            except KafkaError as exc:
                raise UnreachableError(f"Kafka at {self._bootstrap}: cannot read {source}: {exc}") from exc
            finally:
                await consumer.stop()
