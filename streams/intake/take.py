"""Intake of one inbox partition: a chunk of JSON records becomes frames, dead letters and a new state. Pure.

in      city.inbox.v1.<domain>: JSON; a record with the header `mark` and no value: everything before that time is sent
out     city.readings.v1.<domain>: frames; city.dead_letters.v1
state   next offset, marks, counters: a few numbers
drops   `streams.domains.schema.REASONS`, each a dead letter
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from streams.accounts import intake_hours, ledger
from streams.accounts.intake_hours import IntakeHour
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, FrameRows
from streams.contract.records import NO_TIME_MS, DeadLetter
from streams.contract.stage import from_offset
from streams.domains.schema import implausible
from streams.intake import marks
from streams.intake.columns import Columns
from streams.intake.cut import cut
from streams.intake.decode import MAX_AT_MS, MOST_REFUSED, Refused, originals
from streams.intake.decoded import Decoded, decode_batch
from streams.intake.marks import Source
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.clock import CityClock
    from streams.city.registry import City
    from streams.contract.stage import Chunk, Record
    from streams.domains.schema import Schema
    from streams.intake.reader import Reader

DISORDER_MS = 5_000
"""What a state of before knows of its source's disorder."""


class Clocks(NamedTuple):
    """The clocks by which intake judges when a record came."""

    city: CityClock
    """Read to an end that was fetched after the chunk."""
    read_ms: int
    """Wall time at which the chunk is read."""
    sender_stamped: bool = False
    """Whether the inbox keeps the senders' timestamps instead of the broker's."""


class IntakeState(msgspec.Struct, kw_only=True):
    """What intake knows of one inbox partition; written after each chunk as one record."""

    offset: int = 0
    """Next offset to take."""
    fed_mark_ms: int = NO_TIME_MS
    """Newest mark of the source's feed that was believed, NO_TIME_MS = its feed gave none."""
    exact: bool = False
    """Whether its feed says that its marks are true however long they stand."""
    given_up: bool = False
    """Whether its feed's marks stood still for too long: its readings count again."""
    newest_ms: int = NO_TIME_MS
    """Highest time that its rows have reached: event times, none later than its record came."""
    disorder_ms: int = DISORDER_MS
    sent: dict[str, int] = msgspec.field(default_factory=dict)
    """Zone id → rows sent to it."""
    readings_in: int = 0
    dead_lettered: dict[str, int] = msgspec.field(default_factory=dict)
    unknown_fields: int = 0
    first_at_ms: int | None = None
    last_at_ms: int | None = None
    version: int = 0
    """Version of the city that is in force for it, 0 = none was yet."""
    idle_ms: int = NO_TIME_MS
    """No mark that the source was given while it was quiet is above this."""
    hours: dict[int, IntakeHour] = msgspec.field(default_factory=dict)
    """Start of an hour → what counts in it, until it is settled."""

    @property
    def reached_ms(self) -> int:
        """How far the source has come, its quiet times included: it is allowed `LATE_LIMIT_MS` less than this."""
        return max(self.mark_ms, self.idle_ms)

    @property
    def mark_ms(self) -> int:
        """No row that follows is expected before this event time."""
        return self.source.mark_ms

    @property
    def is_marked(self) -> bool:
        """Whether its feed's marks alone say how far it has come."""
        return self.fed_mark_ms != NO_TIME_MS and not self.given_up

    @property
    def source(self) -> Source:
        """What its marks are made of."""
        return Source(self.fed_mark_ms, self.newest_ms, self.given_up, self.disorder_ms)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a chunk became."""

    frames: list[tuple[FrameHeader, FrameRows]]
    mark: FrameHeader
    """Where the chunk ends and how far its source has come: for every zone."""
    dead: list[DeadLetter]
    state: IntakeState
    settled: dict[int, IntakeHour]
    """Hours that are settled now: their last word, no longer in the state."""


def take(
    chunk: Chunk, state: IntakeState, city: City, schema: Schema, clocks: Clocks, reader: Reader | None = None
) -> Taken:
    """Turn the records of a chunk, from `state.offset` on, into frames and dead letters.

    `reader` decodes framed records by the kernel; without it, and all others, they are decoded one by one.
    """
    records = from_offset(chunk.records, state.offset)
    batch = decode_batch(records, schema, city.sensor_code, reader)
    offset, sent_ms = _offsets(records)
    came = marks.arrivals(sent_ms, clocks.read_ms, clocks.city, sender_stamped=clocks.sender_stamped)
    kept, reason = batch.rows, _reasons(batch.rows, came.at_ms, city, schema)
    keep = None if reason is None else reason == 0
    mark, source = _marks(batch, keep, came, state.source._replace(disorder_ms=schema.disorder_ms))
    lag_ms = intake_hours.lag(mark, kept.at_ms, state.idle_ms)
    refused = batch.refused
    if reason is not None and keep is not None:
        refused = refused + _refused(kept, records, reason, _book_ms(kept, lag_ms, came.at_ms))
        kept, mark, lag_ms = kept.take(keep), mark[keep], lag_ms[keep]
    refused = sorted(refused, key=lambda one: (one[0], one[1].place))
    dead = [
        DeadLetter(one.payload, one.reason, chunk.topic, chunk.partition, int(offset[record]), one.place)
        for record, one in refused
    ]
    after = _count(state, batch, kept, dead, int(offset[-1]) + 1 if len(offset) else state.offset)
    after.exact = state.exact or batch.exact
    after.fed_mark_ms, after.newest_ms, after.given_up, after.disorder_ms = source
    after.hours = intake_hours.add(state.hours, kept.at_ms, lag_ms, intake_hours.book_times(refused, came.at_ms))
    settled = {start_ms: after.hours.pop(start_ms) for start_ms in ledger.settled(after.hours, after.reached_ms)}
    end = (after.offset - 1, LAST_PLACE)
    whole = FrameHeader(
        city=city.id,
        zone=ALL_ZONES,
        version=city.version,
        source=chunk.partition,
        first=end,
        last=end,
        mark_ms=after.mark_ms,
    )
    values = {name: column for name, column in kept.values.items() if not np.isnan(column).all()}
    rows = FrameRows(offset[kept.record], kept.place, kept.sensor, kept.at_ms, lag_ms, values)
    frames = cut(rows, mark, whole, (city, schema.domain), state.sent)
    after.sent = state.sent | {header.zone: header.sent for header, _ in frames}
    return Taken(frames, whole, dead, after, settled)


def _offsets(records: Sequence[Record]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (records,) offset and sending time of each."""
    if isinstance(records, WireRecords):
        return records.offset, records.sent_ms
    offsets = np.array([record.offset for record in records], np.int64)
    return offsets, np.array([record.timestamp for record in records], np.int64)


