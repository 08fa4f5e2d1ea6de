"""The kernel's side of intake: framed records of a domain straight into columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.intake.columns import Columns
from streams.kernel import rows
from streams.kernel.texts import Sensors, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.transport.wire import WireRecords

LEAST_READING_BYTES = len(b'{"sensor":"","at":0}')
"""No reading is shorter, so a record holds at most so many."""


class Reader:
    """Reads one domain's records for one version of the city."""

    def __init__(self, columns: Sequence[str], sensors: Sensors) -> None:
        self._columns = tuple(columns)
        self._tables = (texts([b"sensor", b"at", *(name.encode() for name in columns)]), sensors)

    def read(self, records: WireRecords) -> tuple[Columns, NDArray[np.int8]]:
        """Read what the kernel takes → (its readings, (records,) verdicts of `streams.kernel.rows`)."""
        data = np.frombuffer(records.data, np.uint8)
        start, size = (np.ascontiguousarray(records.spans[row]) for row in (2, 3))
        verdict = np.empty(len(records), np.int8)
        held: list[rows.Out] = []
        record, room = 0, len(records) + 64
        while not held or record < len(records):
            out = _room(len(self._columns), room)
            record, count = rows.read(data, (start, size), self._tables, out, verdict, record)
            held.append(_first(out, count))
            room = int(np.maximum(size[record:], 0).sum()) // LEAST_READING_BYTES + 1
        out = held[0] if len(held) == 1 else _concatenated(held)
        values = dict(zip(self._columns, out.values, strict=True))
        return Columns(out.record, out.place, out.sensor, out.at_ms, values), verdict


def _room(columns: int, readings: int) -> rows.Out:
    codes = np.empty((3, readings), np.int32)
    return rows.Out(codes[0], codes[1], codes[2], np.empty(readings, np.int64), np.empty((columns, readings)))


def _first(out: rows.Out, count: int) -> rows.Out:
    return rows.Out(out.record[:count], out.place[:count], out.sensor[:count], out.at_ms[:count], out.values[:, :count])


def _concatenated(held: Sequence[rows.Out]) -> rows.Out:
    columns: list[Any] = [np.concatenate(parts, axis=-1) for parts in zip(*held, strict=True)]
    return rows.Out(*columns)
