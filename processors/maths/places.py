"""Where a zone's sensors and segments stand in the arrays of a state: registers that only grow.

A state carries its register. Whoever the city adds gets the next place, whoever leaves keeps its place, and whoever
comes back finds it again; so no edit of the city folder moves anything from one to another, and what was summed for a
sensor that has left is still told under its id. A `Layout` says what the city at hand makes of the register.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City

SHARED_LAYOUTS = 64
"""The processors of a zone come to a new city one after the other, and share what they make of it."""

KEPT_LAYOUTS = 2
"""A frame that was made with an older city may come between those of the newest."""

NO_PLACE = -1

L = TypeVar("L", bound="Layout")
N = TypeVar("N", np.int64, np.int32)
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The register of one (domain, zone) in one city: m places. It equals itself only."""

    sensor_ids: NDArray[np.object_]
    """(m,) by place; those that have left among them."""
    present: NDArray[np.bool_]
    """(m,) whether the city has it here, or it arrives …"""
    awaited: NDArray[np.bool_]
    """… and whether its windows ask for it here."""
    interval_s: NDArray[np.float64]
    """(m,) of what is present, else 0."""
    lag_ms: NDArray[np.int64]
    """(m,) how long after their end its windows wait, -1 = it has left; where it watches a segment, the longest of that
    one's sensors."""
    place: NDArray[np.int32]
    """(all sensors of the city,) code → place, NO_PLACE = it is not of this zone and domain."""
    longest_lag_ms: int

    @property
    def lags(self) -> bool:
        """Whether any of them lags."""
        return self.longest_lag_ms > 0


@dataclass(frozen=True, slots=True, eq=False)
class RoadLayout(Layout):
    """The same for sensors that watch k segments. A sensor has a place for each segment that it has watched."""

    segment: NDArray[np.int32]
    """(m,) place of the segment that is watched from there, NO_PLACE = none."""
    segments: bytes
    """What the register then says of them …"""
    segment_ids: NDArray[np.object_]
    """(k,) … by place; those that have left among them."""
    watched: NDArray[np.bool_]
    """(k,) whether a sensor that is present watches it."""
    length_km: NDArray[np.float64]
    free_flow_km_h: NDArray[np.float64]
    """(k,) as the city has it, or had it before the segment left."""
    segment_interval_s: NDArray[np.float64]
    """(k,) the longest interval of the sensors present, 0 = there is none."""
    below: NDArray[np.int32]
    """(e,) place of a watched segment that has a watched upstream neighbour …"""
    above: NDArray[np.int32]
    """(e,) … and the neighbour's place."""


class Same:
    """A city, compared by identity: its content never changes, and comparing it would cost a walk over it."""

    __slots__ = ("city",)

    def __init__(self, city: City) -> None:
        self.city = city

    def __hash__(self) -> int:
        return id(self.city)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.city is self.city


class _Kept(Generic[L]):
    """The layouts made last; they hold as long as the register has not grown."""

    def __init__(self) -> None:
        self._made: list[tuple[City, object, L]] = []

    def find(self, city: City, register: object) -> L | None:
        for known, of, layout in self._made:
            if known is city and of is register:
                return layout
        return None

    def keep(self, city: City, register: object, layout: L) -> L:
        others = [one for one in self._made if one[0] is not city]
        self._made = [(city, register, layout), *others[: KEPT_LAYOUTS - 1]]
        return layout


@dataclass(eq=False)
class Places:
    """A register of a zone's sensors. Invariant: a place is never given to another."""

    sensors: bytes = _pack([])
    """Their ids by place, packed: what does not change costs nothing to save."""

    def __post_init__(self) -> None:
        self._kept = _Kept[Layout]()

    def layout(self, city: City, domain: str, zone: int) -> Layout:
        """Return where the zone's sensors stand; new ones get the next places."""
        found = self._kept.find(city, self.sensors)
        if found is None:
            self.sensors, made = _layout(Same(city), domain, zone, self.sensors)
            found = self._kept.keep(city, self.sensors, made)
        return found


@dataclass(eq=False)
class Roads:
    """A register of a zone's sensors with the segment each watches, and of these segments."""

    sensors: bytes = _pack([])
    """(id, place of the segment watched or NO_PLACE) by place, packed."""
    segments: bytes = _pack([])
    """(id, km, km/h of free flow) by place, packed; as the city had them of which the last layout was."""

    def __post_init__(self) -> None:
        self._kept = _Kept[RoadLayout]()

    def layout(self, city: City, domain: str, zone: int) -> RoadLayout:
        """Return where the zone's sensors and segments stand; new ones get the next places."""
        found = self._kept.find(city, self.sensors)
        if found is None:
            self.sensors, made = _roads(Same(city), domain, zone, self.sensors, self.segments)
            found = self._kept.keep(city, self.sensors, made)
        self.segments = found.segments
        return found


def unpacked(segments: bytes) -> list[tuple[str, float, float]]:
    """Return (id, km, km/h of free flow) of a register's segments."""
    return msgspec.msgpack.decode(segments, type=list[tuple[str, float, float]])


def _here(city: City, domain: str, zone: int) -> NDArray[np.int32]:
    return city.sensors_of_zone.get((domain, zone), np.empty(0, np.int32))


