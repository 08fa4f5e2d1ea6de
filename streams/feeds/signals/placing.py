"""Which zones of a city an area covers: by its polygons and circles, by its codes, or by its name.

A zone is covered where a sensor or a point of a road of it is, or is near: the city file keeps no outlines of zones.
source: own choice
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streams.city.geometry import distances_km
from streams.feeds.signals.settings import WHOLE_CITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from streams.city.geometry import Point
    from streams.city.registry import City
    from streams.feeds.signals.document import Area
    from streams.feeds.signals.settings import Source

NEAR_KM = 2.0
"""A polygon may lie between two roads: its corners count for zones that are so near."""
HALF_TURN = 180.0
LEAST_KM_OF_A_DEGREE = 110.0
"""Of latitude, and of longitude at the equator: a little less than either is anywhere."""


@dataclass(frozen=True)
class Ground:
    """The points of a city by which areas are placed."""

    city: City
    zones: frozenset[str]
    lng: NDArray[np.float64]
    """(n,) degrees; so `lat`."""
    lat: NDArray[np.float64]
    zone: NDArray[np.int32]
    """(n,) index into `City.zones`."""


def ground_of(city: City) -> Ground:
    """Return the points of a city."""
    rows = [(*point, segment.zone) for segment in city.segments for point in segment.line]
    rows += [(sensor.lng, sensor.lat, sensor.zone) for sensor in city.sensors]
    lng, lat, zone = np.array(rows, np.float64).reshape(-1, 3).T
    return Ground(city, frozenset(one.id for one in city.zones), lng, lat, zone.astype(np.int32))


def covered(areas: Sequence[Area], ground: Ground, source: Source) -> frozenset[str]:
    """Return the ids of the zones that areas cover, none = they are elsewhere."""
    if not areas:
        return _unplaced(ground, source)
    return frozenset().union(*(_zones_of(area, ground, source) for area in areas))


def _zones_of(area: Area, ground: Ground, source: Source) -> frozenset[str]:
    if area.polygons or area.circles:
        inside = np.zeros(len(ground.zone), bool)
        for polygon in (turned for one in area.polygons for turned in _turned(one)):
            inside |= _within(polygon, ground)
        for centre, radius_km in area.circles:
            inside |= _near([centre], ground, max(radius_km, NEAR_KM))
        return frozenset(ground.city.zones[index].id for index in np.unique(ground.zone[inside]).tolist())
    known = source.zone_of_code
    if area.geocodes and known:
        return frozenset(_coded((known[code] for code in area.geocodes if code in known), ground))
    names = area.description.casefold()
    named = {one.id for one in ground.city.zones if any(word and word.casefold() in names for word in one.called)}
    return frozenset(named) or _unplaced(ground, source)


def _coded(zones: Iterable[str], ground: Ground) -> Iterator[str]:
    for zone in zones:
        yield from ground.zones if zone == WHOLE_CITY else {zone} & ground.zones


def _unplaced(ground: Ground, source: Source) -> frozenset[str]:
    return ground.zones if source.unplaced == "city" else frozenset()


def _turned(polygon: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Yield a polygon; one that crosses 180° as it lies on either side of it: an edge goes the shorter way round."""
    lng, lat = np.array(polygon).T
    if np.abs(np.diff(lng)).max() <= HALF_TURN or np.ptp(lng) == 2 * HALF_TURN:  # the latter is the whole earth
        yield polygon
        return
    east = np.where(lng < 0, lng + 2 * HALF_TURN, lng)
    for turn in (0.0, 2 * HALF_TURN):
        yield list(zip((east - turn).tolist(), lat.tolist(), strict=True))


def _within(polygon: Sequence[Point], ground: Ground) -> NDArray[np.bool_]:
    """Return (n,) which points lie in a polygon, closed or not, by the even-odd rule; or near a corner if none does.

    Points far from all of it are left out first: most of a country's signals are elsewhere.
    """
    found = np.zeros(len(ground.zone), bool)
    about = _about(polygon, ground)
    here = Ground(ground.city, ground.zones, ground.lng[about], ground.lat[about], ground.zone[about])
    inside = np.zeros(len(about), bool)
    for (lng, lat), (next_lng, next_lat) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if len(about) and lat != next_lat:
            crosses = (lat > here.lat) != (next_lat > here.lat)
            inside ^= crosses & (here.lng < lng + (next_lng - lng) * (here.lat - lat) / (next_lat - lat))
    found[about] = inside if inside.any() else _near(polygon if len(about) else (), here, NEAR_KM)
    return found


def _about(polygon: Sequence[Point], ground: Ground) -> NDArray[np.intp]:
    """Return the indices of the points in or near the box around a polygon."""
    lng, lat = np.array(polygon).T
    margin = NEAR_KM / LEAST_KM_OF_A_DEGREE
    beside = margin / max(np.cos(np.radians(np.abs(lat).max() + margin)), margin)
    near = (ground.lat >= lat.min() - margin) & (ground.lat <= lat.max() + margin)
    return np.flatnonzero(near & (ground.lng >= lng.min() - beside) & (ground.lng <= lng.max() + beside))


def _near(places: Sequence[Point], ground: Ground, radius_km: float) -> NDArray[np.bool_]:
    found = np.zeros(len(ground.zone), bool)
    for place in places:
        found |= distances_km(ground.lng, ground.lat, place) <= radius_km
    return found
