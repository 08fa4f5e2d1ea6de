"""What an alarm can be of in one version of a city: its entities, and the kinds that its processors may raise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.city.registry import City
    from streams.city.versions import Rules

Lack: TypeAlias = Literal["entity", "kind"]
"""What a version does not have: the sensor, segment, zone or feed; or the rule or processor that raises such alarms."""

CORRIDOR = "corridor:"


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

    def lack(self, city: str, entity: str, kind: str, processor: str) -> Lack | None:
        """Return what this version lacks of a finding, None = it has all of it, or it is another city's."""
        if city != self.city or self.entities is None:
            return None
        by_name = entity.startswith(CORRIDOR) and not self.has_corridors
        if entity not in self.entities and not by_name:
            return "entity"
        if self.kinds is None or not processor:
            return None
        found = self.kinds.get(processor, frozenset())
        return "kind" if found is not None and kind not in found else None


def scope_of(city: City, rules: Rules | None) -> Scope:
    """Return what a city has; `rules` as its version holds them."""
    kinds = None if rules is None else {name: _names(of) for name, of in rules.items()}
    return Scope(city.number, city.id, frozenset(_entities(city)), kinds, bool(city.corridors))


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
