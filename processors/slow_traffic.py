"""Sudden slow traffic on a segment: its minute's speed far below its own usual one, for several reports in a row.

in      city.readings.v1.traffic: speed_km_h, flow_veh_h of sensors that watch a segment; on time only
out     detections `slow_traffic`: IV tentative or mild, III and II by how much speed is lost; level 0 when it is over
state   open windows' sums by sensor; per segment: usual speed, latest ratio to it, the run of slow or recovered reports
drops   as congestion's, and late: a decision is not taken again
source  own choice, docs/processors.md: drop, persistence, a neighbour's word, after the California family of algorithms
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import retired, standing, travel, windows
from processors.maths.measures import TRAFFIC
from processors.maths.places import RoadLayout, Roads, grown
from processors.maths.rules import with_numbers
from processors.maths.windows import Windows
from streams.contract.level import Level
from streams.contract.records import NO_TIME_MS, Detection, Frame, Result
from streams.contract.spec import WINDOW_MS, Spec
from streams.contract.spec import Config as BaseConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.maths.fixed import Wide
    from streams.city.registry import City

LATE, KIND = "late", "slow_traffic"
NORMAL, MILD, CLEAR_DROP, SEVERE = range(4)
"""What a segment's alarm has reached; its level is IV, III, II for 1, 2, 3."""
LEVELS: tuple[Level, ...] = (0, 4, 3, 2)
GAP_INTERVALS = 3
"""A run ends where as many reports in a row are missing."""


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    slow_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.6
    """Speed over usual speed below which a report is slow."""
    clear_drop_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.45
    """Below this the alarm is level III, once confirmed."""
    severe_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.3
    """Below this it is level II, once confirmed."""
    recovered_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.75
    """At or above it a report counts as recovered."""
    slow_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    """Slow reports in a row that raise the alarm where an upstream neighbour is slower than usual, too."""
    alone_count: Annotated[int, msgspec.Meta(ge=1)] = 5
    """Slow reports in a row that raise it without a neighbour's word."""
    recovered_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    """Recovered reports in a row that clear it."""
    neighbour_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    """An upstream neighbour below this share of its usual speed confirms."""
    usual_s: Annotated[float, msgspec.Meta(gt=0)] = 900.0
    """Time constant of the usual speed."""
    frozen_s: Annotated[float, msgspec.Meta(gt=0)] = 14_400.0
    """The same while reports are not normal: slow enough to keep the memory, and to get used to a new normal."""
    warm_up_count: Annotated[int, msgspec.Meta(ge=1)] = 6
    """Reports before the usual speed is trusted."""
    least_usual_km_h: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    """A segment that is usually slower cannot alarm."""
    least_free_ratio: Annotated[float, msgspec.Meta(gt=0)] = 0.7
    """A speed at or above this share of free flow is never slow."""
    least_flow_veh_h: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    """A report with less flow decides nothing: at night one slow vehicle is no queue."""
    speed_floor_km_h: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """Slower readings count as this."""


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class State:
    """One zone. Arrays are (k,) by segment; a run counts slow reports up to an alarm, recovered ones during it."""

    windows: Windows = field(default_factory=Windows)
    places: Roads = field(default_factory=Roads)
    usual_km_h: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    ratio: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Of the latest report to the usual speed, NaN = none."""
    seen_ms: NDArray[np.int64] = field(default_factory=_none)
    reports: NDArray[np.int64] = field(default_factory=_none)
    run: NDArray[np.int64] = field(default_factory=_none)
    since_ms: NDArray[np.int64] = field(default_factory=_none)
    raised_ms: NDArray[np.int64] = field(default_factory=_none)
    """Start of the slow run that raised the alarm."""
    reached: NDArray[np.int64] = field(default_factory=_none)
    """NORMAL to SEVERE."""
    queued: NDArray[np.int64] = field(default_factory=_none)
    """1 = would alarm, but stands in the queue of an alarm downstream, which speaks for it."""


class _Reports(NamedTuple):
    """The segments of a closed window that had enough vehicles: (n,) place, speed, usual speed before, ratio."""

    start_ms: int
    place: NDArray[np.intp]
    speed_km_h: NDArray[np.float64]
    usual_km_h: NDArray[np.float64]
    ratio: NDArray[np.float64]


class _Changes(NamedTuple):
    """Alarms that changed: (c,) row of `_Reports`, and since when that holds."""

    row: NDArray[np.intp]
    at_ms: NDArray[np.int64]


class _Where(NamedTuple):
    """Where a step happens."""

    layout: RoadLayout
    city: City
    zone: int
    config: Config


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame's readings on time; decide on the windows that the watermark closes, in their order."""
    config = with_numbers(config, city, (KIND,))
    where = _Where(state.places.layout(city, frame.domain, frame.zone), city, frame.zone, config)
    places = len(where.layout.sensor_ids)
    windows.follow(state.windows, where.layout.lag_ms, where.layout.segment, lags=where.layout.lags)
    dropped: Mapping[str, int] = {}
    if len(frame):
        punctual = travel.on_time(frame, state.windows, where.layout.place[frame.sensor], WINDOW_MS)
        batch, unused = travel.readings(punctual, where.layout, config.speed_floor_km_h)
        dropped = {**unused, LATE: late} if (late := len(frame) - len(punctual)) else unused
        windows.fold(state.windows, batch, places, WINDOW_MS)
    found, decided = list[Detection](), dict[int, int]()
    for one in windows.due(state.windows, frame.watermark_ms, WINDOW_MS):
        sums = travel.by_segment(windows.take(state.windows, one, places), where.layout)
        decided[one.start_ms] = decided.get(one.start_ms, 0) + int(sums[travel.USED].whole.sum())
        _grow(state, len(where.layout.segment_ids))
        reports = _reports(state, one.start_ms, sums, where)
        state.ratio[reports.place] = reports.ratio
        neighbour = _neighbour(state, reports, where)
        changes = _decide(state, reports, neighbour[reports.place] >= 0, where)
        _remember(state, reports, config)
        found += _detections(state, reports, changes, neighbour, where)
    if frame.watermark_ms > state.windows.watermark_ms:
        found += _retired(state, frame.watermark_ms, where)
    windows.advance(state.windows, {}, frame.watermark_ms, WINDOW_MS)
    windows.forget(state.windows, WINDOW_MS, keep_ms=0)
    return Result(state=state, detections=tuple(found), dropped=dropped, decided=decided)


