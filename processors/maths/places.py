"""Where a zone's sensors and segments stand in its dense arrays.

A sensor's place is its rank among the zone's sensors of the domain; a segment's is the rank of its first sensor.
Sensors that a reload appends therefore get places at the end, and arrays of an older state only grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City

CACHED_LAYOUTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The sensors of one (domain, zone), and the segments they watch. NO_PLACE (-1) = none. It equals itself only."""

    sensors: NDArray[np.int32]
    """(m,) codes of the sensors, by place."""
    sensor_ids: NDArray[np.object_]
    interval_s: NDArray[np.float64]
    place: NDArray[np.int32]
    """(all sensors of the city,) code → place."""
    segment: NDArray[np.int32]
    """(m,) place of the segment that each sensor watches, -1 = none."""
    segments: NDArray[np.int32]
    """(k,) codes of the segments, by place."""
    segment_ids: NDArray[np.object_]
    length_km: NDArray[np.float64]
    free_flow_km_h: NDArray[np.float64]
    segment_interval_s: NDArray[np.float64]
    """(k,) the longest interval of a segment's sensors."""
    below: NDArray[np.int32]
    """(e,) place of a segment that has an upstream neighbour in this layout …"""
    above: NDArray[np.int32]
    """(e,) … and the neighbour's place."""


def layout_of(city: City, domain: str, zone: int) -> Layout:
    """Return the layout of a zone's sensors of one domain; kept as long as the same city is in use."""
    return _layout(_Same(city), domain, zone)


class _Same:
    """A city, compared by identity: its content never changes, and comparing it would cost a walk over it."""

    __slots__ = ("city",)

    def __init__(self, city: City) -> None:
        self.city = city

    def __hash__(self) -> int:
        return id(self.city)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.city is self.city


@lru_cache(maxsize=CACHED_LAYOUTS)
def _layout(same: _Same, domain: str, zone: int) -> Layout:
    city = same.city
    sensors = city.sensors_of_zone.get((domain, zone), np.empty(0, np.int32))
    place = np.full(len(city.sensors), -1, np.int32)
    place[sensors] = np.arange(len(sensors), dtype=np.int32)
    watched = [code for code in city.sensor_segment[sensors].tolist() if code >= 0]
    segments = np.array(list(dict.fromkeys(watched)), np.int32)
    rank = {code: index for index, code in enumerate(segments.tolist())}
    segment = np.array([rank.get(code, -1) for code in city.sensor_segment[sensors].tolist()], np.int32)
    interval_s = np.array([city.sensors[code].interval_s for code in sensors.tolist()], np.float64)
    segment_interval_s = np.zeros(len(segments))
    np.maximum.at(segment_interval_s, segment[segment >= 0], interval_s[segment >= 0])
    edges = [
        (rank[code], rank[city.segment_code[upstream]])
        for code in rank
        for upstream in city.segments[code].upstream
        if city.segment_code[upstream] in rank
    ]
    return Layout(
        sensors=sensors,
        sensor_ids=np.array([city.sensors[code].id for code in sensors.tolist()], object),
        interval_s=interval_s,
        place=place,
        segment=segment,
        segments=segments,
        segment_ids=np.array([city.segments[code].id for code in segments.tolist()], object),
        length_km=city.length_m[segments] / 1000.0,
        free_flow_km_h=city.free_flow_km_h[segments],
        segment_interval_s=segment_interval_s,
        below=np.array([below for below, _ in edges], np.int32),
        above=np.array([above for _, above in edges], np.int32),
    )


def grown(array: NDArray[np.int64], size: int, fill: int = 0) -> NDArray[np.int64]:
    """Return the array with its last axis grown to `size`; the same object where it has that size."""
    missing = size - array.shape[-1]
    if missing <= 0:
        return array
    tail = np.full((*array.shape[:-1], missing), fill, array.dtype)
    return np.concatenate([array, tail], axis=-1)