CHECKS = ("bad_time", "not_finite", "out_of_range", "unknown_sensor", "future")
UNTIMED = ("bad_time", "future")
"""What these refuse has no time that can be used."""


def _reasons(rows: Columns, came_ms: NDArray[np.int64], city: City, schema: Schema) -> NDArray[np.int8] | None:
    """Apply `CHECKS` in their order → (n,) number of the first that refuses each row, 0 = none; None = none at all."""
    verdicts = _judge(rows, came_ms, city, schema)
    if not any(bad.any() for bad in verdicts):
        return None
    reason = np.zeros(len(rows.at_ms), np.int8)
    for number, bad in enumerate(verdicts, start=1):
        reason[(reason == 0) & bad] = number
    return reason


def _refused(
    rows: Columns, records: Sequence[Record], reason: NDArray[np.int8], book_ms: NDArray[np.int64]
) -> list[tuple[int, Refused]]:
    """Return what the checks refuse: at most `MOST_REFUSED` of a record, the last with its bytes for all the rest."""
    refused = []
    for record, bad_rows in groupby(np.flatnonzero(reason).tolist(), key=lambda row: int(rows.record[row])):
        value = records[record].value or b""
        payloads = originals(value)
        for row in islice(bad_rows, MOST_REFUSED):
            place, why = int(rows.place[row]), CHECKS[reason[row] - 1]
            payload = payloads[place] if place < len(payloads) else value
            at_ms = None if why in UNTIMED else int(book_ms[row])
            refused.append((record, Refused(place, why, payload, at_ms)))
        if next(bad_rows, None) is not None:
            refused[-1] = (record, replace(refused[-1][1], payload=value))
    return refused


def _book_ms(rows: Columns, lag_ms: NDArray[np.int64], came_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) when each row counts if it is refused: at its own time, within what hours are kept for.

    Nobody has checked its time or its sensor, so it must not open hours that nothing will ever settle.
    """
    here_ms = came_ms[rows.record]
    behind_ms = np.where(lag_ms < NO_TIME_MS // 2, here_ms - rows.at_ms, lag_ms)  # no mark yet
    within_ms: NDArray[np.int64] = rows.at_ms + np.maximum(behind_ms - ledger.LATE_LIMIT_MS, 0)
    return np.minimum(within_ms, here_ms)


def _marks(
    batch: Decoded, keep: NDArray[np.bool_] | None, came: marks.Arrivals, before: Source
) -> tuple[NDArray[np.int64], Source]:
    """Return (n,) the source's mark at each row, and what is known of the source after the chunk."""
    rows = batch.rows
    reached_ms = np.minimum(rows.at_ms, came.at_ms[rows.record])
    good = reached_ms if keep is None else np.where(keep, reached_ms, NO_TIME_MS)
    fed_ms = np.where(batch.fed_ms > came.believed_ms, NO_TIME_MS, batch.fed_ms)
    return marks.advance(before, fed_ms, rows.record, good)


def _judge(rows: Columns, came_ms: NDArray[np.int64], city: City, schema: Schema) -> list[NDArray[np.bool_]]:
    """Return one (n,) mask of failing rows for each of `CHECKS`."""
    infinite, implausible_ = np.zeros((2, len(rows.at_ms)), bool)
    for name, values in rows.values.items():
        infinite |= np.isinf(values)
        implausible_ |= implausible(schema, name, values)
    known = city.sensors_of_domain.get(schema.domain)
    unknown = ~known[rows.sensor] if known is not None else np.ones(len(rows.at_ms), bool)
    return [
        np.abs(rows.at_ms) > MAX_AT_MS,
        infinite,
        implausible_,
        unknown,
        rows.at_ms > came_ms[rows.record] + marks.FUTURE_MS,
    ]


def _count(state: IntakeState, batch: Decoded, kept: Columns, dead: Sequence[DeadLetter], offset: int) -> IntakeState:
    reasons = dict(state.dead_lettered)
    for letter in dead:
        reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
    at_ms = kept.at_ms
    seen = [int(at_ms.min()), int(at_ms.max())] if len(at_ms) else []
    firsts = [one for one in (state.first_at_ms, *seen[:1]) if one is not None]
    lasts = [one for one in (state.last_at_ms, *seen[1:]) if one is not None]
    return IntakeState(
        offset=offset,
        readings_in=state.readings_in + len(at_ms) + len(dead),
        dead_lettered=reasons,
        unknown_fields=state.unknown_fields + batch.unknown_fields,
        first_at_ms=min(firsts, default=None),
        last_at_ms=max(lasts, default=None),
        idle_ms=state.idle_ms,
        version=state.version,
    )
