"""Who is in the city, as the live state needs it: whose rows have fields, and how often each speaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Set

    from streams.city.registry import City

ROAD, METRIC = "s", "m"
"""Kinds of fields that are about one entity of the city."""
CORRIDOR = "corridor:"
"""Roads without a line in `corridors.csv` are corridors by their names: nobody can tell which of them left."""


@dataclass(frozen=True)
class Residents:
    """Who lives in one version of the city."""

    segments: Container[str] = ()
    """Segments that a sensor watches, whose newest values have a field of their own."""
    entities: Container[str] = ()
    """Every other entity that may have rows, but for corridors."""
    intervals_s: Mapping[str, float] = field(default_factory=dict)
    """Sensor, or segment, → how often it reports."""
    domains: Mapping[str, Set[str]] = field(default_factory=dict)
    """Zone, or city, → the domains that have sensors there; who is not named may have rows of any."""

    def have(self, field_name: str, domain: str = "") -> bool:
        """Tell whether what a field is about is in the city, with sensors of the domain that its value is of, if any.

        A field that is about nothing of the city always is.
        """
        kind, _, rest = field_name.partition(":")
        if kind == ROAD:
            return rest in self.segments
        if kind != METRIC:
            return True
        entity = rest.partition(":")[2]
        if domain and domain not in self.domains.get(entity, (domain,)):
            return False
        return entity.startswith(CORRIDOR) or entity in self.entities or entity in self.segments


def residents(city: City) -> Residents:
    """Return who lives in a version of the city."""
    interval_s = intervals_s(city)
    watched = frozenset(segment.id for segment in city.segments if segment.id in interval_s)
    return Residents(watched, frozenset(_entities(city)), interval_s, _domains(city))


def _entities(city: City) -> Iterator[str]:
    yield f"city:{city.id}"
    yield from (f"zone:{zone.id}" for zone in city.zones)
    yield from (sensor.id for sensor in city.sensors)
    for domain, zones in city.zones_of_domain.items():
        yield f"feed:{domain}"
        yield from (f"feed:{domain}:{zone}" for zone in zones)


def _domains(city: City) -> dict[str, set[str]]:
    found = {f"zone:{zone.id}": set[str]() for zone in city.zones}
    for domain, zones in city.zones_of_domain.items():
        for zone in zones:
            found[f"zone:{zone}"].add(domain)
    return {**found, f"city:{city.id}": set(city.zones_of_domain)}


def intervals_s(city: City) -> dict[str, float]:
    """Return how often each sensor reports, and of each segment the fastest sensor that watches it."""
    found = {sensor.id: sensor.interval_s for sensor in city.sensors}
    for sensor in city.sensors:
        if sensor.segment >= 0:
            segment = city.segments[sensor.segment].id
            found[segment] = min(sensor.interval_s, found.get(segment, sensor.interval_s))
    return found
