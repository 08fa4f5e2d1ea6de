"""What a traffic reading adds to its segment: the sums of `docs/methods/tti.md`."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.fixed import Wide, add_wide, to_terms
from processors.maths.windows import READINGS, Terms, is_closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from processors.maths.places import RoadLayout
    from processors.maths.windows import Windows
    from streams.contract.records import Frame

USED, FLOW_WEIGHT, VEH_PER_KM, FLOW_COUNT, FLOW, EXPECTED = range(READINGS + 1, READINGS + 7)
FIELDS = EXPECTED + 1
"""Fields of a window's sums: readings, those used, Σq and Σq/v' of those, flows read and their Σ; 1 = expected, at
the close."""
FLOW_SCALE = 1e6
VEH_PER_KM_SCALE = 1e12
"""1 veh/h at 250 km/h is 4e9 units: good to 1e-9; a reading of 20,000 veh/h at 5 km/h fits MOST_READINGS times."""
SCALES = np.array([[FLOW_SCALE], [FLOW_SCALE], [VEH_PER_KM_SCALE]])
"""Of FLOW, FLOW_WEIGHT and VEH_PER_KM, below each other."""
WEIGHT_WITHOUT_FLOW_VEH_H = 1.0
NO_SEGMENT, NO_VEHICLES, NO_SPEED, TOO_LARGE = "no_segment", "no_vehicles", "no_speed", "too_large"
DROPS = (NO_SEGMENT, NO_VEHICLES, NO_SPEED, TOO_LARGE)


class Readings(NamedTuple):
    """A frame's readings as terms, and why some give no travel time."""

    batch: Terms
    dropped: Mapping[str, int]


@lru_cache(maxsize=1)  # the processors of a zone are handed the same frame one after the other
def readings(frame: Frame, layout: RoadLayout, speed_floor_km_h: float) -> Readings:
    """Return the readings of sensors that watch a segment. A reading without travel time still counts as reported."""
    place = layout.place.take(frame.sensor)
    speed_km_h, flow_veh_h = frame.column("speed_km_h"), frame.column("flow_veh_h")
    on_road = (place >= 0) & (layout.segment.take(place) >= 0) if len(layout.segment) else np.zeros(len(frame), bool)
    if np.count_nonzero(on_road) == len(on_road):
        at_ms, late = frame.at_ms, frame.late
    else:
        at_ms, late, place = frame.at_ms[on_road], frame.late[on_road], place[on_road]
        speed_km_h, flow_veh_h = speed_km_h[on_road], flow_veh_h[on_road]
    counted, spoken = np.isfinite(flow_veh_h), np.isfinite(speed_km_h)
    idle = counted & (flow_veh_h <= 0.0)
    moving = ~idle & spoken & (speed_km_h > 0.0)
    if np.count_nonzero(moving & counted) == len(place):
        terms = _of_all(speed_km_h, flow_veh_h, speed_floor_km_h)
        if terms is not None:
            return Readings(Terms(at_ms, place, late, terms), _dropped(len(frame), len(place), idle, moving))
    weight = np.where(moving, np.where(counted, flow_veh_h, WEIGHT_WITHOUT_FLOW_VEH_H), 0.0)
    veh_per_km = weight / np.where(moving, np.maximum(speed_km_h, speed_floor_km_h), 1.0)
    amounts = np.array([np.where(counted, flow_veh_h, 0.0), weight, veh_per_km])
    terms = np.zeros((FIELDS, len(place)), np.int64)
    terms[[FLOW, FLOW_WEIGHT, VEH_PER_KM]], excess = to_terms(amounts, SCALES)
    dropped = _dropped(len(frame), len(place), idle, moving)
    if excess is not None:
        too_large = excess.any(axis=0)
        terms[:, too_large] = 0
        counted, moving = counted & ~too_large, moving & ~too_large
        dropped = _dropped(len(frame), len(place), idle, moving | too_large)
        dropped[TOO_LARGE] = int(np.count_nonzero(too_large))
    terms[READINGS] = 1
    terms[USED] = moving
    terms[FLOW_COUNT] = counted
    terms.flags.writeable = False
    return Readings(Terms(at_ms, place, late, terms), dropped)


def _of_all(
    speed_km_h: NDArray[np.float64], flow_veh_h: NDArray[np.float64], speed_floor_km_h: float
) -> NDArray[np.int64] | None:
    """Return the terms of readings that all have flow and speed above 0, None where any is too large."""
    amounts = np.array([flow_veh_h, flow_veh_h / np.maximum(speed_km_h, speed_floor_km_h)])
    fixed, excess = to_terms(amounts, SCALES[1:])
    if excess is not None:
        return None
    terms = np.empty((FIELDS, len(flow_veh_h)), np.int64)
    terms[READINGS] = terms[USED] = terms[FLOW_COUNT] = 1
    terms[FLOW] = terms[FLOW_WEIGHT] = fixed[0]
    terms[VEH_PER_KM] = fixed[1]
    terms[EXPECTED] = 0
    terms.flags.writeable = False
    return terms


def _dropped(rows: int, on_road: int, idle: NDArray[np.bool_], moving: NDArray[np.bool_]) -> dict[str, int]:
    no_vehicles = int(np.count_nonzero(idle))
    counts = {
        NO_SEGMENT: rows - on_road,
        NO_VEHICLES: no_vehicles,
        NO_SPEED: on_road - no_vehicles - int(np.count_nonzero(moving)),
    }
    return {reason: count for reason, count in counts.items() if count}


def on_time(frame: Frame, windows: Windows, place: NDArray[np.int32], window_ms: int) -> Frame:
    """Leave out what is late, by its own source or because its window is closed: for a decision it is too late."""
    keep = ~frame.late & ~is_closed(windows, frame.at_ms - frame.at_ms % window_ms + window_ms, place)
    if keep.all():
        return frame
    columns = {name: values[keep] for name, values in frame.columns.items()}
    return replace(
        frame,
        sensor=frame.sensor[keep],
        at_ms=frame.at_ms[keep],
        late=frame.late[keep],
        columns=columns,
        behind_ms=None,
    )


def by_segment(sums: NDArray[np.int64], layout: RoadLayout) -> Wide:
    """Add up the sensors of each segment: (fields, m) → (fields, k)."""
    watching = layout.segment >= 0
    if np.count_nonzero(watching) == len(watching):
        return add_wide(sums, layout.segment, len(layout.segment_ids))
    return add_wide(sums[:, watching], layout.segment[watching], len(layout.segment_ids))
