"""Records one by one out of fetched batches, where no kernel frames them: aiokafka reads them, within our bounds.

`WireFetch` has inflated the batches and looked at their checksums; aiokafka gets them without either. Where it fails on
a header's name that is no text, which no broker minds, the batch is read here, at ten times the cost.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from aiokafka.consumer.fetcher import MemoryRecords
from aiokafka.errors import CorruptRecordException

from streams.contract.stage import Record
from streams.transport.wire import headers_at, sized, uncompressed, varint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.transport.wire import WireBatch, WireFetch


class UnframedFetch:
    """What a fetch brought of one partition, as an iterator of records; stands in for aiokafka's PartitionRecords.

    It is taken whole, or by whole batches: nobody here asks aiokafka for so many records and no more.
    """

    def __init__(self, fetch: WireFetch) -> None:
        self.next_fetch_offset = fetch.next_fetch_offset
        self._records = chain.from_iterable(self._read(fetch))

    def __iter__(self) -> Iterator[Any]:
        return self._records

    def __next__(self) -> Any:  # noqa: ANN401 - a Cython record, or ours
        return next(self._records)

    def _read(self, fetch: WireFetch) -> Iterator[Sequence[Any]]:
        for batch in fetch:
            records = of_batch(batch)
            if batch.base_offset < batch.begin_offset:
                records = [record for record in records if record.offset >= batch.begin_offset]
            self.next_fetch_offset = fetch.next_fetch_offset
            yield records
        self.next_fetch_offset = fetch.next_fetch_offset


def of_batch(batch: WireBatch) -> Sequence[Any]:
    """Return a batch's records.

    Raises CorruptRecordException where its bytes are none.
    """
    try:
        records = list(MemoryRecords(uncompressed(batch)).next_batch() or ())
    except UnicodeDecodeError:
        return list(_each(batch))
    return records if batch.fixed_ms >= 0 else [_arrived(record, batch.read_ms) for record in records]


def _arrived(record: Any, read_ms: int) -> Any:  # noqa: ANN401 - a Cython record, or ours
    """Return a record whose sender stamped it, as it is, or with the time of reading where it came no later."""
    if record.timestamp <= read_ms:
        return record
    return Record(record.offset, record.key, record.value, read_ms, tuple(record.headers))


def _each(batch: WireBatch) -> Iterator[Record]:
    data, at = bytes(batch.body), 0
    try:
        for _ in range(batch.records):
            size, at = varint(data, at)
            stop = at + size
            elapsed_ms, at = varint(data, at + 1)  # one byte of attributes, unused
            delta, at = varint(data, at)
            key, at = sized(data, at)
            value, at = sized(data, at)
            came_ms = batch.fixed_ms if batch.fixed_ms >= 0 else min(batch.base_ms + elapsed_ms, batch.read_ms)
            yield Record(batch.base_offset + delta, key, value, came_ms, headers_at(data, at))
            at = stop
    except IndexError as exc:
        raise CorruptRecordException(f"the batch at offset {batch.base_offset} holds no records") from exc
