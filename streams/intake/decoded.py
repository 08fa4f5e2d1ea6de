"""A chunk of inbox records decoded into one batch of columns, each reading with where it came from. Pure.

The kernel takes what it can of framed records; the rest, and everything where there is no kernel, is decoded record by
record. Both yield the same columns, so nothing behind this file knows who decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.contract.records import EXACT, MARK, NO_TIME_MS
from streams.intake.columns import Columns, joined, of_readings
from streams.intake.decode import Refused, decode_fast, decode_slow, timed
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.contract.stage import Record
    from streams.domains.schema import Schema
    from streams.intake.reader import Reader

BLOCK_RECORDS = 256
MOST_MARK_MS = 2**53
"""A mark beyond is none: no city clock gets there."""
_WHOLE = re.compile(rb"-?[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The readings of a chunk, and what was refused on the way."""

    rows: Columns
    refused: list[tuple[int, Refused]]
    """(index of the record, what and why)."""
    unknown_fields: int
    fed_ms: NDArray[np.int64]
    """(records,) the mark of the feed that each record is, NO_TIME_MS = none."""
    exact: bool
    """Whether a mark among them says that it is exact."""


@dataclass
class _Drafts:
    """What the records decoded one after the other held."""

    readings: list[Any] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    """Index of the record of each reading."""
    places: list[int] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)
    """Index of a record → the mark that it is."""
    exact: bool = False
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    unknown_fields: int = 0


def decode_batch(
    records: Sequence[Record], schema: Schema, sensor_code: dict[str, int], reader: Reader | None
) -> Decoded:
    """Decode the records; `reader` is for framed ones."""
    drafts = _Drafts()
    if reader is not None and isinstance(records, WireRecords):
        taken, verdict = reader.read(records)
        for index in np.flatnonzero(verdict).tolist():
            _other(drafts, index, records[index], schema)
        rows = joined(taken, of_readings(drafts, schema, sensor_code)) if drafts.readings else taken
    else:
        _decode_each(drafts, records, schema)
        rows = of_readings(drafts, schema, sensor_code)
    fed_ms = np.full(len(records), NO_TIME_MS, np.int64)
    fed_ms[list(drafts.marks)] = list(drafts.marks.values())
    return Decoded(rows, drafts.refused, drafts.unknown_fields, fed_ms, drafts.exact)


def _decode_each(drafts: _Drafts, records: Sequence[Record], schema: Schema) -> None:
    """Decode blocks of plain objects in one go, and the records of any other block one by one."""
    for first in range(0, len(records), BLOCK_RECORDS):
        block = records[first : first + BLOCK_RECORDS]
        try:
            readings = list(map(schema.decode_one, [record.value or b"" for record in block]))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            readings = []
        if not readings or not timed(readings):
            for index, record in enumerate(block, start=first):
                _other(drafts, index, record, schema)
            continue
        drafts.readings += readings
        drafts.records += range(first, first + len(block))
        drafts.places += repeat(0, len(block))


def _other(drafts: _Drafts, index: int, record: Record, schema: Schema) -> None:
    """Decode a record of any form."""
    value = record.value
    if not value:
        mark_ms = _mark_ms(record)
        if mark_ms is not None:
            drafts.marks[index] = mark_ms
            drafts.exact |= EXACT in dict(record.headers)
            return
    readings = decode_fast(value, schema) if value else None
    places: Sequence[int] = range(len(readings or ()))
    if readings is None:
        decoded = decode_slow(value, schema)
        readings, places = decoded.readings, decoded.places
        drafts.refused += [(index, refused) for refused in decoded.refused]
        drafts.unknown_fields += decoded.unknown_fields
    drafts.readings += readings
    drafts.places += places
    drafts.records += [index] * len(readings)


def _mark_ms(record: Record) -> int | None:
    mark = dict(record.headers).get(MARK) or b""  # Kafka knows null headers
    mark_ms = int(mark) if _WHOLE.fullmatch(mark) else MOST_MARK_MS + 1
    return mark_ms if abs(mark_ms) <= MOST_MARK_MS else None