def _retired(state: State, at_ms: int, where: _Where) -> list[Detection]:
    """End what is under way on segments that nothing watches here any more; what is usual there is kept."""
    gone = ~where.layout.watched[: len(state.reached)]
    ended = np.flatnonzero(gone & (state.reached[: len(gone)] > NORMAL)).tolist()
    for array in (state.reached, state.queued, state.run):
        array[: len(gone)][gone] = 0
    of = retired.Where(where.city.id, TRAFFIC, where.city.zones[where.zone].id)
    return [retired.end(of, KIND, str(where.layout.segment_ids[place]), at_ms) for place in ended]


def _grow(state: State, segments: int) -> None:
    missing = np.full(max(segments - len(state.ratio), 0), np.nan)
    state.usual_km_h = np.concatenate([state.usual_km_h, missing])
    state.ratio = np.concatenate([state.ratio, missing])
    state.seen_ms = grown(state.seen_ms, segments, NO_TIME_MS)
    state.reports, state.run = grown(state.reports, segments), grown(state.run, segments)
    state.since_ms, state.raised_ms = grown(state.since_ms, segments), grown(state.raised_ms, segments)
    state.reached, state.queued = grown(state.reached, segments), grown(state.queued, segments)


def _reports(state: State, start_ms: int, sums: Wide, where: _Where) -> _Reports:
    """Return what the window says of the segments where enough vehicles drove, or nobody counted them."""
    counted = sums[travel.FLOW_COUNT].whole
    flow_veh_h = sums[travel.FLOW].number / travel.FLOW_SCALE / np.maximum(counted, 1)
    busy = (counted == 0) | (flow_veh_h >= where.config.least_flow_veh_h)
    place = np.flatnonzero((sums[travel.USED].whole > 0) & busy & where.layout.watched)
    veh_per_km = sums[travel.VEH_PER_KM, place].number / travel.VEH_PER_KM_SCALE
    speed_km_h = sums[travel.FLOW_WEIGHT, place].number / travel.FLOW_SCALE / veh_per_km
    usual_km_h = np.where(state.reports[place] > 0, state.usual_km_h[place], speed_km_h)
    return _Reports(start_ms, place, speed_km_h, usual_km_h, speed_km_h / usual_km_h)


def _gap_ms(layout: RoadLayout) -> NDArray[np.float64]:
    return GAP_INTERVALS * np.maximum(layout.segment_interval_s * 1000, WINDOW_MS)


def _neighbour(state: State, reports: _Reports, where: _Where) -> NDArray[np.int64]:
    """Return (k,) place of each segment's slowest upstream neighbour that is slower than usual of late, -1 = none."""
    layout = where.layout
    seen_ms = state.seen_ms.copy()
    seen_ms[reports.place] = reports.start_ms
    fresh = reports.start_ms - seen_ms[layout.above] <= _gap_ms(layout)[layout.above]
    slow = np.flatnonzero(fresh & (state.ratio[layout.above] < where.config.neighbour_ratio))
    slowest_last = slow[np.argsort(-state.ratio[layout.above[slow]], kind="stable")]
    neighbour = np.full(len(layout.segment_ids), -1)
    neighbour[layout.below[slowest_last]] = layout.above[slowest_last]
    return neighbour


