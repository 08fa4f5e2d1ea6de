"""Intake of one inbox partition: a chunk of JSON records becomes frames, dead letters and a new state. Pure.

in      city.inbox.v1.<domain>: JSON; a record with the header `mark` and no value: everything before that time is sent
out     city.readings.v1.<domain>: frames; city.dead_letters.v1
state   next offset, marks, counters: a few numbers
drops   `streams.schema.REASONS`, each a dead letter
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.batch import Batch, decode_batch
from streams.decode import MAX_AT_MS, Refused, epoch_ms
from streams.frames import ALL_ZONES, LAST_PLACE, FrameHeader, FrameRows
from streams.records import NO_TIME_MS, DeadLetter
from streams.schema import implausible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.city import City
    from streams.clock import CityClock
    from streams.engine.stage import Chunk, Record
    from streams.schema import Schema

FUTURE_MS = 5 * 60_000
"""A reading further ahead of the city clock than this has an impossible clock (design.md 6.3)."""

DISORDER_MS = 5_000
"""Where a source's feed gives no marks, readings up to this much out of order are on time. Own choice."""

FRAME_ROWS = 5_000


class IntakeState(msgspec.Struct, kw_only=True):
    """What intake knows of one inbox partition; written after each chunk as one record."""

    offset: int = 0
    """Next offset to take."""
    fed_mark_ms: int = NO_TIME_MS
    """Newest mark of the source's feed, NO_TIME_MS = its feed gives none."""
    newest_ms: int = NO_TIME_MS
    """Highest plausible event time."""
    sent: dict[str, int] = msgspec.field(default_factory=dict)
    """Zone id → rows sent to it."""
    readings_in: int = 0
    dead_lettered: dict[str, int] = msgspec.field(default_factory=dict)
    unknown_fields: int = 0
    first_at_ms: int | None = None
    last_at_ms: int | None = None

    @property
    def mark_ms(self) -> int:
        """No row that follows is expected before this event time."""
        if self.fed_mark_ms != NO_TIME_MS or self.newest_ms == NO_TIME_MS:
            return self.fed_mark_ms
        return self.newest_ms - DISORDER_MS


@dataclass(frozen=True, slots=True)
class Taken:
    """What a chunk became."""

    frames: list[tuple[FrameHeader, FrameRows]]
    mark: FrameHeader
    """Where the chunk ends and how far its source has come: for every zone."""
    dead: list[DeadLetter]
    state: IntakeState


def take(chunk: Chunk, state: IntakeState, city: City, schema: Schema, clock: CityClock) -> Taken:
    """Turn the records of a chunk, from `state.offset` on, into frames and dead letters."""
    records = [record for record in chunk.records if record.offset >= state.offset]
    batch = decode_batch(records, schema, state.fed_mark_ms)
    checked = _check(batch, records, city, schema, clock)
    newest = (
        np.maximum.accumulate(np.maximum(checked.rows.at_ms, state.newest_ms))
        if len(checked.rows.at_ms)
        else checked.rows.at_ms
    )
    fed = checked.fed_mark
    mark = np.where(fed != NO_TIME_MS, fed, newest - DISORDER_MS)
    np.subtract(mark, checked.rows.at_ms, out=checked.rows.lag_ms)
    dead = [
        DeadLetter(refused.payload, refused.reason, chunk.topic, chunk.partition, offset, refused.place)
        for offset, refused in sorted(batch.refused + checked.refused, key=lambda one: (one[0], one[1].place))
    ]
    after = _count(state, batch, checked, dead, records)
    end = (records[-1].offset if records else state.offset - 1, LAST_PLACE)
    mark_ms, source = after.mark_ms, chunk.partition
    whole = FrameHeader(
        city=city.id, zone=ALL_ZONES, version=city.version, source=source, first=end, last=end, mark_ms=mark_ms
    )
    frames = _cut(checked, mark, whole, city, state.sent)
    after.sent = state.sent | {header.zone: header.sent for header, _ in frames}
    return Taken(frames, whole, dead, after)


@dataclass(frozen=True, slots=True)
class _Checked:
    rows: FrameRows
    """`sensor` holds city codes here, `lag_ms` is filled by `take`."""
    fed_mark: NDArray[np.int64]
    refused: list[tuple[int, Refused]]


def _check(batch: Batch, records: Sequence[Record], city: City, schema: Schema, clock: CityClock) -> _Checked:
    """Apply the checks in their order: type, range, sensor, clock."""
    readings = batch.readings
    at_ms = _times(readings)
    columns = _columns(readings, schema)
    code_of = city.sensor_code
    sensor = np.array([code_of.get(reading.sensor, -1) for reading in readings], np.int32)
    reason = np.zeros(len(readings), np.int8)
    for number, bad in enumerate(_judge(at_ms, columns, sensor, batch, (city, schema, clock)), start=1):
        reason[(reason == 0) & bad] = number
    refused = []
    if reason.any():
        values = {record.offset: record.value for record in records}
        for row in np.flatnonzero(reason):
            offset, place = int(batch.offset[row]), int(batch.place[row])
            refused.append((offset, Refused(place, CHECKS[reason[row] - 1], _original(values[offset], place))))
    keep = reason == 0
    rows = FrameRows(
        batch.offset[keep],
        batch.place[keep],
        sensor[keep],
        at_ms[keep],
        np.zeros(int(keep.sum()), np.int64),
        {name: values[keep] for name, values in columns.items()},
    )
    return _Checked(rows, batch.fed_mark_ms[keep], refused)


