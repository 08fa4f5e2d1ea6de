"""The city registry: zones, road segments and sensors of one city folder, as arrays; the door to `streams.city`.

Entity ids are unique within the city. `docs/city-folder.md` describes every file and field.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from streams.city.check import Checked, check
from streams.city.dependence import Dependence
from streams.city.findings import sentences
from streams.city.folder import read_folder
from streams.city.moves import NEVER_MS, NO_MOVES, Former, Moves, former
from streams.city.parts import Content, Corridor, Relation, Segment, Sensor, Zone
from streams.city.sensors_file import SENSOR_COLUMNS
from streams.city.timing import FUTURE_MS, Timing, timing_of
from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SENSOR_COLUMNS", "City", "Corridor", "Relation", "Segment", "Sensor", "Zone", "city_of", "load_city"]


@dataclass(frozen=True)
class City(Content):
    """One city. Invariant: a sensor's or segment's index is its place in the tuple and never changes in one version."""

    number: int = 0
    """Its version in `city.cities.v1`, 0 = it was read from a folder."""
    moves: Moves = NO_MOVES
    """Who is in another zone now than some readings on the way are of."""
    arriving: Mapping[tuple[str, int], Sequence[int]] = field(default_factory=dict)
    """(domain, zone index) → codes of sensors of which it has readings already, while windows still ask another zone
    for them."""
    elsewhere: Mapping[int, int] = field(default_factory=dict)
    """Code of a sensor → index of the zone that asks for it, where that is another than the one that has it yet."""

    @cached_property
    def version(self) -> str:
        """Its number, or a digest of what processing depends on: all but the city's names and what the map shows."""
        if self.number:
            return str(self.number)
        roads = (self.zones, self.segments, self.sensors, self.corridors, self.relations)
        text = repr((self.id, self.time_zone, *roads, sorted(self.calendar.items()), *sorted(self.rules.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def sensor_code(self) -> dict[str, int]:
        """Sensor id → index."""
        return {sensor.id: index for index, sensor in enumerate(self.sensors)}

    @cached_property
    def sensor_ids(self) -> NDArray[np.object_]:
        """(sensors,) ids."""
        return np.array([sensor.id for sensor in self.sensors], object)

    @cached_property
    def segment_code(self) -> dict[str, int]:
        """Segment id → index."""
        return {segment.id: index for index, segment in enumerate(self.segments)}

    @cached_property
    def zone_code(self) -> dict[str, int]:
        """Zone id → index."""
        return {zone.id: index for index, zone in enumerate(self.zones)}

    @cached_property
    def sensor_zone(self) -> NDArray[np.int32]:
        """(sensors,) index of each sensor's zone."""
        return np.array([sensor.zone for sensor in self.sensors], np.int32)

    @cached_property
    def sensor_segment(self) -> NDArray[np.int32]:
        """(sensors,) index of the segment each sensor watches, -1 = none."""
        return np.array([sensor.segment for sensor in self.sensors], np.int32)

    @cached_property
    def segment_zone(self) -> NDArray[np.int32]:
        """(segments,) index of each segment's zone."""
        return np.array([segment.zone for segment in self.segments], np.int32)

    @cached_property
    def length_m(self) -> NDArray[np.float64]:
        """(segments,) length."""
        return np.array([segment.length_m for segment in self.segments], np.float64)

    @cached_property
    def free_flow_km_h(self) -> NDArray[np.float64]:
        """(segments,) free-flow speed."""
        return np.array([segment.free_flow_km_h for segment in self.segments], np.float64)

    @cached_property
    def sensors_of_domain(self) -> dict[str, NDArray[np.bool_]]:
        """Domain → (sensors + 1,) bool: whether that sensor is one of the domain's; the last, index -1, never is."""
        domains = np.array([*(sensor.domain for sensor in self.sensors), ""])
        return {str(domain): domains == domain for domain in np.unique(domains[:-1])}

    @cached_property
    def not_measured(self) -> dict[str, tuple[NDArray[np.float64], ...]]:
        """Column → arrays of (sensors,) values that stand for "nothing was measured" there, NaN = none."""
        found: dict[str, list[NDArray[np.float64]]] = {}
        for code, sensor in enumerate(self.sensors):
            listed: dict[str, int] = {}
            for column, value in sensor.not_measured:
                place = listed[column] = listed.get(column, -1) + 1
                of_column = found.setdefault(column, [])
                if place == len(of_column):
                    of_column.append(np.full(len(self.sensors), np.nan))
                of_column[place][code] = value
        return {column: tuple(arrays) for column, arrays in found.items()}

    @cached_property
    def dependence(self) -> Dependence:
        """Who hangs on whom, by its relations."""
        return Dependence(self.relations)

    @cached_property
    def timing(self) -> Timing:
        """How far behind and ahead of the clock each sensor's times rightly are."""
        return timing_of(self.sensors)

    @cached_property
    def plain_domains(self) -> frozenset[str]:
        """Domains whose sensors all stamp the moment, send at once and have their domain's limit."""
        lag_ms, future_ms, late_limit_ms = (one[:-1] for one in self.timing)
        odd = (lag_ms > 0) | (future_ms > FUTURE_MS) | (late_limit_ms < np.iinfo(np.int64).max)
        found = {sensor.domain for sensor in self.sensors}
        return frozenset(found - {self.sensors[code].domain for code in np.flatnonzero(odd).tolist()})

    @cached_property
    def longest_lag_ms(self) -> dict[str, int]:
        """Domain → the longest lag of its sensors."""
        of_domain = self.sensors_of_domain.items()
        return {domain: int(self.timing.lag_ms[mine].max(initial=0)) for domain, mine in of_domain}

    @cached_property
    def sensors_of_zone(self) -> dict[tuple[str, int], NDArray[np.int32]]:
        """(domain, zone index) → codes of its sensors."""
        groups: dict[tuple[str, int], list[int]] = {}
        for index, sensor in enumerate(self.sensors):
            groups.setdefault((sensor.domain, sensor.zone), []).append(index)
        return {key: np.array(codes, np.int32) for key, codes in groups.items()}

    @cached_property
    def zones_of_domain(self) -> dict[str, tuple[str, ...]]:
        """Domain → ids of the zones that have sensors of it."""
        found: dict[str, list[str]] = {}
        for domain, zone in self.sensors_of_zone:
            found.setdefault(domain, []).append(self.zones[zone].id)
        return {domain: tuple(zones) for domain, zones in found.items()}

    @cached_property
    def former(self) -> dict[str, Former]:
        """Domain → which sensors of it were moved; there is none where nobody was."""
        return former(self)

    def reached_ms(self, version: int) -> int:
        """Return the time of the city clock from which on readings may be of where later versions moved a sensor."""
        return min((moved.reached_ms(version) for moved in self.former.values()), default=NEVER_MS)

    @cached_property
    def zones_awaited(self) -> dict[str, tuple[str, ...]]:
        """Domain → ids of the zones that have sensors of it, or had those that were moved."""
        found = dict(self.zones_of_domain)
        for domain, moved in self.former.items():
            found[domain] = tuple(dict.fromkeys((*found.get(domain, ()), *(one.zone for one in moved.moves))))
        return found

    @cached_property
    def sensor_rank(self) -> NDArray[np.int32]:
        """(sensors,) place of each sensor among those of its domain and zone, `sensor_names`."""
        rank = np.empty(len(self.sensors), np.int32)
        for codes in self.sensors_of_zone.values():
            rank[codes] = np.arange(len(codes))
        return rank

    @cached_property
    def sensor_names(self) -> dict[tuple[str, int], tuple[str, ...]]:
        """(domain, zone index) → ids of its sensors, in the order of `sensors_of_zone`."""
        return {key: tuple(self.sensors[code].id for code in codes) for key, codes in self.sensors_of_zone.items()}


def load_city(folder: Path) -> City:
    """Read and check a city folder.

    Raises CityFileError, which names its problems: file, line or feature, field, value and cure.
    """
    return city_of(check(read_folder(folder)), str(folder))


def city_of(checked: Checked, folder: str) -> City:
    """Return the city that a check found good.

    Raises CityFileError with what is wrong with it.
    """
    if checked.problems:
        raise CityFileError(sentences(checked.problems, folder))
    content = checked.content
    return City(**{**vars(content), "sensors": tuple(_where_counted(one, content.segments) for one in content.sensors)})


def _where_counted(sensor: Sensor, segments: tuple[Segment, ...]) -> Sensor:
    """Return the sensor in the zone of the segment it watches: all that is known of a segment must meet in one zone."""
    if sensor.segment < 0 or sensor.zone == segments[sensor.segment].zone:
        return sensor
    return replace(sensor, zone=segments[sensor.segment].zone)
