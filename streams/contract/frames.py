"""The wire form of a frame of readings: one Kafka record, its header beside an Arrow IPC stream of its rows.

The header travels in the record headers `frame` and, where there are rows, `sensors` (JSON), so that a frame without
rows (a mark that moved) costs no Arrow. The sensors stand by themselves: their list is the same from frame to frame.
Columns: offset (int64), place (int32), sensor (int32 index into the header's `sensors`), at_ms (int64), lag_ms (int64:
the source's mark at this row less its time and its sensor's lag; above 0 = late), then the float64 measurements; NaN =
not observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from streams.contract.stage import Message
from streams.errors import FrameError, NewerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streams.contract.stage import Record

HEADER = "frame"
"""A frame that older code must not take for this one, or pass over, is `frame.2` and so on."""
SENSORS = "sensors"
ALL_ZONES = ""
"""`zone` of a frame that carries a mark only, for every zone of its partition."""

FIXED = (
    ("offset", pa.int64()),
    ("place", pa.int32()),
    ("sensor", pa.int32()),
    ("at_ms", pa.int64()),
    ("lag_ms", pa.int64()),
)
FIXED_NAMES = tuple(name for name, _ in FIXED)
LISTS_BYTES = 2 * 2**20
"""Text of the lists of sensors that a process remembers; some ten times as much once they are read."""

LAST_PLACE = 2**31 - 1
"""Place that stands for the end of a record."""

MARK_STEP_MS = 1_000
"""Marks are told, and watermarks move, by steps of this, so that nobody is called for less."""


class FrameHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Where a frame's rows come from, and how far its source has come with them."""

    city: str
    zone: str
    version: str
    """Version of the city folder that placed its sensors."""
    source: int
    """Inbox partition."""
    first: tuple[int, int]
    """(offset, place) of its first row."""
    last: tuple[int, int]
    mark_ms: int
    """No row of this source after `last` is expected before this event time."""
    sent: int = 0
    """Rows of this source for this zone up to `last`: what the zone must have counted. A mark says nothing: 0."""
    sensors: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of a frame as it travelled, before it is cut and de-duplicated."""

    offset: NDArray[np.int64]
    place: NDArray[np.int32]
    sensor: NDArray[np.int32]
    """Index into the header's `sensors`."""
    at_ms: NDArray[np.int64]
    lag_ms: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> FrameRows:
        """Return the rows that an index, mask or slice selects, in its order."""
        return FrameRows(
            self.offset[rows],
            self.place[rows],
            self.sensor[rows],
            self.at_ms[rows],
            self.lag_ms[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


_header_decoder = msgspec.json.Decoder(FrameHeader)
_names_decoder = msgspec.json.Decoder(tuple[str, ...])


class _Lists:
    """Lists of names by their text: the same object for the same text, until there are too many of them."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[str, ...]] = {}
        self._size_bytes = 0

    def of(self, text: bytes) -> tuple[str, ...]:
        """Read a list."""
        names = self._found.get(text)
        if names is None:
            names = _names_decoder.decode(text)
            self._size_bytes += len(text)
            if self._size_bytes > LISTS_BYTES:
                self._found.clear()
                self._size_bytes = len(text)
            self._found[text] = names
        return names


_lists = _Lists()


@cache
def _schema(columns: tuple[str, ...]) -> tuple[pa.Schema, bytes]:
    if len({*columns, *FIXED_NAMES}) < len(columns) + len(FIXED):
        raise FrameError(f"a column comes twice in {columns}")
    schema = pa.schema([*FIXED, *((name, pa.float64()) for name in columns)])
    return schema, schema.serialize().to_pybytes()


def encode_frame(topic: str, partition: int, header: FrameHeader, rows: FrameRows | None) -> Message:
    """Return the record of a frame; without rows its value is empty."""
    value = b""
    if rows is not None:
        schema, head = _schema(header.columns)
        arrays = [
            rows.offset,
            rows.place,
            rows.sensor,
            rows.at_ms,
            rows.lag_ms,
            *(rows.columns[name] for name in header.columns),
        ]
        batch = pa.RecordBatch.from_arrays([pa.array(array) for array in arrays], schema=schema)
        value = head + batch.serialize().to_pybytes()
    headers = [(HEADER, msgspec.json.encode(msgspec.structs.replace(header, sensors=())))]
    if header.sensors:
        headers.append((SENSORS, msgspec.json.encode(header.sensors)))
    return Message(topic, header.zone.encode(), value, partition, tuple(headers))


def decode_header(record: Record) -> FrameHeader:
    """Read a frame's header.

    Raises FrameError when the record is no frame, NewerError when a newer version wrote it.
    """
    parts = dict(record.headers)
    if HEADER not in parts:
        if any(name.startswith(f"{HEADER}.") for name in parts):
            raise NewerError(f"offset {record.offset}: a newer CityWall wrote this frame; start that one again")
        raise FrameError(f"offset {record.offset}: the record has no frame header")
    try:
        header = _header_decoder.decode(parts[HEADER])
        return msgspec.structs.replace(header, sensors=_lists.of(parts[SENSORS])) if SENSORS in parts else header
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as exc:  # TypeError: a null header
        raise FrameError(f"offset {record.offset}: the frame header is not understood: {exc}") from exc


def decode_rows(header: FrameHeader, value: bytes) -> FrameRows:
    """Read a frame's rows.

    Raises FrameError when they are not the Arrow stream that the header announces.
    """
    schema, head = _schema(header.columns)
    try:
        if value.startswith(head):
            batch = pa.ipc.read_record_batch(pa.py_buffer(memoryview(value)[len(head) :]), schema)
        else:
            batch = pa.ipc.open_stream(value).read_next_batch()
            if batch.schema != schema:
                raise ValueError(f"its columns are {batch.schema.names}")
        batch.validate()
        columns = batch.columns
        if any(column.null_count for column in columns[: len(FIXED)]):
            raise ValueError("a place or time is null")
    except (pa.ArrowException, OSError, EOFError, StopIteration, ValueError) as exc:
        raise FrameError(
            f"the rows of a frame of zone {header.zone} are not the Arrow stream announced: {exc}"
        ) from exc
    offset, place, sensor, at_ms, lag_ms, *values = (column.to_numpy(zero_copy_only=False) for column in columns)
    if len(sensor) and not 0 <= sensor.min() <= sensor.max() < len(header.sensors):
        raise FrameError(f"the rows of a frame of zone {header.zone} are of sensors that its header does not name")
    return FrameRows(offset, place, sensor, at_ms, lag_ms, dict(zip(header.columns, values, strict=True)))
