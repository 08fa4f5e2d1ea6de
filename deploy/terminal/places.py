"""Where an entity of a metric is and what it is called, as the city folder says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.contract.name import Name
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from streams.city.registry import City, Segment, Sensor


class Place(NamedTuple):
    """Zone id, and the names; "" = the folder has none."""

    zone: str = ""
    name_zh: str = ""
    name_en: str = ""


def place_of(entity: str, city: City | None) -> Place:
    """Return the place of a segment, sensor, `zone:<id>`, `feed:<domain>:<zone>` or `city:<id>`; of others nothing."""
    if city is None:
        return Place()
    kind, _, name = entity.partition(":")
    if entity in city.segment_code:
        return _of(city, city.segments[city.segment_code[entity]])
    if entity in city.sensor_code:
        return _of(city, city.sensors[city.sensor_code[entity]])
    if kind == "zone" and name in city.zone_code:
        return Place(name, *city.zones[city.zone_code[name]].called)
    if kind == "city" and name == city.id:
        return Place("", *city.called)
    if kind == "feed":
        return _of_feed(name, city)
    return Place()


def _of_feed(name: str, city: City) -> Place:
    domain, _, zone = name.partition(":")
    schema = load_schemas().get(domain)
    names = Name(domain, domain) if schema is None else schema.called
    if zone not in city.zone_code:
        return Place("", *names)
    own = city.zones[city.zone_code[zone]].called
    return Place(zone, *(f"{one} · {other}" for one, other in zip(names, own, strict=True)))


def _of(city: City, one: Segment | Sensor) -> Place:
    return Place(city.zones[one.zone].id, *one.called)
