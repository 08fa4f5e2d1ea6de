"""What an alarm can be of in one version of a city: its entities, and the kinds that its processors may raise. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from streams.city.surroundings import NOWHERE, Surroundings, surroundings_of
from streams.city.windows import Weekly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.city.parts import Desk
    from streams.city.registry import City
    from streams.city.versions import Rules

Lack: TypeAlias = Literal["entity", "kind"]
"""What a version does not have: the sensor, segment, zone or feed; or the rule or processor that raises such alarms."""

CORRIDOR = "corridor:"
SCHEDULE = "schedule"


@dataclass(frozen=True)
class Scope:
    """One version. What it does not say is taken to be there: nothing ends because of a record that knows less."""

    number: int
    city: str = ""
    entities: frozenset[str] | None = None
    """Ids of all that findings may name, None = not known."""
    kinds: Mapping[str, frozenset[str] | None] | None = None
    """Processor → the kinds that its rules may raise, None = whatever it finds; None = not known."""
    has_corridors: bool = True
    """Whether its corridors are listed; else each road name is one."""
    latching: frozenset[str] = frozenset()
    """Kinds whose alarms stay, once they are over, until somebody resets them."""
    schedules: Mapping[str, Weekly] = field(default_factory=dict)
    """Kind → when its alarms are presented; a kind that is not there has no schedule."""
    time_zone: str = "UTC"
    """IANA."""
    around: Surroundings = NOWHERE
    desks: tuple[Desk, ...] = ()
    """In the order in which they are asked whether an alarm is theirs; none = one desk."""

    def lack(self, city: str, entity: str, kind: str, processor: str) -> Lack | None:
        """Return what this version lacks of a finding, None = it has all of it, or it is another city's."""
        if city != self.city:
            return None
        if not self.has(entity):
            return "entity"
        if self.kinds is None or not processor:
            return None
        found = self.kinds.get(processor, frozenset())
        return "kind" if found is not None and kind not in found else None

    def has(self, entity: str) -> bool:
        """Tell whether there is such an entity."""
        by_name = entity.startswith(CORRIDOR) and not self.has_corridors
        return self.entities is None or entity in self.entities or by_name

    def has_kind(self, kind: str) -> bool:
        """Tell whether some rule raises such alarms, as far as the rules say so."""
        return any(of is not None and kind in of for of in (self.kinds or {}).values())


def scope_of(city: City, rules: Rules | None) -> Scope:
    """Return what a city has; `rules` as its version holds them."""
    kinds = None if rules is None else {name: _names(of) for name, of in rules.items()}
    return Scope(
        city.number,
        city.id,
        frozenset(_entities(city)),
        kinds,
        bool(city.corridors),
        frozenset(str(one["name"]) for one in _all(rules) if one.get("latching")),
        {str(one["name"]): msgspec.convert(one[SCHEDULE], Weekly) for one in _all(rules) if one.get(SCHEDULE)},
        city.time_zone,
        surroundings_of(city, rules),
        city.desks,
    )


def _all(rules: Rules | None) -> Iterator[dict[str, object]]:
    for of in (rules or {}).values():
        yield from of or ()


def _names(rules: list[dict[str, object]] | None) -> frozenset[str] | None:
    return None if rules is None else frozenset(str(one["name"]) for one in rules if one.get("enabled", True))


def _entities(city: City) -> Iterator[str]:
    yield from city.sensor_code
    yield from city.segment_code
    yield f"city:{city.id}"
    yield from (f"zone:{zone.id}" for zone in city.zones)
    yield from (f"{CORRIDOR}{one.id}" for one in city.corridors)
    for domain, zones in city.zones_of_domain.items():
        yield f"feed:{domain}"
        yield from (f"feed:{domain}:{zone}" for zone in zones)
