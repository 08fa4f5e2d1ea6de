"""The alarm list, its counters and the zone x domain matrix, from the alarm projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dashboard.labels import as_json, column_unit, kind_name
from dashboard.places import Name, projection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.city import City

SHOWN = 20
LEVELS = (1, 2, 3, 4)
RESPONSE_S = {1: 60, 2: 180, 3: 600, 4: 1800}
"""Level → seconds in which an operator should have acknowledged (own choice; first two as in the wall's design)."""


class Place(NamedTuple):
    """Where an alarm is."""

    name: Name
    x: int | None
    y: int | None
    segment: int | None


@dataclass(frozen=True, slots=True)
class Sending:
    """An acknowledgement on its way to the alarm engine."""

    who: str
    desk: str
    since_ms: int
    """Wall clock."""


class Places:
    """Finds an alarm's place in a city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._at = projection(city)
        self._zones = {zone.id: Name(zone.name_zh, zone.name_en) for zone in city.zones}

    def find(self, entity: str, zone: str) -> Place:
        """Return name and point of a segment, sensor, zone or feed."""
        city = self._city
        if entity in city.segment_code:
            index = city.segment_code[entity]
            segment = city.segments[index]
            point = segment.line[len(segment.line) // 2]
            return self._point(Name(segment.name_zh, segment.name_en), zone, point, index)
        if entity in city.sensor_code:
            sensor = city.sensors[city.sensor_code[entity]]
            segment_index = sensor.segment if sensor.segment >= 0 else None
            return self._point(Name(sensor.name_zh, sensor.name_en), zone, (sensor.lng, sensor.lat), segment_index)
        if entity.startswith("zone:"):
            return Place(self._zones.get(entity[5:], Name(entity, entity)), None, None, None)
        return Place(self._zones.get(zone, Name("", "")), None, None, None)

    def _point(self, name: Name, zone: str, point: tuple[float, float], segment: int | None) -> Place:
        x, y = self._at.point(*point)
        area = self._zones.get(zone, Name("", ""))
        zh = name.zh if not area.zh or area.zh in name.zh else f"{area.zh} {name.zh}"
        en = name.en if not area.en or area.en in name.en else f"{name.en}, {area.en}"
        return Place(Name(zh, en), round(x), round(y), segment)


def order(alarm: Mapping[str, Any]) -> tuple[bool, int, int, str]:
    """Return what alarms are sorted by: unacknowledged first, then level, then the one that waits longest."""
    return (bool(alarm["acknowledged"]), alarm["level"], alarm["raised_at_ms"], alarm["id"])


def row(alarm: Mapping[str, Any], place: Place, sending: Sending | None) -> dict[str, Any]:
    """Return an alarm as the list shows it."""
    domain, kind = alarm["domain"], alarm["kind"]
    unit = alarm.get("unit") or column_unit(domain, kind.rpartition("_")[0])
    return {
        "id": alarm["id"], "level": alarm["level"], "domain": domain, "kind": as_json(kind_name(domain, kind)),
        "place": as_json(place.name), "x": place.x, "y": place.y, "segment": place.segment, "zone": alarm["zone"],
        "entity": alarm["entity"], "cleared": alarm["state"] == "cleared", "acknowledged": bool(alarm["acknowledged"]),
        "by": alarm.get("acknowledged_by"), "desk": alarm.get("acknowledged_desk"),
        "raised_at_ms": alarm["raised_at_ms"], "value": alarm.get("value"), "limit": alarm.get("limit"), "unit": unit,
        "count": alarm.get("count", 1), "sending": sending.who if sending else None, "respond_s": RESPONSE_S.get(alarm["level"], 1800),
    }  # fmt: skip


def counts(alarms: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Count open alarms by level, and the unacknowledged ones among them."""
    total, waiting = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    for alarm in alarms:
        level = alarm["level"]
        if level in total:
            total[level] += 1
            waiting[level] += not alarm["acknowledged"]
    return {
        "levels": [[total[level], waiting[level]] for level in LEVELS],
        "total": sum(total.values()),
        "waiting": sum(waiting.values()),
    }


def matrix(alarms: Iterable[Mapping[str, Any]], zones: Mapping[str, int], domains: Mapping[str, int]) -> list[list[int]]:
    """Return [zone, domain, highest level, alarms, unacknowledged] of each cell that has an active alarm."""
    cells: dict[tuple[int, int], list[int]] = {}
    for alarm in alarms:
        zone, domain = zones.get(alarm["zone"]), domains.get(alarm["domain"])
        if zone is None or domain is None or alarm["level"] not in LEVELS:
            continue
        cell = cells.setdefault((zone, domain), [zone, domain, alarm["level"], 0, 0])
        cell[2] = min(cell[2], alarm["level"])
        cell[3] += 1
        cell[4] += not alarm["acknowledged"]
    return [cells[key] for key in sorted(cells)]
