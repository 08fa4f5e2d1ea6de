"""Who is in the city, as the live state needs it: whose rows have fields, and how often each speaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from streams.city.registry import City

ROAD, METRIC = "s", "m"
"""Kinds of fields that are about one entity of the city."""
CORRIDOR = "corridor:"
"""Roads without a line in `corridors.csv` are corridors by their names: nobody can tell which of them left."""


@dataclass(frozen=True)
class Residents:
    """Who lives in one version of the city."""

    segments: Container[str] = ()
    """Segments, whose newest values have a field of their own."""
    entities: Container[str] = ()
    """Every other entity that may have rows, but for corridors."""
    intervals_s: Mapping[str, float] = field(default_factory=dict)
    """Sensor, or segment, → how often it reports."""

    def have(self, field_name: str) -> bool:
        """Tell whether what a field is about is in the city; a field that is about none of it always is."""
        kind, _, rest = field_name.partition(":")
        if kind == ROAD:
            return rest in self.segments
        if kind != METRIC:
            return True
        entity = rest.partition(":")[2]
        return entity.startswith(CORRIDOR) or entity in self.entities or entity in self.segments


def residents(city: City) -> Residents:
    """Return who lives in a version of the city."""
    return Residents(city.segment_code, frozenset(_entities(city)), intervals_s(city))


def _entities(city: City) -> Iterator[str]:
    yield f"city:{city.id}"
    yield from (f"zone:{zone.id}" for zone in city.zones)
    yield from (sensor.id for sensor in city.sensors)
    for domain, zones in city.zones_of_domain.items():
        yield f"feed:{domain}"
        yield from (f"feed:{domain}:{zone}" for zone in zones)


def intervals_s(city: City) -> dict[str, float]:
    """Return how often each sensor reports, and of each segment the fastest sensor that watches it."""
    found = {sensor.id: sensor.interval_s for sensor in city.sensors}
    for sensor in city.sensors:
        if sensor.segment >= 0:
            segment = city.segments[sensor.segment].id
            found[segment] = min(sensor.interval_s, found.get(segment, sensor.interval_s))
    return found
