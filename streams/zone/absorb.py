"""The zone stage of one zone: a frame is cut by its source, judged, de-duplicated and handed to every processor. Pure.

in      city.readings.v1.<domain>: frames of one zone, and marks for all zones of a partition
out     rows of metrics and detections; dead letters `too_late`
state   per source: last (offset, place) absorbed and mark; per sensor: the event times seen; each processor's own state
drops   too_late: older than its domain's late limit against its own source, or than what is remembered of its sensor
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from streams.accounts import zone_hours
from streams.city.moves import NEVER_MS
from streams.contract.frames import MARK_STEP_MS
from streams.contract.records import NO_TIME_MS, DeadLetter, Frame, Rows
from streams.contract.spec import sums_of
from streams.errors import ProcessorError
from streams.health.stepping import Stepping
from streams.health.yielded import live, step, waiting_of
from streams.kernel import verdicts
from streams.zone import dedup
from streams.zone.numbers import Numbers
from streams.zone.state import SourceCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.contract.records import Detection
    from streams.contract.spec import Hosted
    from streams.contract.stage import Message
    from streams.contract.sums import Sums
    from streams.zone.state import ZoneState

FORGOTTEN = "nothing is remembered of this time of the sensor any more: it may have come before"
"""Detail of a dead letter `too_late` that is not too far behind its source."""


@dataclass
class Output:
    """What a zone yields from one frame."""

    made: list[tuple[str, Rows]] = field(default_factory=list)
    """Processor and its rows."""
    detections: list[tuple[Detection, Message]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    touched: list[tuple[Place, NDArray[np.int32]]] = field(default_factory=list)
    """By which cities new rows were read, and the codes of their sensors there."""
    watermark_moved: bool = False


@dataclass(frozen=True)
class ZoneTask:
    """What is fixed about a zone: which one, of which domain, read by whom."""

    domain: str
    index: int
    inbox_topic: str
    sources: int
    """How many inbox partitions its domain has; the watermark waits for each."""
    hosted: Sequence[Hosted]
    late_limit_ms: int
    """Of its domain."""
    judge: dedup.Judge = dedup.judge
    """How repeats are found: in numpy, or compiled."""
    numbers: Numbers = field(default_factory=Numbers)
    stepping: Stepping = field(default_factory=Stepping)
    left_out: frozenset[str] = frozenset()
    """Processors that are set aside."""
    rebuilt: frozenset[str] = frozenset()
    """Processors that are being rebuilt beside (`streams.zone.rebuilding`)."""

    @cached_property
    def sums(self) -> dict[str, Sums]:
        """Metric → how the rows add up that these processors make."""
        return sums_of([one.spec for one in self.hosted], self.domain)


class Place(NamedTuple):
    """A zone in a city."""

    task: ZoneTask
    city: City


class Read(NamedTuple):
    """Rows of a frame, and by which city they are read; it has all the header's sensors in the zone."""

    place: Place
    header: FrameHeader
    rows: FrameRows


class Later(NamedTuple):
    """What closes a zone's windows, and up to which watermark."""

    place: Place
    until_ms: int = NEVER_MS


def absorb(
    ours: Place, state: ZoneState, header: FrameHeader, reads: Sequence[Read], later: Sequence[Later] = ()
) -> Iterator[Output]:
    """Take one frame, or mark without rows, into the zone, a processor at a time → what it has yielded so far.

    `state` changes in place, and nobody else may touch it before the end; repeats change nothing.
    `later` is what closes the zone's windows, in its order, the last without an end; by default, and where all rows
    are read by it, `ours`.
    """
    output = Output()
    absorbed = state.absorbed.get(header.source, (-1, -1))
    if header.last < absorbed:
        yield output
        return
    fresh = [one._replace(rows=rows) for one in reads if (rows := _admit(one, state, output)) is not None]
    state.absorbed[header.source] = header.last
    if reads:
        state.counts.setdefault(header.source, SourceCounts()).sent = header.sent
    state.marks[header.source] = max(header.mark_ms, state.marks.get(header.source, NO_TIME_MS))
    before_ms, watermark_ms = state.watermark_ms, _watermark(state.marks, ours.task.sources)
    output.watermark_moved = watermark_ms > state.watermark_ms
    state.watermark_ms = max(watermark_ms, state.watermark_ms)
    if not fresh and not later:
        later = (Later(ours),)
    for (zone, city), its, rows in fresh:
        frame = _frame(zone, state, its, rows, city)
        if later:
            frame = replace(frame, watermark_ms=before_ms)
        output.touched.append((Place(zone, city), frame.sensor))
        yield from _process(zone, state, zone_hours.parts(frame, before_ms), city, output)
    if output.watermark_moved:
        yield from _close(state, header, before_ms, later, output)
    yield output