def _alarm_ahead(state: State, layout: RoadLayout) -> NDArray[np.bool_]:
    """Return (k,) bool: a segment downstream alarms, or stands in the queue of one that does."""
    ahead = np.zeros(len(layout.segment_ids), bool)
    ahead[layout.above[(state.reached[layout.below] > NORMAL) | (state.queued[layout.below] > 0)]] = True
    return ahead


def _decide(state: State, reports: _Reports, backed: NDArray[np.bool_], where: _Where) -> _Changes:
    """Move the runs on, raise, step up and clear → what changed."""
    config, layout, place, start_ms = where.config, where.layout, reports.place, reports.start_ms
    before, raised_ms = state.reached[place], state.raised_ms[place]
    alarming = before > NORMAL
    slow = (reports.ratio < config.slow_ratio) & (state.reports[place] >= config.warm_up_count)
    slow &= reports.usual_km_h >= config.least_usual_km_h
    slow &= reports.speed_km_h < config.least_free_ratio * layout.free_flow_km_h[place]
    wanted = np.where(alarming, reports.ratio >= config.recovered_ratio, slow)
    unbroken = start_ms - state.seen_ms[place] <= _gap_ms(layout)[place]
    run = np.where(wanted, np.where(unbroken, state.run[place], 0) + 1, 0)
    since_ms = np.where(run == 1, start_ms, state.since_ms[place])
    stands = ~alarming & ((run >= config.alone_count) | ((run >= config.slow_count) & backed))
    queued = stands & _alarm_ahead(state, layout)[place]
    raises = stands & ~queued
    clears = alarming & (run >= config.recovered_count)
    long_ms = 2 * config.alone_count * np.maximum(layout.segment_interval_s[place] * 1000, WINDOW_MS)
    confirmed = backed | (alarming & (start_ms - raised_ms >= long_ms))
    severity = 1 + (reports.ratio < config.clear_drop_ratio).astype(np.int64) + (reports.ratio < config.severe_ratio)
    asked = np.where(confirmed, severity, MILD)
    reached = np.where((raises | alarming) & ~clears, np.maximum(before, asked), NORMAL)
    at_ms = np.where(raises | clears, since_ms, start_ms)
    state.queued[place] = queued
    state.raised_ms[place] = np.where(raises, since_ms, raised_ms)
    state.reached[place] = reached
    state.run[place] = np.where(raises | clears, 0, run)
    state.since_ms[place] = since_ms
    row = np.flatnonzero(reached != before)
    return _Changes(row, at_ms[row])


def _remember(state: State, reports: _Reports, config: Config) -> None:
    """Move the usual speed towards the present one: by the normal time constant, or hardly while it is not normal."""
    place = reports.place
    elapsed_s = np.where(state.reports[place] > 0, (reports.start_ms - state.seen_ms[place]) / 1000.0, 0.0)
    normal = (reports.ratio >= config.recovered_ratio) & (state.reached[place] == NORMAL)
    normal |= state.reports[place] < config.warm_up_count
    weight = elapsed_s / (np.where(normal, config.usual_s, config.frozen_s) + elapsed_s)
    state.usual_km_h[place] = reports.usual_km_h + weight * (reports.speed_km_h - reports.usual_km_h)
    state.reports[place] += 1
    state.seen_ms[place] = reports.start_ms


def _detections(
    state: State, reports: _Reports, changes: _Changes, neighbour: NDArray[np.int64], where: _Where
) -> list[Detection]:
    found = []
    for row, at_ms in zip(changes.row.tolist(), changes.at_ms.tolist(), strict=True):
        place, usual_km_h = reports.place[row], float(reports.usual_km_h[row])
        evidence: dict[str, float | str] = {"usual_km_h": usual_km_h, "ratio": float(reports.ratio[row])}
        if neighbour[place] >= 0:
            evidence["upstream"] = str(where.layout.segment_ids[neighbour[place]])
        found.append(
            Detection(
                city=where.city.id,
                domain=TRAFFIC,
                kind=KIND,
                entity=str(where.layout.segment_ids[place]),
                zone=where.city.zones[where.zone].id,
                at_ms=at_ms,
                known_at_ms=reports.start_ms + WINDOW_MS,
                level=LEVELS[int(state.reached[place])],
                value=float(reports.speed_km_h[row]),
                limit=where.config.slow_ratio * usual_km_h,
                unit="km/h",
                basis="own choice",
                evidence=evidence,
            )
        )
    return found


def waiting(state: State, _config: Config) -> dict[int, int]:
    """Return the readings with a speed in windows on which nothing is decided yet, by start."""
    return windows.waiting(state.windows, travel.USED, WINDOW_MS)


SPEC = Spec(
    domains=(TRAFFIC,),
    step=step,
    config=Config,
    state=State,
    drops=(*travel.DROPS, LATE),
    waiting=waiting,
    stands=lambda of: standing.at_segments(KIND, of.places.segments, of.reached, of.seen_ms + WINDOW_MS, LEVELS),
)
