"""Read readings from JSON straight into columns: objects, arrays and NDJSON of a domain's schema.

Takes what departments send every day: the schema's own names, numbers that a double holds exactly (also as text), known
sensors, times as epoch milliseconds or ISO 8601. A record with anything else is refused whole, and the slow decoder
judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.kernel.characters import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    NEWLINE,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
)
from streams.kernel.compiling import compiled, inlined
from streams.kernel.numbers import number_text_or_null
from streams.kernel.texts import Sensors, Texts, find_name, find_sensor
from streams.kernel.times import time

if TYPE_CHECKING:
    from numpy.typing import NDArray

SENSOR, AT = 0, 1
"""Places of the two required names; the columns follow."""
REQUIRED = 0b11
BITS = 64
"""So many names are told apart; what has one beyond is left to the slow decoder."""
TAKEN, REFUSED, EMPTY = 0, 1, 2
"""Verdicts on a record."""
FULL = -1
"""The outputs hold no further reading."""


class Out(NamedTuple):
    """Where readings go: (n,) record, place, sensor, at_ms, and (columns, n) values."""

    record: NDArray[np.int32]
    place: NDArray[np.int32]
    sensor: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]


@compiled
def blank(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Return the position behind white space."""
    while at < end and (data[at] == SPACE or TAB <= data[at] <= NEWLINE or data[at] == RETURN):
        at += 1
    return at


@inlined
def _reading(data: NDArray[np.uint8], at: int, end: int, tables: tuple[Texts, Sensors], out: Out, row: int) -> int:
    """Read the members of an object into `row` → the position behind its `}`, -1 = not taken."""
    for column in range(out.values.shape[0]):
        out.values[column, row] = np.nan
    names, sensors = tables
    found = expected = 0
    while True:
        at = blank(data, at, end)
        if at >= end or data[at] != QUOTE:
            return -1
        index, at = find_name(data, at + 1, end, names, expected)
        if index < 0 or index >= BITS or found & (1 << index):
            return -1
        found |= 1 << index
        expected = index + 1
        at = blank(data, at, end)
        if at >= end or data[at] != COLON:
            return -1
        at = blank(data, at + 1, end)
        if index == SENSOR:
            if at >= end or data[at] != QUOTE:
                return -1
            code, at = find_sensor(data, at + 1, end, sensors)
            if code < 0:
                return -1
            out.sensor[row] = code
        elif index == AT:
            at_ms, at = time(data, at, end)
            out.at_ms[row] = at_ms
        else:
            value, at = number_text_or_null(data, at, end)
            out.values[index - 2, row] = value
        if at < 0:
            return -1
        at = blank(data, at, end)
        if at >= end or (data[at] != COMMA and data[at] != CLOSE_OBJECT):
            return -1
        if data[at] == CLOSE_OBJECT:
            return at + 1 if found & REQUIRED == REQUIRED else -1
        at += 1


@compiled
def _has_newline(data: NDArray[np.uint8], at: int, end: int) -> bool:
    for one in range(at, end):
        if data[one] == NEWLINE:
            return True
    return False


@inlined
def _record(data: NDArray[np.uint8], at: int, end: int, tables: tuple[Texts, Sensors], out: Out, row: int) -> int:
    """Read a record's readings from `row` on → how many; 0 = not taken, FULL = no room."""
    in_list = data[at] == OPEN_LIST
    at = blank(data, at + 1, end) if in_list else at
    first = row
    while True:
        if at >= end or data[at] != OPEN_OBJECT:
            return 0
        if row >= len(out.record):
            return FULL
        begin = at
        at = _reading(data, at + 1, end, tables, out, row)
        if at < 0:
            return 0
        out.place[row] = row - first
        row += 1
        last_begin = begin
        begin = at
        at = blank(data, at, end)
        if in_list:
            if at < end and data[at] == CLOSE_LIST:
                return row - first if blank(data, at + 1, end) == end else 0
            if at >= end or data[at] != COMMA:
                return 0
            at = blank(data, at + 1, end)
        elif at == end and row - first == 1:
            return 1  # alone, an object may have any number of lines
        elif _has_newline(data, last_begin, begin):
            return 0
        elif at == end:
            return row - first
        elif not _has_newline(data, begin, at):
            return 0


@compiled
def read(
    data: NDArray[np.uint8],
    spans: tuple[NDArray[np.int32], NDArray[np.int32]],
    tables: tuple[Texts, Sensors],
    out: Out,
    verdict: NDArray[np.int8],
    record: int,
) -> tuple[int, int]:
    """Read records from `record` on into `out` → (next record, readings); not all of them where `out` is full.

    `spans` are start and size, (n,) each, of the records' values in `data`; `tables` are the names `sensor`, `at` and
    the columns', and the sensors. `verdict`, (n,), is filled.
    """
    start, size = spans
    row = 0
    while record < len(start):
        begin, length = start[record], size[record]
        if length <= 0:
            verdict[record] = EMPTY
        else:
            taken = _record(data, begin, begin + length, tables, out, row)
            if taken == FULL:
                break
            verdict[record] = TAKEN if taken > 0 else REFUSED
            for one in range(row, row + taken):
                out.record[one] = record
            row += taken
        record += 1
    return record, row
