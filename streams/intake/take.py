"""Intake of one inbox partition: a chunk of JSON records becomes frames, dead letters and a new state. Pure.

in      city.inbox.v1.<domain>: JSON; a record with the header `mark` and no value: everything before that time is sent
out     city.readings.v1.<domain>: frames; city.dead_letters.v1
state   next offset, marks, counters: a few numbers
drops   `streams.domains.schema.REASONS`, each a dead letter; single values, see `streams.intake.refusals`
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streams.accounts import intake_hours, ledger
from streams.accounts.intake_hours import IntakeHour
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, FrameRows
from streams.contract.records import NO_TIME_MS, DeadLetter
from streams.contract.stage import from_offset
from streams.intake import refusals, values
from streams.intake.columns import Columns
from streams.intake.cut import cut
from streams.intake.decode import MOST_REFUSED, Refused, originals
from streams.intake.decoded import Decoded, decode_batch
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.clock import CityClock
    from streams.city.registry import City
    from streams.contract.stage import Chunk, Record
    from streams.domains.schema import Schema
    from streams.intake.reader import Reader

FUTURE_MS = 5 * 60_000
"""A reading further ahead of the city clock than this has an impossible clock (design.md 6.3)."""

DISORDER_MS = 5_000
"""Where a source's feed gives no marks, readings up to this much out of order are on time. Own choice."""


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
    refused_values: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Column → reason → values that cost themselves and not their readings."""
    told: refusals.Told = msgspec.field(default_factory=refusals.Told)
    first_at_ms: int | None = None
    last_at_ms: int | None = None
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
    settled: dict[int, IntakeHour]
    """Hours that are settled now: their last word, no longer in the state."""


def take(
    chunk: Chunk, state: IntakeState, city: City, schema: Schema, clock: CityClock, reader: Reader | None = None
) -> Taken:
    """Turn the records of a chunk, from `state.offset` on, into frames and dead letters.

    `reader` decodes framed records by the kernel; without it, and all others, they are decoded one by one.
    """
    records = from_offset(chunk.records, state.offset)
    batch = decode_batch(records, schema, city.sensor_code, reader, state.fed_mark_ms)
    offset, sent_ms = _offsets(records)
    arrived_ms = _arrivals(sent_ms, clock)
    kept, reason = batch.rows, _reasons(batch.rows, arrived_ms, city, schema)
    keep = None if reason is None else reason == 0
    mark = _marks(batch, keep, state)
    lag_ms = intake_hours.lag(mark, kept.at_ms, state.idle_ms)
    refused = batch.refused
    if reason is not None and keep is not None:
        refused = refused + _refused(kept, records, reason, lag_ms)
        kept, mark, lag_ms = kept.take(keep), mark[keep], lag_ms[keep]
    columns, refused_values = values.sift(kept, schema, city.not_measured)
    letters, told = refusals.choose(refused_values, kept, arrived_ms, city, state.told)
    after = _count(state, batch, kept, refused, int(offset[-1]) + 1 if len(offset) else state.offset)
    after.refused_values, after.told = values.counted(state.refused_values, refused_values), told
    after.hours = intake_hours.add(state.hours, kept.at_ms, lag_ms, intake_hours.book_times(refused, sent_ms, clock))
    refused = sorted(refused + _value_letters(letters, kept, records), key=lambda one: (one[0], one[1].place))
    settled = {start_ms: after.hours.pop(start_ms) for start_ms in ledger.settled(after.hours, after.reached_ms)}
    whole = _end(after, chunk, city)
    rows = FrameRows(offset[kept.record], kept.place, kept.sensor, kept.at_ms, lag_ms, columns)
    frames = cut(rows, mark, whole, (city, schema.domain), state.sent)
    after.sent = state.sent | {header.zone: header.sent for header, _ in frames}
    dead = [_letter(one, chunk, int(offset[record])) for record, one in refused]
    return Taken(frames, whole, dead, after, settled)


def _end(after: IntakeState, chunk: Chunk, city: City) -> FrameHeader:
    end = (after.offset - 1, LAST_PLACE)
    return FrameHeader(
        city=city.id,
        zone=ALL_ZONES,
        version=city.version,
        source=chunk.partition,
        first=end,
        last=end,
        mark_ms=after.mark_ms,
    )


def _letter(one: Refused, chunk: Chunk, offset: int) -> DeadLetter:
    return DeadLetter(one.payload, one.reason, chunk.topic, chunk.partition, offset, one.place, one.column, one.detail)


def _offsets(records: Sequence[Record]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (records,) offset and sending time of each."""
    if isinstance(records, WireRecords):
        return records.offset, records.sent_ms
    offsets = np.array([record.offset for record in records], np.int64)
    return offsets, np.array([record.timestamp for record in records], np.int64)


