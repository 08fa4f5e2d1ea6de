"""Travel time index, space-mean speed (km/h), delay (s) and flow (veh/h) of each segment, per minute of event time.

in      city.readings.v1.traffic: speed_km_h, flow_veh_h of sensors that watch a segment
out     tti_ratio, speed_km_h, delay_s, flow_veh_h with coverage: a row per segment with a reading, or with a sensor
        that was due
state   per window and sensor: exact sums of flow and flow / speed; when each sensor was last expected; of a segment
        that was edited, length and free flow of the windows that had closed
drops   no_segment: the sensor watches no segment; no_vehicles: a flow of 0, which has no speed but counts as flow;
        no_speed: vehicles without a usable speed; too_large: more vehicles than a sum can hold
source  GB/T 33171-2016, 7.2 (TTI, speed, delay); Wardrop 1952; `docs/methods/tti.md`, `speed.md`, `delay.md`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import coverage, edited, travel, windows
from processors.maths.edited import Edited
from processors.maths.measures import (
    DELAY,
    FLOW,
    SPEED,
    TRAFFIC,
    TRAVEL,
    TTI,
    Amounts,
    Heads,
    Road,
    rows_of_all,
    travel_amounts,
    value_of,
)
from processors.maths.places import RoadLayout, Roads, grown
from processors.maths.windows import READINGS, Windows
from streams.contract.records import Frame, Result, Rows
from streams.contract.spec import WINDOW_MS, WINDOW_S, Metric, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.maths.fixed import Wide
    from streams.city.registry import City

PROVISIONAL = -1


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    speed_floor_km_h: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    """Slower readings count as this, so that a standing queue keeps a finite travel time."""


@dataclass
class State:
    """One zone's windows by sensor; (m,) start of the last window that expected each sensor, and its newest reading."""

    windows: Windows = field(default_factory=Windows)
    places: Roads = field(default_factory=Roads)
    edited: Edited = field(default_factory=Edited)
    asked_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    newest_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame into the windows; emit those that the watermark closes and those that late readings correct."""
    layout = _layout(state, city, frame.zone)
    places = len(layout.sensor_ids)
    dropped: Mapping[str, int] = {}
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    windows.follow(state.windows, layout.lag_ms, layout.segment, lags=layout.lags)
    if len(frame):
        batch, dropped = travel.readings(frame, layout, config.speed_floor_km_h)
        state.newest_ms = grown(state.newest_ms, places, coverage.NEVER)
        punctual = ~batch.late if np.count_nonzero(batch.late) else slice(None)
        np.maximum.at(state.newest_ms, batch.place[punctual], batch.at_ms[punctual])
        touched = windows.fold(state.windows, batch, places, WINDOW_MS)
    due = windows.due(state.windows, frame.watermark_ms, WINDOW_MS)
    parts = [_final(state, one, layout) for one in due]
    corrected = windows.advance(state.windows, touched, frame.watermark_ms, WINDOW_MS)
    parts += [_corrected(state, start_ms, places, layout) for start_ms, places in corrected.items()]
    old = windows.forget(state.windows, WINDOW_MS, late_limit_ms(frame.domain))
    if old:
        edited.forget(state.edited, old[-1] + WINDOW_MS)
    return Result(state=state, rows=Rows.concat(parts), dropped=dropped)


def _layout(state: State, city: City, zone: int) -> RoadLayout:
    """Return where the zone's sensors and segments stand; what the city has changed of segments is kept beside."""
    before = state.places.segments
    layout = state.places.layout(city, TRAFFIC, zone)
    if layout.segments is not before:
        edited.keep(state.edited, before, layout, state.windows)
    return layout


class _Totals(NamedTuple):
    """Segments in a window: (j,) place, (fields, j) sums, (j,) coverage and revision; `at_ms` one for all or (j,)."""

    at_ms: int | NDArray[np.int64]
    place: NDArray[np.integer[Any]]
    sums: Wide
    coverage_ratio: NDArray[np.float64]
    revision: NDArray[np.int64]


def _final(state: State, one: windows.Due, layout: RoadLayout) -> Rows:
    start_ms, places = one.start_ms, len(layout.sensor_ids)
    sums = windows.take(state.windows, one, places)
    reported = sums[READINGS] > 0
    asked_ms = grown(state.asked_ms, places, coverage.NEVER)
    due = coverage.Due(asked_ms, layout.interval_s, layout.present)
    sums[travel.EXPECTED], state.asked_ms = coverage.ask_some(reported, due, (start_ms, WINDOW_MS), one.places)
    windows.close(state.windows, start_ms, sums)
    told = _coverage(sums, layout)
    place = np.flatnonzero(np.isfinite(told))
    totals = travel.by_segment(sums, layout)[:, place]
    return _rows(_Totals(start_ms, place, totals, told[place], np.zeros(len(place), np.int64)), layout)


