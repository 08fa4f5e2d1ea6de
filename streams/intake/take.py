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
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streams.accounts import intake_hours, ledger
from streams.accounts.intake_hours import IntakeHour
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, FrameRows
from streams.contract.records import NO_TIME_MS, DeadLetter
from streams.contract.stage import from_offset
from streams.domains.schema import implausible
from streams.intake.columns import Columns
from streams.intake.cut import cut
from streams.intake.decode import MAX_AT_MS, MOST_REFUSED, Refused, originals
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
    first_at_ms: int | None = None
    last_at_ms: int | None = None
    idle_ms: int = NO_TIME_MS
    """No mark that the source was given while it was quiet is above this."""
    hours: dict[int, IntakeHour] = msgspec.field(default_factory=dict)
    """Start of an hour → what counts in it, until it is settled."""

    @property
    def reached_ms(self) -> int:
        """How far the source has come, quiet times included: its domain's late limit less is allowed."""
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
    records, limit_ms = from_offset(chunk.records, state.offset), schema.late_limit_ms
    batch = decode_batch(records, schema, city.sensor_code, reader, state.fed_mark_ms)
    offset, sent_ms = _offsets(records)
    kept, reason = batch.rows, _reasons(batch.rows, sent_ms, (city, schema, clock))
    keep = None if reason is None else reason == 0
    mark = _marks(batch, keep, state)
    lag_ms = intake_hours.lag(mark, kept.at_ms, state.idle_ms, limit_ms)
    refused = batch.refused
    if reason is not None and keep is not None:
        refused = refused + _refused(kept, records, reason, lag_ms, limit_ms)
        kept, mark, lag_ms = kept.take(keep), mark[keep], lag_ms[keep]
    refused = sorted(refused, key=lambda one: (one[0], one[1].place))
    dead = [
        DeadLetter(one.payload, one.reason, chunk.topic, chunk.partition, int(offset[record]), one.place)
        for record, one in refused
    ]
    after = _count(state, batch, kept, dead, int(offset[-1]) + 1 if len(offset) else state.offset)
    book_times = intake_hours.book_times(refused, sent_ms, clock)
    after.hours = intake_hours.add(state.hours, kept.at_ms, lag_ms, book_times, limit_ms)
    past = ledger.settled(after.hours, after.reached_ms, limit_ms)
    settled = {start_ms: after.hours.pop(start_ms) for start_ms in past}
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


def _reasons(
    rows: Columns, sent_ms: NDArray[np.int64], context: tuple[City, Schema, CityClock]
) -> NDArray[np.int8] | None:
    """Apply `CHECKS` in their order → (n,) number of the first that refuses each row, 0 = none; None = none at all."""
    verdicts = _judge(rows, sent_ms, context)
    if not any(bad.any() for bad in verdicts):
        return None
    reason = np.zeros(len(rows.at_ms), np.int8)
    for number, bad in enumerate(verdicts, start=1):
        reason[(reason == 0) & bad] = number
    return reason


def _refused(
    rows: Columns, records: Sequence[Record], reason: NDArray[np.int8], lag_ms: NDArray[np.int64], limit_ms: int
) -> list[tuple[int, Refused]]:
    """Return what the checks refuse: at most `MOST_REFUSED` of a record, the last with its bytes for all the rest."""
    refused = []
    for record, bad_rows in groupby(np.flatnonzero(reason).tolist(), key=lambda row: int(rows.record[row])):
        value = records[record].value or b""
        payloads = originals(value)
        for row in islice(bad_rows, MOST_REFUSED):
            place, why = int(rows.place[row]), CHECKS[reason[row] - 1]
            payload = payloads[place] if place < len(payloads) else value
            book_ms = None if why in UNTIMED else int(rows.at_ms[row]) + max(int(lag_ms[row]) - limit_ms, 0)
            refused.append((record, Refused(place, why, payload, book_ms)))
        if next(bad_rows, None) is not None:
            refused[-1] = (record, replace(refused[-1][1], payload=value))
    return refused


def _marks(batch: Decoded, keep: NDArray[np.bool_] | None, state: IntakeState) -> NDArray[np.int64]:
    """Return (n,) the source's mark at each row: its feed's, else its newest good row so far less the disorder."""
    at_ms = batch.rows.at_ms
    if state.fed_mark_ms != NO_TIME_MS or not len(at_ms):
        return batch.fed_mark_ms
    good = at_ms if keep is None else np.where(keep, at_ms, NO_TIME_MS)
    newest = np.maximum.accumulate(np.maximum(good, state.newest_ms))
    return np.where(batch.fed_mark_ms != NO_TIME_MS, batch.fed_mark_ms, newest - DISORDER_MS)


def _judge(
    rows: Columns, sent_ms: NDArray[np.int64], context: tuple[City, Schema, CityClock]
) -> list[NDArray[np.bool_]]:
    """Return one (n,) mask of failing rows for each of `CHECKS`."""
    city, schema, clock = context
    infinite, implausible_ = np.zeros((2, len(rows.at_ms)), bool)
    for name, values in rows.values.items():
        infinite |= np.isinf(values)
        implausible_ |= implausible(schema, name, values)
    known = city.sensors_of_domain.get(schema.domain)
    unknown = ~known[rows.sensor] if known is not None else np.ones(len(rows.at_ms), bool)
    begins = np.flatnonzero(np.diff(sent_ms, prepend=-1))
    now_ms = np.array([clock.at(int(one)) for one in sent_ms[begins]], np.int64)
    now_ms = np.repeat(now_ms, np.diff(begins, append=len(sent_ms)))
    return [
        np.abs(rows.at_ms) > MAX_AT_MS,
        infinite,
        implausible_,
        unknown,
        rows.at_ms > now_ms[rows.record] + FUTURE_MS,
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
        fed_mark_ms=batch.last_fed_mark_ms,
        newest_ms=max([state.newest_ms, *seen[1:]]),
        readings_in=state.readings_in + len(at_ms) + len(dead),
        dead_lettered=reasons,
        unknown_fields=state.unknown_fields + batch.unknown_fields,
        first_at_ms=min(firsts, default=None),
        last_at_ms=max(lasts, default=None),
        idle_ms=state.idle_ms,
    )