def _arrivals(sent_ms: NDArray[np.int64], clock: CityClock) -> NDArray[np.int64]:
    """Return (records,) the city clock when each was sent."""
    begins = np.flatnonzero(np.diff(sent_ms, prepend=-1))
    now_ms = np.array([clock.at(int(one)) for one in sent_ms[begins]], np.int64)
    return np.repeat(now_ms, np.diff(begins, append=len(sent_ms)))


CHECKS = ("unknown_sensor", "future")
UNTIMED = ("future",)
"""What these refuse has no time that can be used."""


def _reasons(rows: Columns, arrived_ms: NDArray[np.int64], city: City, schema: Schema) -> NDArray[np.int8] | None:
    """Apply `CHECKS` in their order → (n,) number of the first that refuses each row, 0 = none; None = none at all."""
    known = city.sensors_of_domain.get(schema.domain)
    unknown = ~known[rows.sensor] if known is not None else np.ones(len(rows.at_ms), bool)
    verdicts = (unknown, rows.at_ms > arrived_ms[rows.record] + FUTURE_MS)
    if not any(bad.any() for bad in verdicts):
        return None
    reason = np.zeros(len(rows.at_ms), np.int8)
    for number, bad in enumerate(verdicts, start=1):
        reason[(reason == 0) & bad] = number
    return reason


def _refused(
    rows: Columns, records: Sequence[Record], reason: NDArray[np.int8], lag_ms: NDArray[np.int64]
) -> list[tuple[int, Refused]]:
    """Return what the checks refuse: at most `MOST_REFUSED` of a record, the last with its bytes for all the rest."""
    refused = []
    for record, bad_rows in groupby(np.flatnonzero(reason).tolist(), key=lambda row: int(rows.record[row])):
        value = records[record].value or b""
        payloads = originals(value)
        for row in islice(bad_rows, MOST_REFUSED):
            place, why = int(rows.place[row]), CHECKS[reason[row] - 1]
            payload = payloads[place] if place < len(payloads) else value
            book_ms = None if why in UNTIMED else int(rows.at_ms[row]) + max(int(lag_ms[row]) - ledger.LATE_LIMIT_MS, 0)
            refused.append((record, Refused(place, why, payload, book_ms)))
        if next(bad_rows, None) is not None:
            refused[-1] = (record, replace(refused[-1][1], payload=value))
    return refused


def _value_letters(
    letters: Sequence[tuple[int, str, str]], rows: Columns, records: Sequence[Record]
) -> list[tuple[int, Refused]]:
    """Return the chosen refused values, each with its whole reading as it came."""
    refused = []
    for record, of_record in groupby(letters, key=lambda one: int(rows.record[one[0]])):
        payloads = originals(records[record].value or b"")
        for row, column, reason in of_record:
            place = int(rows.place[row])
            refused.append((record, Refused(place, reason, payloads[place], column=column)))
    return refused


def _marks(batch: Decoded, keep: NDArray[np.bool_] | None, state: IntakeState) -> NDArray[np.int64]:
    """Return (n,) the source's mark at each row: its feed's, else its newest good row so far less the disorder."""
    at_ms = batch.rows.at_ms
    if state.fed_mark_ms != NO_TIME_MS or not len(at_ms):
        return batch.fed_mark_ms
    good = at_ms if keep is None else np.where(keep, at_ms, NO_TIME_MS)
    newest = np.maximum.accumulate(np.maximum(good, state.newest_ms))
    return np.where(batch.fed_mark_ms != NO_TIME_MS, batch.fed_mark_ms, newest - DISORDER_MS)


def _count(
    state: IntakeState, batch: Decoded, kept: Columns, refused: Sequence[tuple[int, Refused]], offset: int
) -> IntakeState:
    reasons = dict(state.dead_lettered)
    for _, one in refused:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    at_ms = kept.at_ms
    seen = [int(at_ms.min()), int(at_ms.max())] if len(at_ms) else []
    firsts = [one for one in (state.first_at_ms, *seen[:1]) if one is not None]
    lasts = [one for one in (state.last_at_ms, *seen[1:]) if one is not None]
    return IntakeState(
        offset=offset,
        fed_mark_ms=batch.last_fed_mark_ms,
        newest_ms=max([state.newest_ms, *seen[1:]]),
        readings_in=state.readings_in + len(at_ms) + len(refused),
        dead_lettered=reasons,
        unknown_fields=state.unknown_fields + batch.unknown_fields,
        first_at_ms=min(firsts, default=None),
        last_at_ms=max(lasts, default=None),
        idle_ms=state.idle_ms,
    )
