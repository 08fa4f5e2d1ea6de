"""What lies around an entity in one version of a city, as far as it tells which alarms have one cause. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from streams.city.dependence import Dependence
from streams.contract.name import Name
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streams.city.registry import City
    from streams.city.versions import Rules

ZONE = "zone:"
GRAVE = ("i", "ii")
"""Limits of the two highest levels in a rule."""


class Ear(NamedTuple):
    """A sensor by which something of an entity is known, and the zone whose feed brings it."""

    sensor: str
    zone: str


@dataclass(frozen=True)
class Surroundings:
    """One version. What it does not know lies nowhere, and hangs on nothing."""

    dependence: Dependence = field(default_factory=lambda: Dependence(()))
    segment_of: Mapping[str, str] = field(default_factory=dict)
    """Sensor → segment that it watches."""
    sensors_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Segment → sensors that watch it."""
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Segment → those that lead into it; so `downstream`, those into which it leads."""
    downstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sensors_of: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(domain, zone) → its sensors."""
    grave_domains: frozenset[str] | None = None
    """Domains of which a rule in force can raise level I or II, None = not known."""
    names: Mapping[str, Name] = field(default_factory=dict)
    """Entity → what people call it."""

    def place(self, entity: str) -> tuple[str, ...]:
        """Return all that is at the entity's place, itself first: its segment, and the sensors that watch that.

        >>> here = Surroundings(segment_of={"d1": "s1", "d2": "s1"}, sensors_at={"s1": ("d1", "d2")})
        >>> here.place("d2")
        ('d2', 's1', 'd1')
        """
        segment = self.segment_of.get(entity, entity)
        return tuple(dict.fromkeys((entity, segment, *self.sensors_at.get(segment, ()))))

    def ears(self, entity: str, domain: str) -> tuple[Ear, ...]:
        """Return the sensors of a domain that tell of a segment or a zone; what is a sensor tells of itself.

        >>> here = Surroundings(sensors_at={"s1": ("d1", "u1")}, sensors_of={("traffic", "z1"): ("d1", "d2")})
        >>> here.ears("s1", "traffic"), len(here.ears("zone:z1", "traffic")), here.ears("d1", "traffic")
        ((Ear(sensor='d1', zone='z1'),), 2, ())
        """
        zone = entity.removeprefix(ZONE)
        near = self.sensors_at.get(entity, ()) if zone == entity else self.sensors_of.get((domain, zone), ())
        homes = self._homes if near else {}
        return tuple(Ear(one, homes[domain, one]) for one in near if (domain, one) in homes)

    @cached_property
    def _homes(self) -> dict[tuple[str, str], str]:
        """(domain, sensor) → its zone."""
        return {(domain, one): zone for (domain, zone), sensors in self.sensors_of.items() for one in sensors}

    def roads(self, segment: str, hops: int, *, ahead: bool) -> list[str]:
        """Return the segments within so many hops down the road (`ahead`), or up it; the nearest first.

        >>> Surroundings(downstream={"a": ("b",), "b": ("c",)}).roads("a", 2, ahead=True)
        ['b', 'c']
        """
        near = self.downstream if ahead else self.upstream
        found = {segment: 0}
        row = [segment]
        for here in row:  # it grows as it is read
            for other in near.get(here, ()) if found[here] < hops else ():
                if other not in found:
                    found[other] = found[here] + 1
                    row.append(other)
        return row[1:]

    def called(self, entity: str) -> Name:
        """Return what people call it, its id where it has no name."""
        return self.names.get(entity, Name(entity, entity))


NOWHERE = Surroundings()


def surroundings_of(city: City, rules: Rules | None) -> Surroundings:
    """Return what lies around each entity of a city; `rules` as its version holds them."""
    segments = [one.id for one in city.segments]
    watched = [(segments[one.segment], one.id) for one in city.sensors if one.segment >= 0]
    leading = [(one.id, other) for one in city.segments for other in one.upstream]
    return Surroundings(
        dependence=city.dependence,
        segment_of={sensor: segment for segment, sensor in watched},
        sensors_at=_grouped(watched),
        upstream=_grouped(leading),
        downstream=_grouped((other, one) for one, other in leading),
        sensors_of={(domain, city.zones[at].id): sensors for (domain, at), sensors in city.sensor_names.items()},
        grave_domains=None if rules is None else frozenset(_grave(rules)),
        names=dict(_names(city)),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        groups[one].append(other)
    return {one: tuple(others) for one, others in groups.items()}


def _grave(rules: Rules) -> Iterator[str]:
    for of_processor in rules.values():
        for rule in of_processor or ():
            levels = {*rule.get("levels", ()), *(limit for limit in GRAVE if rule.get(limit) is not None)}
            if rule.get("enabled", True) and not levels.isdisjoint(GRAVE):
                yield str(rule.get("domain"))


def _names(city: City) -> Iterator[tuple[str, Name]]:
    yield from ((one.id, one.called) for one in city.segments if one.name_zh and one.name_en)
    yield from ((one.id, one.called) for one in city.sensors if one.name_zh and one.name_en)
    yield from ((f"zone:{one.id}", one.called) for one in city.zones)
    zones = {one.id: one.called for one in city.zones}
    for domain, schema in load_schemas().items():
        yield f"feed:{domain}", schema.called
        for zone in city.zones_of_domain.get(domain, ()):
            name = zones[zone]
            yield f"feed:{domain}:{zone}", Name(f"{name.zh}{schema.zh}", f"{schema.en}, {name.en}")
