"""The fast fetch: what a fetch brought is handed on without an object per record, or as batches for the kernel.

It stands in for private classes of aiokafka (`streams.surface`); where they do not fit, this is not imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import MemoryRecords, PartitionRecords

from streams.transport.unframed import UnframedFetch
from streams.transport.wire import WireFetch, is_wire

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiokafka.structs import TopicPartition as KafkaTopicPartition


class KeptRecords:
    """aiokafka's MemoryRecords, with the bytes it was made from."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.memory = MemoryRecords(data)
        self.has_next, self.size_in_bytes = self.memory.has_next, self.memory.size_in_bytes


class FastFetch:
    """Makes what stands in for aiokafka's PartitionRecords: batches for `framed` topics, else wire records.

    Both within the bounds of `WireFetch`; transactions and layouts older than Kafka 0.11 are aiokafka's own affair.
    """

    def __init__(self, framed_topics: Collection[str]) -> None:
        self._framed = frozenset(framed_topics)

    def __call__(self, tp: KafkaTopicPartition, records: KeptRecords, aborted: Any, *rest: Any) -> Any:  # noqa: ANN401 - aiokafka's own signature
        """Take what PartitionRecords takes."""
        fetch_offset, _, _, check_crcs, isolation = rest
        if isolation != fetcher.READ_UNCOMMITTED or not is_wire(records.data):
            return PartitionRecords(tp, records.memory, aborted, *rest)
        fetch = WireFetch(tp, records.data, fetch_offset, check_crcs)
        return fetch if tp.topic in self._framed else UnframedFetch(fetch)


def install(framed_topics: Collection[str] = ()) -> None:
    """Put `FastFetch` into aiokafka's fetcher; records of the topics named come as batches for the kernel."""
    fetcher.PartitionRecords, fetcher.MemoryRecords = FastFetch(framed_topics), KeptRecords
