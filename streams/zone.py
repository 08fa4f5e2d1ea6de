"""The zone stage of one zone: a frame is cut by its source, judged, de-duplicated and handed to every processor. Pure.

in      city.readings.v1.<domain>: frames of one zone, and marks for all zones of a partition
out     rows of metrics and detections; dead letters `too_late`
state   per source: last (offset, place) absorbed and mark; per sensor: the event times seen; each processor's own state
drops   too_late: older than `LATE_LIMIT_MS` against its own source, or than all that is remembered of its sensor
source  docs/architecture.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams import dedup
from streams.records import NO_TIME_MS, DeadLetter, Detection, Frame, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.city import City
    from streams.frames import FrameHeader, FrameRows
    from streams.spec import Spec

LATE_LIMIT_MS = 3_600_000
"""A reading this far behind its own source's mark is dead-lettered (design.md 6.2 d)."""

JOINED_LATER = "joined_later"
"""Reason under which the readings count that a zone took before a processor was added."""

WATERMARK_STEP_MS = 1_000
"""Watermarks are rounded down to this, so that processors are not called for less."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A processor with its configuration, as the zone stage runs it."""

    name: str
    spec: Spec
    config: Any


@dataclass
class SourceCounts:
    """What the zone saw of one source."""

    in_frames: int = 0
    duplicates: int = 0
    conflicts: int = 0
    """Duplicates that carried other values."""
    too_late: int = 0
    sent: int = 0
    """Rows that intake says it has sent, up to the last one absorbed: what the three numbers must add up to."""


