"""Intake of one inbox partition: a chunk of JSON records becomes frames, dead letters and a new state. Pure.

in      city.inbox.v1.<domain>: JSON; a record with the header `mark` and no value: everything before that time is sent
out     city.readings.v1.<domain>: frames; city.dead_letters.v1
state   next offset, marks, counters: a few numbers
drops   `streams.domains.schema.REASONS`, each a dead letter; single values, see `streams.intake.refusals`
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from streams.accounts import intake_hours, ledger
from streams.accounts.intake_hours import IntakeHour
from streams.city.timing import FUTURE_MS
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, FrameRows
from streams.contract.records import NO_TIME_MS, DeadLetter
from streams.contract.stage import from_offset
from streams.intake import letters, limits, marks, refusals, values
from streams.intake.columns import Columns
from streams.intake.cut import cut
from streams.intake.decode import Refused
from streams.intake.decoded import Decoded, decode_batch
from streams.intake.limits import Ended
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


class Bounds(NamedTuple):
    """By what intake judges how old a chunk's rows are."""

    clock: CityClock
    """Read to an end that was fetched after the chunk."""
    read_ms: int
    """Wall time at which the chunk is read: what a record that does not say when it came has."""
    floor_ms: NDArray[np.int64] | None = None
    """(sensors + 1,) the time up to which each sensor's readings are too late anyway; None = nobody's."""


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
    refused_values: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Column → reason → values that cost themselves and not their readings."""
    told: refusals.Told = msgspec.field(default_factory=refusals.Told)
    first_at_ms: int | None = None
    last_at_ms: int | None = None
    """Event times of its readings, without those that were too late."""
    version: int = 0
    """Version of the city that is in force for it, 0 = none was yet."""
    late_limit_ms: int = 0
    """Late limit of the domain that is in force for it, 0 = nobody has said."""
    ended: tuple[Ended, ...] = ()
    """Smaller limits of before that count yet."""
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
    came_ms: NDArray[np.int64]
    """(records,) when each came, by the wall."""
    raised_by: int | None
    moved_by: int | None
    """As `streams.intake.marks.Marked` has them."""


def take(
    chunk: Chunk, state: IntakeState, city: City, schema: Schema, bounds: Bounds, reader: Reader | None = None
) -> Taken:
    """Turn the records of a chunk, from `state.offset` on, into frames and dead letters.

    `reader` decodes framed records by the kernel; without it, and all others, they are decoded one by one.
    """
    records, limit_ms = from_offset(chunk.records, state.offset), schema.late_limit_ms
    batch = decode_batch(records, schema, city.sensor_code, reader)
    offset, came_ms = _offsets(records)
    came = marks.arrivals(came_ms, bounds.read_ms, bounds.clock)
    kept, reason = batch.rows, _reasons(batch.rows, came.at_ms, city, schema)
    keep = None if reason is None else reason == 0
    marked, lag_ms = _judge(batch, keep, came, state, city, schema)
    if bounds.floor_ms is not None:
        lag_ms = limits.beyond(lag_ms, bounds.floor_ms[kept.sensor] - kept.at_ms, limit_ms)
    mark = marked.mark_ms
    refused = batch.refused
    if reason is not None and keep is not None:
        refused = refused + letters.of_rows(kept, records, reason, _book_ms(kept, lag_ms, came.at_ms, limit_ms))
        kept, mark, lag_ms = kept.take(keep), mark[keep], lag_ms[keep]
    refused = sorted(refused, key=_place)
    columns, refused_values = values.sift(kept, schema, city.not_measured)
    chosen, told = refusals.choose(refused_values, kept, came.at_ms, city, state.told)
    after = _count(state, batch, kept, refused, int(offset[-1]) + 1 if len(offset) else state.offset)
    after.first_at_ms, after.last_at_ms = _span(state, kept.at_ms, lag_ms > limit_ms)
    after.exact = state.exact or batch.exact
    after.fed_mark_ms, after.newest_ms, after.given_up, after.disorder_ms = marked.source
    after.refused_values, after.told = values.counted(state.refused_values, refused_values), told
    book_times = intake_hours.book_times(refused, came.at_ms)
    after.hours = intake_hours.add(state.hours, kept.at_ms, lag_ms, book_times, limit_ms)
    past = ledger.settled(after.hours, after.reached_ms, limit_ms + city.longest_lag_ms.get(schema.domain, 0))
    settled = {start_ms: after.hours.pop(start_ms) for start_ms in past}
    whole = _end(after, chunk, city)
    rows = FrameRows(offset[kept.record], kept.place, kept.sensor, kept.at_ms, lag_ms, columns)
    frames = cut(rows, mark, whole, (city, schema.domain), state.sent)
    after.sent = state.sent | {header.zone: header.sent for header, _ in frames}
    said = sorted(refused + letters.of_values(chosen, kept, records), key=_place)
    dead = [_letter(one, chunk, int(offset[record])) for record, one in said]
    return Taken(frames, whole, dead, after, settled, came.wall_ms, marked.raised_by, marked.moved_by)


def _place(one: tuple[int, Refused]) -> tuple[int, int]:
    return one[0], one[1].place


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
    """Return (records,) offset of each, and when it came."""
    if isinstance(records, WireRecords):
        return records.offset, records.came_ms
    offsets = np.array([record.offset for record in records], np.int64)
    return offsets, np.array([record.timestamp for record in records], np.int64)


def _reasons(rows: Columns, came_ms: NDArray[np.int64], city: City, schema: Schema) -> NDArray[np.int8] | None:
    """Apply `letters.CHECKS` → (n,) number of the first that refuses each row, 0 = none; None = none at all."""
    known = city.sensors_of_domain.get(schema.domain)
    unknown = ~known[rows.sensor] if known is not None else np.ones(len(rows.at_ms), bool)
    plain = schema.domain in city.plain_domains
    ahead_ms = FUTURE_MS if plain else city.timing.future_ms[rows.sensor]
    verdicts = (unknown, rows.at_ms > came_ms[rows.record] + ahead_ms)
    if not any(bad.any() for bad in verdicts):
        return None
    reason = np.zeros(len(rows.at_ms), np.int8)
    for number, bad in enumerate(verdicts, start=1):
        reason[(reason == 0) & bad] = number
    return reason


def _judge(
    batch: Decoded,
    keep: NDArray[np.bool_] | None,
    came: marks.Arrivals,
    state: IntakeState,
    city: City,
    schema: Schema,
) -> tuple[marks.Marked, NDArray[np.int64]]:
    """Return the source's marks, and (n,) how far each row is behind it, less its sensor's lag.

    Where a sensor's own limit is smaller than its domain's, what is beyond it is as far beyond the domain's.
    """
    rows, plain, here_ms = batch.rows, schema.domain in city.plain_domains, came.at_ms[batch.rows.record]
    due_ms = rows.at_ms if plain else rows.at_ms + city.timing.lag_ms[rows.sensor]
    reached_ms = np.minimum(rows.at_ms, here_ms)
    behind_ms, says = limits.behind_clock(rows.record, due_ms, came, schema), keep
    if behind_ms is not None:
        live = behind_ms <= schema.late_limit_ms
        says = live if keep is None else keep & live
    if says is not None:
        reached_ms = np.where(says, reached_ms, NO_TIME_MS)
    fed_ms = np.where(batch.fed_ms > came.believed_ms, NO_TIME_MS, batch.fed_ms)
    before = state.source._replace(disorder_ms=schema.disorder_ms)
    marked = marks.advance(before, fed_ms, rows.record, reached_ms)
    lag_ms = marked.mark_ms - due_ms
    if state.idle_ms != NO_TIME_MS:  # it is rounded up: no such mark was above the clock when a row came
        idle_ms = np.minimum(state.idle_ms, here_ms - schema.disorder_ms)
        lag_ms = limits.after_quiet(lag_ms, idle_ms - due_ms, schema.late_limit_ms)
    if behind_ms is not None:
        lag_ms = np.where(live | marked.by_feed, lag_ms, np.maximum(lag_ms, behind_ms))
    if plain:
        return marked, lag_ms
    own_ms = np.minimum(city.timing.late_limit_ms[rows.sensor], schema.late_limit_ms)
    return marked, np.where(lag_ms > own_ms, lag_ms + (schema.late_limit_ms - own_ms), lag_ms)


def _book_ms(rows: Columns, lag_ms: NDArray[np.int64], came_ms: NDArray[np.int64], limit_ms: int) -> NDArray[np.int64]:
    """Return (n,) when each row counts if it is refused: at its own time, within what hours are kept for.

    Nobody has checked its time or its sensor, so it must not open hours that nothing will ever settle.
    """
    here_ms = came_ms[rows.record]
    behind_ms = np.where(lag_ms < NO_TIME_MS // 2, here_ms - rows.at_ms, lag_ms)  # no mark yet
    within_ms: NDArray[np.int64] = rows.at_ms + np.maximum(behind_ms - limit_ms, 0)
    return np.minimum(within_ms, here_ms)


def _count(
    state: IntakeState, batch: Decoded, kept: Columns, refused: Sequence[tuple[int, Refused]], offset: int
) -> IntakeState:
    reasons = dict(state.dead_lettered)
    for _, one in refused:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    return IntakeState(
        offset=offset,
        readings_in=state.readings_in + len(kept.at_ms) + len(refused),
        dead_lettered=reasons,
        unknown_fields=state.unknown_fields + batch.unknown_fields,
        idle_ms=state.idle_ms,
        version=state.version,
        late_limit_ms=state.late_limit_ms,
        ended=state.ended,
    )


def _span(state: IntakeState, at_ms: NDArray[np.int64], too_late: NDArray[np.bool_]) -> tuple[int | None, int | None]:
    """Return the first and the last event time so far; both arrays are (n,), of a chunk's rows."""
    if too_late.any():
        at_ms = at_ms[~too_late]
    seen = [int(at_ms.min()), int(at_ms.max())] if len(at_ms) else []
    firsts = [one for one in (state.first_at_ms, *seen[:1]) if one is not None]
    lasts = [one for one in (state.last_at_ms, *seen[1:]) if one is not None]
    return min(firsts, default=None), max(lasts, default=None)