def _close(
    state: ZoneState, header: FrameHeader, before_ms: int, later: Sequence[Later], output: Output
) -> Iterator[Output]:
    """Have the watermark pass, by each city as far as it goes."""
    for (zone, city), until_ms in later:
        frame = _frame(zone, state, header, None, city)
        if until_ms < state.watermark_ms:
            frame = replace(frame, watermark_ms=until_ms)
        yield from _process(zone, state, zone_hours.parts(frame, before_ms), city, output)
        if until_ms >= state.watermark_ms:
            break


def _watermark(marks: Mapping[int, int], sources: int) -> int:
    if len(marks) < sources or min(marks.values()) == NO_TIME_MS:
        return NO_TIME_MS
    return min(marks.values()) // MARK_STEP_MS * MARK_STEP_MS


def _admit(read: Read, state: ZoneState, output: Output) -> FrameRows | None:
    """Cut off what was absorbed, refuse what is too late, take each (sensor, event time) once."""
    (zone, city), header, rows = read
    offset, last = state.absorbed.get(header.source, (-1, -1))
    fresh = (rows.offset > offset) | ((rows.offset == offset) & (rows.place > last))
    if not fresh.all():
        rows = rows.take(fresh)
    if not len(rows.at_ms):
        return None
    verdict, columns = _verdicts(zone, state, header, rows, city)
    rows, repeated = _without_repeats(state, rows, np.flatnonzero(verdict == verdicts.PART), columns)
    zone_hours.admit(state, (header.source, zone.late_limit_ms), rows, verdict, repeated)
    refused = np.flatnonzero((verdict == verdicts.FORGOTTEN) | (verdict == verdicts.TOO_LATE))
    output.dead.extend(_too_late(zone, header, rows, int(row), int(verdict[row])) for row in refused)
    new = (verdict == verdicts.NEW) | (verdict == verdicts.PART)
    if new.all():
        return rows
    return rows.take(new) if new.any() else None


