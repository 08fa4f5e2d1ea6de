"""Kafka's record batches as they come, and their records as columns: what the kernel reads instead of objects.

A record becomes an object only when somebody asks for it. Source of the layout: Kafka protocol guide, "Record Batch".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from crc32c import crc32c

from streams.broker.arrivals import now_ms
from streams.contract.stage import Record
from streams.transport.inflate import InflateError, inflate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiokafka.structs import TopicPartition
    from numpy.typing import NDArray

_UNCHECKED, _CHECKED = struct.Struct(">qiibI"), struct.Struct(">hiqqqhii")
_HEAD = struct.Struct(_UNCHECKED.format + _CHECKED.format[1:])
"""Base offset, length, leader's epoch, magic, checksum, attributes, last offset's delta, base and last time, producer's
id and epoch, base sequence, number of records."""
_LENGTH = struct.Struct(">i")
_LENGTH_AT, _BEFORE_LENGTH, _CHECKED_FROM, _MAGIC_AT = 8, 12, _UNCHECKED.size, 16
_MAGIC = 2
_LEAST_RECORD = 7
"""Bytes of a record that holds nothing."""
_CODEC, _APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20
_VARINT_BITS = 64


FETCH_BYTES = 16 * 2**20
"""Once a fetch has come to hold this much inflated, the rest of it is fetched again."""


class WireBatch(NamedTuple):
    """One record batch: its records inflated, but not yet taken apart."""

    body: bytes | memoryview
    records: int
    """How many stand in the body."""
    base_offset: int
    base_ms: int
    fixed_ms: int
    """The time of all records where the broker stamps them, -1 = each has its own, by its sender."""
    begin_offset: int
    """What was asked for: a record below it lies in the batch only because a batch is sent whole."""
    read_ms: int = 2**63 - 1
    """Time of reading: no record came later, whatever its sender says."""
    begin: int = -1
    """Where the body begins in the bytes that the fetch brought (`body.obj`), -1 = it is inflated, and by itself."""


class WireFetch:
    """What a fetch brought of one partition, as an iterator of batches; stands in for aiokafka's PartitionRecords."""

    def __init__(self, partition: TopicPartition, data: bytes, fetch_offset: int, check: bool) -> None:
        self.next_fetch_offset = fetch_offset
        self._batches = self._read(partition, memoryview(data), check)

    def __iter__(self) -> Iterator[WireBatch]:
        return self._batches

    def __next__(self) -> WireBatch:
        return next(self._batches)

    def _read(self, partition: TopicPartition, data: memoryview, check: bool) -> Iterator[WireBatch]:
        at = held_bytes = 0
        while len(data) - at >= _BEFORE_LENGTH and held_bytes < FETCH_BYTES:
            stop = _stop(data, at)
            if stop > len(data):
                return  # the rest of it comes with the next fetch
            if stop - at < _HEAD.size:
                raise CorruptRecordException(f"{partition}: a batch of {stop - at} bytes is none")
            batch, self.next_fetch_offset = _batch(data[at:stop], self.next_fetch_offset, partition, check)
            if batch is not None:
                held_bytes += len(batch.body)
                yield batch if isinstance(batch.body, bytes) else batch._replace(begin=at + _HEAD.size)
            at = stop


def _stop(data: memoryview, at: int) -> int:
    return at + _BEFORE_LENGTH + int(_LENGTH.unpack_from(data, at + _LENGTH_AT)[0])


def _batch(data: memoryview, begin_offset: int, partition: TopicPartition, check: bool) -> tuple[WireBatch | None, int]:
    """Read a batch → (the batch, None where it is Kafka's own; the offset behind it)."""
    base, _, _, _, crc, attributes, delta, base_ms, last_ms, _, _, _, count = _HEAD.unpack_from(data)
    if check and crc32c(data[_CHECKED_FROM:]) != crc:
        raise CorruptRecordException(f"Invalid CRC - {partition}")
    after = base + delta + 1
    if attributes & _CONTROL or after <= begin_offset:
        return None, max(after, begin_offset)
    fixed_ms = last_ms if attributes & _APPEND_TIME else -1
    records: bytes | memoryview = data[_HEAD.size :]
    if attributes & _CODEC:
        try:
            records = inflate(attributes & _CODEC, data[_HEAD.size :])
        except KeyError as exc:
            raise UnsupportedCodecError(f"{partition}: codec {attributes & _CODEC} is not known") from exc
        except InflateError:
            return WireBatch(_one_record(records), 1, after - 1, base_ms, fixed_ms, begin_offset, now_ms()), after
    if not 0 <= count * _LEAST_RECORD <= len(records):
        raise CorruptRecordException(f"{partition}: the batch at offset {base} says that it holds {count} records")
    return WireBatch(records, count, base, base_ms, fixed_ms, begin_offset, now_ms()), after


def _one_record(value: bytes | memoryview) -> bytes:
    """Write a record with this value and nothing else: what a batch that nobody can inflate comes out as, at its end.

    A fetch that failed would fail again at every start; so the stage sees these bytes, and refuses them.
    """
    attributes_deltas_null_key, no_headers = b"\0\0\0\1", b"\0"
    record = attributes_deltas_null_key + _varint_of(len(value)) + value + no_headers
    return _varint_of(len(record)) + record


