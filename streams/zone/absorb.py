"""The zone stage of one zone: a frame is cut by its source, judged, de-duplicated and handed to every processor. Pure.

in      city.readings.v1.<domain>: frames of one zone, and marks for all zones of a partition
out     rows of metrics and detections; dead letters `too_late`
state   per source: last (offset, place) absorbed and mark; per sensor: the event times seen; each processor's own state
drops   too_late: older than `LATE_LIMIT_MS` against its own source, or than all that is remembered of its sensor
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from streams.accounts import zone_hours
from streams.accounts.ledger import LATE_LIMIT_MS
from streams.contract.records import NO_TIME_MS, DeadLetter, Detection, Frame, Rows
from streams.kernel import verdicts
from streams.zone import dedup
from streams.zone.numbers import Numbers
from streams.zone.state import SourceCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.contract.spec import Hosted
    from streams.zone.state import ZoneState

WATERMARK_STEP_MS = 1_000
"""Watermarks are rounded down to this, so that processors are not called for less."""


Judge: TypeAlias = "Callable[[dedup.Seen, NDArray[np.intp], NDArray[np.int64], NDArray[np.uint64]], NDArray[np.int8]]"
"""`judge(seen, sensor, at_ms, digest)`: see `streams.zone.dedup.judge`."""


@dataclass
class Output:
    """What a zone yields from one frame."""

    rows: list[Rows] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    touched: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """City code of the sensor of each new row."""
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
    judge: Judge = dedup.judge
    """How repeats are found: in numpy, or compiled."""
    numbers: Numbers = field(default_factory=Numbers)


def absorb(
    zone: ZoneTask,
    state: ZoneState,
    header: FrameHeader,
    rows: FrameRows | None,
    city: City,
    later: tuple[ZoneTask, City] | None = None,
) -> Output:
    """Take one frame (or mark) into the zone. `state` changes in place; repeats change nothing.

    `city` is the one that the frame was made with; where the zone has absorbed a later one, that closes its windows.
    """
    output = Output()
    absorbed = state.absorbed.get(header.source, (-1, -1))
    if header.last < absorbed:
        return output
    fresh = None if rows is None else _admit(zone, state, (header, city), rows, output)
    state.absorbed[header.source] = header.last
    if rows is not None:
        state.counts.setdefault(header.source, SourceCounts()).sent = header.sent
    state.marks[header.source] = max(header.mark_ms, state.marks.get(header.source, NO_TIME_MS))
    before_ms, watermark_ms = state.watermark_ms, _watermark(state.marks, zone.sources)
    output.watermark_moved = watermark_ms > state.watermark_ms
    state.watermark_ms = max(watermark_ms, state.watermark_ms)
    if later is not None and fresh is not None:
        frame = replace(_frame(zone, state, header, fresh, city), watermark_ms=before_ms)
        _process(zone, state, zone_hours.parts(frame, before_ms), city, output)
        fresh = None
    if fresh is not None or output.watermark_moved:
        zone, city = later or (zone, city)
        frame = _frame(zone, state, header, fresh, city)
        output.touched = frame.sensor
        _process(zone, state, zone_hours.parts(frame, before_ms), city, output)
    return output


def _watermark(marks: Mapping[int, int], sources: int) -> int:
    if len(marks) < sources or min(marks.values()) == NO_TIME_MS:
        return NO_TIME_MS
    return min(marks.values()) // WATERMARK_STEP_MS * WATERMARK_STEP_MS


def _admit(
    zone: ZoneTask, state: ZoneState, of: tuple[FrameHeader, City], rows: FrameRows, output: Output
) -> FrameRows | None:
    """Cut off what was absorbed, refuse what is too late, take each (sensor, event time) once."""
    header, city = of
    offset, place = state.absorbed.get(header.source, (-1, -1))
    fresh = (rows.offset > offset) | ((rows.offset == offset) & (rows.place > place))
    if not fresh.all():
        rows = rows.take(fresh)
    if not len(rows.at_ms):
        return None
    verdict = _verdicts(zone, state, header, rows, city)
    new, forgotten = verdict == verdicts.NEW, verdict == verdicts.FORGOTTEN
    zone_hours.admit(state, header.source, rows, verdict)
    output.dead.extend(_too_late(zone, header, rows, int(row)) for row in np.flatnonzero(forgotten))
    if new.all():
        return rows
    return rows.take(new) if new.any() else None


def _verdicts(zone: ZoneTask, state: ZoneState, header: FrameHeader, rows: FrameRows, city: City) -> NDArray[np.int8]:
    _, place = zone.numbers.of(header.sensors, city, state.sensors)
    state.seen.grow(len(state.sensors))
    local = place[rows.sensor]
    digest = dedup.digests(rows.columns, len(rows.at_ms))
    too_late = rows.lag_ms > LATE_LIMIT_MS
    if not too_late.any():
        return zone.judge(state.seen, local, rows.at_ms, digest)
    verdict = np.full(len(rows.at_ms), verdicts.FORGOTTEN, np.int8)
    judged = np.flatnonzero(~too_late)
    verdict[judged] = zone.judge(state.seen, local[judged], rows.at_ms[judged], digest[judged])
    return verdict


def _too_late(zone: ZoneTask, header: FrameHeader, rows: FrameRows, row: int) -> DeadLetter:
    values = {name: float(column[row]) for name, column in rows.columns.items() if not np.isnan(column[row])}
    reading = {"sensor": header.sensors[rows.sensor[row]], "at": int(rows.at_ms[row]), **values}
    return DeadLetter(
        msgspec.json.encode(reading),
        "too_late",
        zone.inbox_topic,
        header.source,
        int(rows.offset[row]),
        int(rows.place[row]),
    )


def _frame(zone: ZoneTask, state: ZoneState, header: FrameHeader, rows: FrameRows | None, city: City) -> Frame:
    watermark_ms = state.watermark_ms
    if rows is None:
        nothing = np.empty(0, np.int64)
        return Frame(zone.domain, zone.index, nothing.astype(np.int32), nothing, nothing.astype(bool), {}, watermark_ms)
    codes, _ = zone.numbers.of(header.sensors, city, state.sensors)
    return Frame(zone.domain, zone.index, codes[rows.sensor], rows.at_ms, rows.lag_ms > 0, rows.columns, watermark_ms)


def _process(zone: ZoneTask, state: ZoneState, parts: Sequence[zone_hours.Part], city: City, output: Output) -> None:
    for hosted in zone.hosted:
        if hosted.name not in state.processors:
            state.processors[hosted.name] = hosted.spec.state()
            zone_hours.join(state, hosted.name, parts)
        for hour_ms, frame in parts:
            result = hosted.spec.step(state.processors[hosted.name], frame, city, hosted.config)
            state.processors[hosted.name] = result.state
            zone_hours.note(state, hosted.name, (hour_ms, frame), result)
            if len(result.rows):
                output.rows.append(result.rows)
            output.detections.extend(result.detections)


def provisional(zone: ZoneTask, state: ZoneState, sensors: NDArray[np.int32], city: City) -> list[Rows]:
    """Return the provisional rows that those sensors changed."""
    found = []
    for hosted in zone.hosted:
        if hosted.spec.live is not None and hosted.name in state.processors:
            rows = hosted.spec.live(state.processors[hosted.name], sensors, city, hosted.config)
            if len(rows):
                found.append(rows)
    return found