def _verdicts(
    zone: ZoneTask, state: ZoneState, header: FrameHeader, rows: FrameRows, city: City
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return (n,) verdicts, and the columns of each row, a bit each; of one that is taken in part the new ones."""
    _, place = zone.numbers.of(header.sensors, city, state.sensors)
    state.seen.grow(len(state.sensors))
    local = place[rows.sensor]
    too_late = rows.lag_ms > zone.late_limit_ms
    if not too_late.any():
        return zone.judge(state.seen, (local, rows.at_ms), rows.columns, zone.late_limit_ms)
    verdict, columns = np.full(len(rows.at_ms), verdicts.TOO_LATE, np.int8), np.zeros(len(rows.at_ms), np.int64)
    judged = np.flatnonzero(~too_late)
    some = rows.take(judged)
    given = (local[judged], some.at_ms)
    verdict[judged], columns[judged] = zone.judge(state.seen, given, some.columns, zone.late_limit_ms)
    return verdict, columns


def _without_repeats(
    state: ZoneState, rows: FrameRows, parts: NDArray[np.intp], new: NDArray[np.int64]
) -> tuple[FrameRows, NDArray[np.int64] | None]:
    """Leave out what the rows `parts` bring again: all columns but the `new` ones → and how many values of each row."""
    if not len(parts):
        return rows, None
    columns, repeated = dict(rows.columns), np.zeros(len(rows.at_ms), np.int64)
    for name, values in rows.columns.items():
        again = parts[(new[parts] >> state.seen.bit(name) & 1) == 0]
        again = again[~np.isnan(values[again])]
        if len(again):
            columns[name] = values.copy()
            columns[name][again] = np.nan
            repeated[again] += 1
    return replace(rows, columns=columns), repeated


def _too_late(zone: ZoneTask, header: FrameHeader, rows: FrameRows, row: int, verdict: int) -> DeadLetter:
    values = {name: float(column[row]) for name, column in rows.columns.items() if not np.isnan(column[row])}
    reading = {"sensor": header.sensors[rows.sensor[row]], "at": int(rows.at_ms[row]), **values}
    return DeadLetter(
        msgspec.json.encode(reading),
        "too_late",
        zone.inbox_topic,
        header.source,
        int(rows.offset[row]),
        int(rows.place[row]),
        detail=FORGOTTEN if verdict == verdicts.FORGOTTEN else "",
    )


def _frame(zone: ZoneTask, state: ZoneState, header: FrameHeader, rows: FrameRows | None, city: City) -> Frame:
    watermark_ms = state.watermark_ms
    if rows is None:
        nothing = np.empty(0, np.int64)
        return Frame(zone.domain, zone.index, nothing.astype(np.int32), nothing, nothing.astype(bool), {}, watermark_ms)
    codes, _ = zone.numbers.of(header.sensors, city, state.sensors)
    return Frame(
        zone.domain,
        zone.index,
        codes[rows.sensor],
        rows.at_ms,
        rows.lag_ms > 0,
        rows.columns,
        watermark_ms,
        rows.lag_ms,
    )


def _process(
    zone: ZoneTask, state: ZoneState, parts: Sequence[zone_hours.Part], city: City, output: Output
) -> Iterator[Output]:
    for hosted in zone.hosted:
        if hosted.name in zone.left_out:
            zone_hours.set_aside(state, hosted.name, parts)
            continue
        if hosted.name in zone.rebuilt:
            zone_hours.wait(state, hosted.name, parts)
            continue
        if hosted.name not in state.processors:
            state.processors[hosted.name] = zone.stepping.call(hosted.name, hosted.spec.state)
            zone_hours.join(state, hosted.name, parts)
        for taken in parts:
            part = zone_hours.of_whole_windows(state, hosted.name, taken)
            taking = partial(step, hosted, state.processors[hosted.name], part[1], city)
            result, detections = zone.stepping.call(hosted.name, taking)
            state.processors[hosted.name] = result.state
            zone_hours.note(state, hosted.name, part, result)
            if len(result.rows):
                output.made.append((hosted.name, result.rows))
            output.detections += zip(result.detections, detections, strict=True)
            yield output


def leave_out(state: ZoneState, hosted: Hosted) -> None:
    """Let a processor's state go, if there is one."""
    if hosted.name not in state.processors:
        return
    try:
        waiting = waiting_of(hosted, state.processors[hosted.name])
    except ProcessorError:  # nobody can say what stood in its windows
        zone_hours.forget(state, hosted.name)
        zone_hours.join(state, hosted.name, ())
        del state.processors[hosted.name]
    else:
        zone_hours.leave(state, hosted.name, waiting or {})


def provisional(zone: ZoneTask, state: ZoneState, sensors: NDArray[np.int32], city: City) -> list[tuple[str, Rows]]:
    """Return the provisional rows that those sensors changed, with whose they are."""
    found = []
    for hosted in zone.hosted:
        if hosted.spec.live is not None and hosted.name in state.processors:
            its = state.processors[hosted.name]
            rows = zone.stepping.provisional(hosted.name, partial(live, hosted, its, sensors, city))
            if rows is not None and len(rows):
                found.append((hosted.name, rows))
    return found