@dataclass
class ZoneState:
    """All that is known of one zone of one domain."""

    seen: dedup.Seen = field(default_factory=dedup.Seen.empty)
    sensors: dict[str, int] = field(default_factory=dict)
    """Sensor id → its row in `seen`."""
    absorbed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Source → last (offset, place)."""
    marks: dict[int, int] = field(default_factory=dict)
    watermark_ms: int = NO_TIME_MS
    counts: dict[int, SourceCounts] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    """Processor → declared reason → readings."""
    used: dict[str, int] = field(default_factory=dict)
    processors: dict[str, Any] = field(default_factory=dict)
    """Processor → its state; in a snapshot, its bytes."""


@dataclass
class Output:
    """What a zone yields from one frame."""

    rows: list[Rows] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    touched: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """City codes of the sensors with new rows."""
    watermark_moved: bool = False


@dataclass(frozen=True)
class Zone:
    """What is fixed about a zone: which one, of which domain, read by whom."""

    domain: str
    index: int
    inbox_topic: str
    sources: int
    """How many inbox partitions its domain has; the watermark waits for each."""
    hosted: Sequence[Hosted]


def absorb(zone: Zone, state: ZoneState, header: FrameHeader, rows: FrameRows | None, city: City) -> Output:
    """Take one frame (or mark) into the zone. `state` changes in place; repeats change nothing."""
    output = Output()
    absorbed = state.absorbed.get(header.source, (-1, -1))
    if header.last < absorbed:
        return output
    fresh = None if rows is None else _admit(zone, state, header, rows, output)
    state.absorbed[header.source] = header.last
    if rows is not None:
        state.counts.setdefault(header.source, SourceCounts()).sent = header.sent
    state.marks[header.source] = max(header.mark_ms, state.marks.get(header.source, NO_TIME_MS))
    watermark_ms = _watermark(state.marks, zone.sources)
    output.watermark_moved = watermark_ms > state.watermark_ms
    state.watermark_ms = max(watermark_ms, state.watermark_ms)
    if fresh is not None or output.watermark_moved:
        _process(zone, state, _frame(zone, state.watermark_ms, header, fresh, city), city, output)
    return output


def _watermark(marks: Mapping[int, int], sources: int) -> int:
    if len(marks) < sources or min(marks.values()) == NO_TIME_MS:
        return NO_TIME_MS
    return min(marks.values()) // WATERMARK_STEP_MS * WATERMARK_STEP_MS


def _admit(zone: Zone, state: ZoneState, header: FrameHeader, rows: FrameRows, output: Output) -> FrameRows | None:
    """Cut off what was absorbed, refuse what is too late, take each (sensor, event time) once."""
    offset, place = state.absorbed.get(header.source, (-1, -1))
    fresh = (rows.offset > offset) | ((rows.offset == offset) & (rows.place > place))
    if not fresh.all():
        rows = rows.take(fresh)
    if not len(rows.at_ms):
        return None
    verdict = _verdicts(state, header, rows)
    new, forgotten = verdict == dedup.NEW, verdict == dedup.FORGOTTEN
    counts = state.counts.setdefault(header.source, SourceCounts())
    counts.in_frames += int(new.sum())
    counts.too_late += int(forgotten.sum())
    counts.duplicates += int(len(verdict) - new.sum() - forgotten.sum())
    counts.conflicts += int((verdict == dedup.CONFLICT).sum())
    output.dead.extend(_too_late(zone, header, rows, int(row)) for row in np.flatnonzero(forgotten))
    if new.all():
        return rows
    return rows.take(new) if new.any() else None


def _verdicts(state: ZoneState, header: FrameHeader, rows: FrameRows) -> NDArray[np.int8]:
    known = state.sensors
    for sensor in header.sensors:
        known.setdefault(sensor, len(known))
    state.seen.grow(len(known))
    local = np.array([known[sensor] for sensor in header.sensors], np.intp)[rows.sensor]
    verdict = np.full(len(rows.at_ms), dedup.FORGOTTEN, np.int8)
    judged = np.flatnonzero(rows.lag_ms <= LATE_LIMIT_MS)
    digest = dedup.digests(rows.columns, len(rows.at_ms))
    verdict[judged] = dedup.judge(state.seen, local[judged], rows.at_ms[judged], digest[judged])
    return verdict


def _too_late(zone: Zone, header: FrameHeader, rows: FrameRows, row: int) -> DeadLetter:
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


def _frame(zone: Zone, watermark_ms: int, header: FrameHeader, rows: FrameRows | None, city: City) -> Frame:
    if rows is None:
        nothing = np.empty(0, np.int64)
        return Frame(zone.domain, zone.index, nothing.astype(np.int32), nothing, nothing.astype(bool), {}, watermark_ms)
    codes = np.array([city.sensor_code[sensor] for sensor in header.sensors], np.int32)
    return Frame(zone.domain, zone.index, codes[rows.sensor], rows.at_ms, rows.lag_ms > 0, rows.columns, watermark_ms)


def _process(zone: Zone, state: ZoneState, frame: Frame, city: City, output: Output) -> None:
    output.touched = np.unique(frame.sensor)
    for hosted in zone.hosted:
        before = state.processors.get(hosted.name)
        result = hosted.spec.step(hosted.spec.state() if before is None else before, frame, city, hosted.config)
        state.processors[hosted.name] = result.state
        dropped = state.dropped.setdefault(hosted.name, {})
        if before is None:
            missed = sum(one.in_frames for one in state.counts.values()) - len(frame)
            dropped.update({JOINED_LATER: missed} if missed else {})
        for reason, count in result.dropped.items():
            if count:
                dropped[reason] = dropped.get(reason, 0) + int(count)
        state.used[hosted.name] = state.used.get(hosted.name, 0) + len(frame) - int(sum(result.dropped.values()))
        if len(result.rows):
            output.rows.append(result.rows)
        output.detections.extend(result.detections)


def provisional(zone: Zone, state: ZoneState, sensors: NDArray[np.int32], city: City) -> list[Rows]:
    """Return the provisional rows that those sensors changed."""
    found = []
    for hosted in zone.hosted:
        if hosted.spec.live is not None and hosted.name in state.processors:
            rows = hosted.spec.live(state.processors[hosted.name], sensors, city, hosted.config)
            if len(rows):
                found.append(rows)
    return found