@lru_cache(maxsize=SHARED_LAYOUTS)
def _layout(same: Same, domain: str, zone: int, register: bytes) -> tuple[bytes, Layout]:
    """Return the register with the zone's sensors in it, the same object where it has them, and its layout."""
    city = same.city
    ids: list[str] = msgspec.msgpack.decode(register, type=list[str])
    place_of = {sensor: place for place, sensor in enumerate(ids)}
    here, arriving = _here(city, domain, zone), city.arriving.get((domain, zone), ())
    codes = np.concatenate([here, np.array(arriving, np.int32)]) if arriving else here
    places = [place_of.setdefault(city.sensors[code].id, len(place_of)) for code in codes.tolist()]
    names = list(place_of)
    present, interval_s, lag_ms, place, longest_lag_ms = _present(city, codes, places, len(names))
    awaited = present
    if arriving or city.elsewhere:
        asked = [city.elsewhere.get(code, city.sensors[code].zone) for code in codes.tolist()]
        awaited = present.copy()
        awaited[places] = np.array(asked) == zone
    ids_by_place = np.array(names, object)
    layout = Layout(ids_by_place, present, awaited, interval_s, lag_ms, place, longest_lag_ms)
    return register if len(names) == len(ids) else _pack(names), layout


def _present(
    city: City, codes: NDArray[np.int32], places: list[int], size: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], int]:
    """Return `present`, `interval_s`, `lag_ms`, `place` and `longest_lag_ms` of a Layout."""
    present, interval_s, lag_ms = np.zeros(size, bool), np.zeros(size), np.full(size, -1)
    lag_ms[places] = city.timing.lag_ms[codes]
    present[places] = True
    interval_s[places] = [city.sensors[code].interval_s for code in codes.tolist()]
    place = np.full(len(city.sensors), NO_PLACE, np.int32)
    place[codes] = places
    return present, interval_s, lag_ms, place, int(lag_ms.max(initial=0))


@lru_cache(maxsize=SHARED_LAYOUTS)
def _roads(same: Same, domain: str, zone: int, sensors: bytes, segments: bytes) -> tuple[bytes, RoadLayout]:
    """Do the same as `_layout` for sensors with their segments."""
    city = same.city
    watches: list[tuple[str, int]] = msgspec.msgpack.decode(sensors, type=list[tuple[str, int]])
    registered = unpacked(segments)
    roads, codes = _segments(city, registered), _here(city, domain, zone)
    place_of = {watch: place for place, watch in enumerate(watches)}
    watching = _watching(city, codes, roads)
    places = [place_of.setdefault(watch, len(place_of)) for watch in watching]
    names = list(place_of)
    present, interval_s, lag_ms, place, longest_lag_ms = _present(city, codes, places, len(names))
    segment_of = np.array([road for _, road in names], np.int32)
    on_road = np.flatnonzero(present & (segment_of >= 0))
    watched, segment_interval_s = np.zeros(len(roads), bool), np.zeros(len(roads))
    watched[segment_of[on_road]] = True
    segment_lag_ms = np.full(len(roads), -1)
    np.maximum.at(segment_lag_ms, segment_of[on_road], lag_ms[on_road])
    lag_ms[segment_of >= 0] = segment_lag_ms[segment_of[segment_of >= 0]]
    np.maximum.at(segment_interval_s, segment_of[on_road], interval_s[on_road])
    edges = _edges(city, [road[0] for road in roads], watched)
    layout = RoadLayout(
        sensor_ids=np.array([sensor for sensor, _ in names], object),
        present=present,
        awaited=present,
        interval_s=interval_s,
        lag_ms=lag_ms,
        place=place,
        longest_lag_ms=longest_lag_ms,
        segment=segment_of,
        segments=segments if roads == registered else _pack(roads),
        segment_ids=np.array([road[0] for road in roads], object),
        watched=watched,
        length_km=np.array([road[1] for road in roads], np.float64),
        free_flow_km_h=np.array([road[2] for road in roads], np.float64),
        segment_interval_s=segment_interval_s,
        below=np.array([below for below, _ in edges], np.int32),
        above=np.array([above for _, above in edges], np.int32),
    )
    return sensors if len(names) == len(watches) else _pack(names), layout


def _watching(city: City, codes: NDArray[np.int32], roads: list[tuple[str, float, float]]) -> list[tuple[str, int]]:
    """Return each sensor with the place of the segment it watches; new segments are put behind the others."""
    road_of = {road[0]: place for place, road in enumerate(roads)}
    found = []
    for sensor in (city.sensors[code] for code in codes.tolist()):
        road = NO_PLACE
        if sensor.segment >= 0:
            segment = city.segments[sensor.segment]
            road = road_of.setdefault(segment.id, len(roads))
            if road == len(roads):
                roads.append((segment.id, segment.length_m / 1000.0, segment.free_flow_km_h))
        found.append((sensor.id, road))
    return found


def _segments(city: City, registered: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """Return the registered segments as the city has them now."""
    found = []
    for road in registered:
        code = city.segment_code.get(road[0])
        one = None if code is None else city.segments[code]
        found.append(road if one is None else (one.id, one.length_m / 1000.0, one.free_flow_km_h))
    return found


def _edges(city: City, ids: list[str], watched: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List (place of a segment, place of a segment that leads into it) where both are watched."""
    place_of = {segment: place for place, segment in enumerate(ids) if watched[place]}
    return [
        (place, place_of[upstream])
        for segment, place in sorted(place_of.items())  # by name: the order of the file decides nothing
        for upstream in sorted(city.segments[city.segment_code[segment]].upstream)
        if upstream in place_of
    ]


def grown(array: NDArray[N], size: int, fill: int = 0) -> NDArray[N]:
    """Return the array with its last axis grown to `size`; the same object where it has that size."""
    missing = size - array.shape[-1]
    if missing <= 0:
        return array
    tail = np.full((*array.shape[:-1], missing), fill, array.dtype)
    return np.concatenate([array, tail], axis=-1)