def _varint_of(number: int) -> bytes:
    """Write a number from 0 on as a zigzag varint."""
    left, written = number << 1, bytearray()
    while left > 0x7F:  # noqa: PLR2004 - seven bits a byte
        written.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*written, left])


def is_wire(data: bytes) -> bool:
    """Tell whether every batch has the layout that `WireFetch` reads."""
    at, view = 0, memoryview(data)
    while len(data) - at > _MAGIC_AT:
        stop = _stop(view, at)
        if data[at + _MAGIC_AT] != _MAGIC or stop - at < _HEAD.size:
            return False
        at = stop
    return True


@dataclass(frozen=True, slots=True)
class WireRecords(Sequence[Record]):
    """Records of one partition in offset order, (n,) each."""

    data: bytes
    """All their bytes."""
    offset: NDArray[np.int64]
    came_ms: NDArray[np.int64]
    """When each came, -1 = it does not say."""
    spans: NDArray[np.int32]
    """(5, n) start and length of the key, start and length of the value (-1 = null), start of the headers."""

    def __len__(self) -> int:
        return len(self.offset)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> WireRecords: ...
    def __getitem__(self, index: int | slice) -> Record | WireRecords:
        if isinstance(index, slice):
            return WireRecords(self.data, self.offset[index], self.came_ms[index], self.spans[:, index])
        key, key_size, value, value_size, headers = (int(one) for one in self.spans[:, index])
        return Record(
            int(self.offset[index]),
            _cut(self.data, key, key_size),
            _cut(self.data, value, value_size),
            int(self.came_ms[index]),
            headers_at(self.data, headers),
        )


def _cut(data: bytes, start: int, size: int) -> bytes | None:
    return None if size < 0 else data[start : start + size]


def headers_at(data: bytes, at: int) -> tuple[tuple[str, bytes], ...]:
    """Read a record's headers; where they are not well formed there are none: no record may stop a reader."""
    found = []
    try:
        count, at = varint(data, at)
        for _ in range(count):
            name, at = sized(data, at)
            value, at = sized(data, at)
            found.append(((name or b"").decode(errors="replace"), value or b""))
    except IndexError:
        return ()
    return tuple(found)


def sized(data: bytes, at: int) -> tuple[bytes | None, int]:
    """Read bytes behind their size → (the bytes, None = null; position behind them)."""
    size, at = varint(data, at)
    if size > len(data) - at:
        raise IndexError(f"{size} bytes are not there")
    return (None, at) if size < 0 else (data[at : at + size], at + size)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag varint → (value, position behind it)."""
    number = 0
    for shift in range(0, _VARINT_BITS, 7):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return (number >> 1) ^ -(number & 1), at
    raise IndexError("a number does not end")


def uncompressed(batch: WireBatch) -> bytes:
    """Write a batch as it would lie in the log without compression, and with no checksum: `_batch` has looked at it."""
    attributes = _APPEND_TIME if batch.fixed_ms >= 0 else 0
    delta = max(batch.records - 1, 0)
    checked = _CHECKED.pack(attributes, delta, batch.base_ms, max(batch.fixed_ms, 0), -1, -1, -1, batch.records)
    checked += batch.body
    size = _UNCHECKED.size - _BEFORE_LENGTH + len(checked)
    return _UNCHECKED.pack(batch.base_offset, size, -1, _MAGIC, 0) + checked


def _together(batches: Sequence[WireBatch]) -> tuple[bytes, list[int]]:
    """Return bytes that hold the bodies of all batches, and where each begins: what the fetch brought, if it can be."""
    bodies = [batch.body for batch in batches]
    found = {id(body.obj): body.obj for body in bodies if isinstance(body, memoryview)}
    if len(found) == 1 and all(batch.begin >= 0 for batch in batches):
        (data,) = found.values()
        if isinstance(data, bytes):
            return data, [batch.begin for batch in batches]
    ends = list(accumulate(map(len, bodies), initial=0))
    return b"".join(bodies), ends[:-1]


def framed(batches: Iterable[WireBatch]) -> WireRecords:
    """Take the records of batches apart.

    Raises CorruptRecordException where their bytes are no records.
    """
    from streams.kernel.wire import frame_all

    held = list(batches)
    data, begins = _together(held)
    rows = [
        (at, at + len(batch.body), batch.base_offset, batch.base_ms, batch.records, batch.fixed_ms, batch.read_ms)
        for batch, at in zip(held, begins, strict=True)
    ]
    found = frame_all(data, np.array(rows, np.int64).reshape(-1, 7))
    if found is None:
        raise CorruptRecordException(f"the batch at offset {held[0].base_offset} or one behind it holds no records")
    (offset, came_ms), spans = found
    first = int(np.searchsorted(offset, held[0].begin_offset))
    records = WireRecords(data, offset, came_ms, spans)
    return records[first:] if first else records
