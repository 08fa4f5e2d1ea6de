"""A chunk of inbox records decoded into one batch of readings, each with where it came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.decode import Refused, decode_fast, decode_slow
from streams.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.engine.stage import Record
    from streams.schema import Schema

MARK = "mark"
"""Record header of a feed's mark: an empty record that says that everything before that event time is sent."""

_OBJECT = ord("{")


@dataclass(frozen=True, slots=True)
class Batch:
    """The readings of a chunk in source order, (n,) each, and what was refused on the way."""

    readings: list[Any]
    offset: NDArray[np.int64]
    place: NDArray[np.int32]
    sent_ms: NDArray[np.int64]
    """When the reading's record was sent."""
    fed_mark_ms: NDArray[np.int64]
    """Newest mark of the feed before the reading, NO_TIME_MS = none."""
    refused: list[tuple[int, Refused]]
    """(offset, what and why)."""
    unknown_fields: int
    last_fed_mark_ms: int
    """Newest mark of the feed at the end of the chunk."""


@dataclass
class _Drafts:
    """A batch while its records are decoded one after the other; `counts[i]` readings came from record i."""

    readings: list[Any] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)
    """Index of a record → the mark from it on."""
    places: dict[int, list[int]] = field(default_factory=dict)
    """Index of a record → the places of its readings, where they are not 0, 1, 2…"""
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    unknown_fields: int = 0


def decode_batch(records: Sequence[Record], schema: Schema, fed_mark_ms: int) -> Batch:
    """Decode the records; `fed_mark_ms` is the newest mark before them."""
    drafts = _Drafts()
    one, add, count = schema.decode_one, drafts.readings.append, drafts.counts.append
    for index, record in enumerate(records):
        value = record.value
        try:
            if value and value[0] == _OBJECT:
                add(one(value))
                count(1)
                continue
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
        count(_other(drafts, index, record, schema))
    return _joined(drafts, records, fed_mark_ms)


def _other(drafts: _Drafts, index: int, record: Record, schema: Schema) -> int:
    """Decode a record that is not one well-formed object → how many readings it had."""
    value = record.value
    if not value:
        mark = dict(record.headers).get(MARK, b"")
        if mark.lstrip(b"-").isdigit():
            drafts.marks[index] = int(mark)
            return 0
    readings = decode_fast(value, schema) if value else None
    if readings is None:
        decoded = decode_slow(value, schema)
        readings = decoded.readings
        drafts.places[index] = decoded.places
        drafts.refused += [(record.offset, refused) for refused in decoded.refused]
        drafts.unknown_fields += decoded.unknown_fields
    drafts.readings += readings
    return len(readings)


def _joined(drafts: _Drafts, records: Sequence[Record], fed_mark_ms: int) -> Batch:
    counts = np.array(drafts.counts, np.int64)
    of_record = np.repeat(np.arange(len(records)), counts)
    starts = np.cumsum(counts) - counts
    place = (np.arange(len(of_record)) - starts[of_record]).astype(np.int32)
    for index, places in drafts.places.items():
        place[starts[index] : starts[index] + len(places)] = places
    marks = np.full(len(records), NO_TIME_MS, np.int64)
    marks[list(drafts.marks)] = list(drafts.marks.values())
    marks = np.maximum(np.maximum.accumulate(marks), fed_mark_ms) if len(marks) else marks
    return Batch(
        drafts.readings,
        np.array([record.offset for record in records], np.int64)[of_record],
        place,
        np.array([record.timestamp for record in records], np.int64)[of_record],
        marks[of_record],
        drafts.refused,
        drafts.unknown_fields,
        int(marks[-1]) if len(marks) else fed_mark_ms,
    )