def _corrected(state: State, start_ms: int, late_places: NDArray[np.integer[Any]], layout: RoadLayout) -> Rows:
    sums, late = windows.with_late(state.windows, start_ms, travel.FIELDS, len(layout.sensor_ids))
    place = np.unique(layout.segment[late_places])
    revision = travel.by_segment(late[np.newaxis], layout)[0, place].whole
    totals = _Totals(
        start_ms, place, travel.by_segment(sums, layout)[:, place], _coverage(sums, layout)[place], revision
    )
    return _rows(totals, edited.at_close(state.edited, layout, start_ms + WINDOW_MS))


def _coverage(sums: NDArray[np.int64], layout: RoadLayout) -> NDArray[np.float64]:
    """Return (k,) share of each segment's expected sensors that reported; NaN where none was expected or did."""
    reported = sums[READINGS] > 0
    told = travel.by_segment(np.array([reported, reported | (sums[travel.EXPECTED] > 0)], np.int64), layout).whole
    return coverage.ratio(told[0], told[1])


def _rows(totals: _Totals, layout: RoadLayout, metrics: tuple[Metric, ...] = TRAVEL) -> Rows:
    sums = totals.sums
    amounts = travel_amounts(
        flow_veh_h=sums[travel.FLOW_WEIGHT].number / travel.FLOW_SCALE,
        veh_per_km=sums[travel.VEH_PER_KM].number / travel.VEH_PER_KM_SCALE,
        used=sums[travel.USED].whole,
        road=Road(layout.length_km[totals.place], layout.free_flow_km_h[totals.place], WINDOW_S / 3600.0),
    )
    flow, flows = sums[travel.FLOW], sums[travel.FLOW_COUNT]
    amounts[FLOW.name] = Amounts(flow.whole, flows.whole, value_of(flow, flows, FLOW.sums), flows.whole)
    entity = layout.segment_ids[totals.place]
    heads = Heads(entity, totals.at_ms, WINDOW_S, totals.coverage_ratio, totals.revision)
    return rows_of_all({metric.name: amounts[metric.name] for metric in metrics}, heads)


def waiting(state: State, _config: Config) -> dict[int, int]:
    """Return the readings with a travel time in windows that have no row yet, by start."""
    return windows.waiting(state.windows, travel.USED, WINDOW_MS)


def live(state: State, sensors: NDArray[np.int32], city: City, _config: Config) -> Rows:
    """Return provisional TTI and speed of the segments these sensors watch, from each one's newest open window.

    `at_ms` of these rows is the event time of the segment's newest reading.
    """
    if not len(sensors) or not state.windows.open:
        return Rows.empty()
    layout = _layout(state, city, int(city.sensor_zone[sensors[0]]))
    segment = layout.segment[layout.place[sensors]]
    wanted = np.zeros(len(layout.segment_ids), bool)
    wanted[segment[segment >= 0]] = True
    newest_ms = np.full(len(layout.segment_ids), coverage.NEVER)
    newest = grown(state.newest_ms, len(layout.sensor_ids), coverage.NEVER)
    np.maximum.at(newest_ms, layout.segment[layout.segment >= 0], newest[layout.segment >= 0])
    parts = []
    for start_ms in sorted(state.windows.open, reverse=True):
        if not wanted.any():
            break
        sums = grown(state.windows.open[start_ms], len(layout.sensor_ids))
        totals = travel.by_segment(sums, layout)
        place = np.flatnonzero(wanted & (totals[READINGS].whole > 0))
        if not len(place):
            continue
        wanted[place] = False
        provisional = np.full(len(place), PROVISIONAL, np.int64)
        told = _coverage(sums, layout)[place]
        parts.append(_rows(_Totals(newest_ms[place], place, totals[:, place], told, provisional), layout, (TTI, SPEED)))
    return Rows.concat(parts)


SPEC = Spec(
    domains=(TRAFFIC,),
    step=step,
    config=Config,
    state=State,
    state_version=2,
    metrics=TRAVEL,
    drops=travel.DROPS,
    counted=(TTI.name, SPEED.name, DELAY.name),
    waiting=waiting,
    live=live,
)
