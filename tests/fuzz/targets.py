"""What is fuzzed: each target takes any bytes and raises where a promise is broken."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.structs import TopicPartition

from streams.contract.frames import decode_header, decode_rows
from streams.contract.metric_frames import decode_metrics
from streams.contract.stage import Record
from streams.domains.schema import Schema, load_schemas
from streams.errors import FrameError, NewerError
from streams.intake.columns import Columns, of_readings
from streams.intake.decode import Decoded, decode_fast, decode_slow, originals
from streams.intake.packing import plain
from streams.kernel import rows, texts
from streams.transport.wire import WireFetch, framed, is_wire

SENSORS = ("d0", "d1", "路口-7", "a" * 40, "d11")
CODES = {name: code for code, name in enumerate(SENSORS)}
SCHEMAS = tuple(load_schemas().values())
UNCOMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
"""The kernel runs as Python, so that the fuzzer sees its branches and an index beyond the record is an error."""

with np.errstate(over="ignore"):  # the hash of a sensor's id wraps around
    _TABLE = texts.sensor_table(list(SENSORS))
_NAMES = {
    schema.domain: texts.texts([b"sensor", b"at", *(name.encode() for name in schema.names)]) for schema in SCHEMAS
}
_SOURCE = TopicPartition("t", 0)


class Guarded(bytes):
    """Bytes for the kernel where it runs as Python: whole numbers as when compiled, and no index from behind."""

    def __getitem__(self, at: Any) -> Any:
        if at < 0:
            raise IndexError(f"the kernel reads {-at} bytes before its data")
        return super().__getitem__(int(at))


class Readings(Decoded):
    """Decoded readings as `columns.of_readings` wants them: all of record 0."""

    @property
    def records(self) -> list[int]:
        return [0] * len(self.readings)


def decode(data: bytes) -> None:
    """Judge a record by the fast decoder, the slow one and the kernel; the first byte chooses the domain."""
    schema, value = SCHEMAS[data[0] % len(SCHEMAS)] if data else SCHEMAS[0], data[1:]
    slow = decode_slow(value, schema)
    judged = sorted([*slow.places, *(one.place for one in slow.refused)])
    assert judged == list(range(len(judged))), "a place is judged twice or not at all"
    payloads = originals(value)
    for one in slow.refused if plain(value)[0] == value else ():
        assert one.payload == (payloads[one.place] if len(judged) > 1 else one.payload), "a payload is not as it came"
    fast = decode_fast(value, schema) if value else None
    if fast is not None:
        assert not slow.refused, "the fast decoder takes what the slow one refuses"
        assert slow.unknown_fields == 0
        mine = columns(Readings(fast, list(range(len(fast)))), schema)
        assert same(mine, columns(Readings(slow.readings, slow.places), schema))
        assert [one.sensor for one in fast] == [one.sensor for one in slow.readings]
    taken = by_kernel(value, schema)
    if taken is not None:
        assert not slow.refused
        assert slow.unknown_fields == 0
        assert same(taken, columns(Readings(slow.readings, slow.places), schema))


def columns(decoded: Readings, schema: Schema) -> Columns:
    return of_readings(decoded, schema, CODES)


def same(one: Columns, other: Columns) -> bool:
    """Tell whether both hold the same readings, bit by bit."""
    names = ("place", "sensor", "at_ms")
    return all(getattr(one, name).tolist() == getattr(other, name).tolist() for name in names) and all(
        values.tobytes() == other.values[name].tobytes() for name, values in one.values.items()
    )


def by_kernel(value: bytes, schema: Schema) -> Columns | None:
    """What the kernel makes of a record that fills its data to the last byte; None = not taken."""
    room = len(value) // 20 + 1
    codes = np.empty((3, room), np.int32)
    out = rows.Out(codes[0], codes[1], codes[2], np.empty(room, np.int64), np.empty((len(schema.names), room)))
    spans = np.zeros(1, np.int32), np.array([len(value)], np.int32)
    verdict = np.empty(1, np.int8)
    held: Any = Guarded(value) if UNCOMPILED else np.frombuffer(value, np.uint8)
    with np.errstate(over="ignore"):
        record, count = rows.read(held, spans, (_NAMES[schema.domain], _TABLE), out, verdict, 0)
    assert (record, count > 0) == (1, verdict[0] == rows.TAKEN), "a record that is not taken leaves nothing"
    if verdict[0] != rows.TAKEN:
        return None
    values = {name: out.values[index, :count] for index, name in enumerate(schema.names)}
    return Columns(out.record[:count], out.place[:count], out.sensor[:count], out.at_ms[:count], values)


def wire(data: bytes) -> None:
    """Read what a fetch brought, its checksums not checked; the first two bytes are where it was asked to begin."""
    begin, data = int.from_bytes(data[:2], "big"), data[2:]
    try:
        if not is_wire(data):
            return
        fetch = WireFetch(_SOURCE, data, begin, check=False)
        batches = list(fetch)
        assert fetch.next_fetch_offset >= begin
        if not batches:
            return
        found = framed(batches)
    except (CorruptRecordException, UnsupportedCodecError):
        return
    for start, size in ((0, 1), (2, 3)):
        assert (found.spans[start] >= 0).all()
        assert (found.spans[start] + np.maximum(found.spans[size], 0) <= len(found.data)).all()
    for record in found[:1000]:
        assert isinstance(record, Record)


_SIZES = struct.Struct(">BHH")


def frames(data: bytes) -> None:
    """Read internal records: a frame's header, its sensors and rows; or a frame of metrics."""
    if len(data) < _SIZES.size:
        return
    kind, header_size, sensors_size = _SIZES.unpack_from(data)
    data = data[_SIZES.size :]
    try:
        if kind % 2:
            frame = decode_metrics(data)
            assert isinstance(len(frame.rows), int)
            return
        parts = (
            ("frame", data[:header_size]),
            ("sensors", data[header_size : header_size + sensors_size]),
        )
        header = decode_header(Record(0, None, None, 0, parts if sensors_size else parts[:1]))
        found = decode_rows(header, data[header_size + sensors_size :])
    except (FrameError, NewerError):
        return
    count = len(found.at_ms)
    assert all(len(one) == count for one in (found.offset, found.place, found.sensor, found.lag_ms))
    assert all(len(values) == count and values.dtype == np.float64 for values in found.columns.values())
    assert count == 0 or 0 <= found.sensor.min() <= found.sensor.max() < len(header.sensors)
    assert set(found.columns) == set(header.columns)
    assert msgspec.json.encode(header)


TARGETS: dict[str, Callable[[bytes], None]] = {"decode": decode, "wire": wire, "frames": frames}