CHECKS = ("bad_time", "not_finite", "out_of_range", "unknown_sensor", "future")


def _judge(
    at_ms: NDArray[np.int64],
    columns: dict[str, NDArray[np.float64]],
    sensor: NDArray[np.int32],
    batch: Batch,
    context: tuple[City, Schema, CityClock],
) -> list[NDArray[np.bool_]]:
    """Return one (n,) mask of failing rows for each of `CHECKS`."""
    city, schema, clock = context
    none = np.zeros(len(at_ms), bool)
    infinite, implausible_ = none.copy(), none.copy()
    for name, values in columns.items():
        infinite |= np.isinf(values)
        implausible_ |= implausible(schema, name, values)
    known = city.sensors_of_domain.get(schema.domain)
    unknown = ~known[sensor] if known is not None else ~none
    sent, inverse = np.unique(batch.sent_ms, return_inverse=True)
    now = np.array([clock.at(int(one)) for one in sent], np.int64)[inverse] if len(sent) else sent
    return [np.abs(at_ms) > MAX_AT_MS, infinite, implausible_, unknown, at_ms > now + FUTURE_MS]


def _times(readings: Sequence[Any]) -> NDArray[np.int64]:
    try:
        return np.array([reading.at for reading in readings], np.int64)
    except (TypeError, OverflowError):
        return np.array(
            [min(max(epoch_ms(reading.at), -MAX_AT_MS - 1), MAX_AT_MS + 1) for reading in readings], np.int64
        )


def _columns(readings: Sequence[Any], schema: Schema) -> dict[str, NDArray[np.float64]]:
    """Return the columns that at least one reading has."""
    found = {}
    for name in schema.names:
        values = np.array([getattr(reading, name) for reading in readings], np.float64)
        if not np.isnan(values).all():
            found[name] = values
    return found


def _original(value: bytes | None, place: int) -> bytes:
    """Return the bytes of the reading at `place` of a record that was decoded."""
    if value is None:
        return b""
    try:
        if value[:1] == b"[":
            return bytes(msgspec.json.decode(value, type=list[msgspec.Raw])[place])
    except msgspec.MsgspecError:
        return value
    lines = [line for line in value.split(b"\n") if line.strip()]
    return lines[place] if len(lines) > place > 0 or len(lines) > 1 else value


def _count(
    state: IntakeState, batch: Batch, checked: _Checked, dead: Sequence[DeadLetter], records: Sequence[Record]
) -> IntakeState:
    reasons = dict(state.dead_lettered)
    for letter in dead:
        reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
    at_ms = checked.rows.at_ms
    seen = [int(at_ms.min()), int(at_ms.max())] if len(at_ms) else []
    firsts = [one for one in (state.first_at_ms, *seen[:1]) if one is not None]
    lasts = [one for one in (state.last_at_ms, *seen[1:]) if one is not None]
    return IntakeState(
        offset=records[-1].offset + 1 if records else state.offset,
        fed_mark_ms=batch.last_fed_mark_ms,
        newest_ms=max([state.newest_ms, *seen[1:]]),
        readings_in=state.readings_in + len(at_ms) + len(dead),
        dead_lettered=reasons,
        unknown_fields=state.unknown_fields + batch.unknown_fields,
        first_at_ms=min(firsts, default=None),
        last_at_ms=max(lasts, default=None),
    )


def _cut(
    checked: _Checked, mark: NDArray[np.int64], whole: FrameHeader, city: City, sent: Mapping[str, int]
) -> list[tuple[FrameHeader, FrameRows]]:
    """Cut the rows into frames of one zone each, in zone order, rows in source order."""
    rows = checked.rows
    if not len(rows.at_ms):
        return []
    zone = city.sensor_zone[rows.sensor]
    order = np.argsort(zone, kind="stable")
    starts = np.flatnonzero(np.diff(zone[order], prepend=-1))
    frames = []
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        name = city.zones[zone[order[start]]].id
        for first in range(start, stop, FRAME_ROWS):
            picked = order[first : min(first + FRAME_ROWS, stop)]
            own = msgspec.structs.replace(
                whole,
                zone=name,
                mark_ms=int(mark[picked[-1]]),
                sent=sent.get(name, 0) + int(picked.size + first - start),
            )
            frames.append(_frame(rows.take(picked), own, city))
    return frames


def _frame(rows: FrameRows, own: FrameHeader, city: City) -> tuple[FrameHeader, FrameRows]:
    codes, sensor = np.unique(rows.sensor, return_inverse=True)
    columns = {name: values for name, values in rows.columns.items() if not np.isnan(values).all()}
    header = msgspec.structs.replace(
        own,
        first=(int(rows.offset[0]), int(rows.place[0])),
        last=(int(rows.offset[-1]), int(rows.place[-1])),
        sensors=[city.sensors[code].id for code in codes],
        columns=list(columns),
    )
    return header, FrameRows(rows.offset, rows.place, sensor.astype(np.int32), rows.at_ms, rows.lag_ms, columns)
