"""Who of a domain may be an entity of a metric, by the city's files: its segments with a sensor, and its sensors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.places import Same
from streams.contract.durations import MINUTE_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City


class Roster(NamedTuple):
    """(e,) id, zone id, interval in whole minutes and sensors of each entity."""

    ids: tuple[str, ...]
    zones: tuple[str, ...]
    interval_ms: NDArray[np.int64]
    sensors: NDArray[np.int64]


def rosters(city: City, domain: str) -> tuple[Roster, Roster]:
    """List a domain's segments with a sensor, and its sensors.

    A segment is asked as often as the fastest of its sensors, and weighs as all of them.
    """
    return _rosters(Same(city), domain)


@lru_cache(maxsize=32)
def _rosters(same: Same, domain: str) -> tuple[Roster, Roster]:
    city = same.city
    segments: dict[str, list[float]] = {}
    single: dict[str, list[float]] = {}
    zone_of: dict[str, str] = {}
    for (of, zone), codes in city.sensors_of_zone.items():
        for sensor in (city.sensors[code] for code in codes.tolist() if of == domain):
            single[sensor.id] = [sensor.interval_s]
            zone_of[sensor.id] = city.zones[zone].id
            if sensor.segment >= 0:
                segment = city.segments[sensor.segment].id
                segments.setdefault(segment, []).append(sensor.interval_s)
                zone_of[segment] = city.zones[zone].id
    return _roster(segments, zone_of), _roster(single, zone_of)


def _roster(intervals_s: dict[str, list[float]], zone_of: dict[str, str]) -> Roster:
    fastest_s = np.array([min(of_entity) for of_entity in intervals_s.values()], np.float64)
    interval_ms = np.ceil(fastest_s * 1000.0 / MINUTE_MS).astype(np.int64) * MINUTE_MS
    sensors = np.array([len(of_entity) for of_entity in intervals_s.values()], np.int64)
    return Roster(tuple(intervals_s), tuple(zone_of[entity] for entity in intervals_s), interval_ms, sensors)
