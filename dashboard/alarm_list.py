"""The alarm list, its counters and the zone x domain matrix, from the alarm projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.kinds import response_limit_s
from dashboard.labels import as_json, domain_names, kind_name
from dashboard.places import corridor, projection
from dashboard.readings import COUNT, COUNTED, NOTHING, Judged, amount, reading
from processors.maths.combined import standing
from processors.maths.measures import FEED_PREFIX, SILENT
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.city.registry import City

SHOWN = 20
ASIDE = ("shelved", "suppressed", "out_of_service")
"""What covers an alarm: it stands behind all others and is counted for itself."""
LEVELS = (1, 2, 3, 4)
FEED = FEED_PREFIX.removesuffix(":")
RULES = "rules_count"
"""What an alarm of a combination is about: how many of its rules stand."""
PERCENT_SUFFIX = "_ratio"
PLAIN_RATIOS = ("tti_ratio",)
"""Ratios that nobody reads as a percentage."""


AS_IT_IS = (
    *(
        "revision",
        "closing_at_ms",
        "notes_count",
        "incident",
        "assigned_to",
        "escalated_to",
        "uncertain_since_ms",
        "chattering",
        "equipment",
        "presented",
    ),
    *("shelved_by", "suppressed_by", "out_of_service_command"),
)
"""What a row tells of its alarm as the engine says it; None where it says nothing."""


LOAD = ("now_count", "shown_count", "average_count", "worst_count", "flood_ratio", "standing_24h_count")
"""Of the operators' load, what the wall shows; docs/alarms.md says what each is."""


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
    confirmed: bool | None = None
    """False: nobody has confirmed it in time."""
    command: str = ""
    """Its outcome ends the mark."""


class Places:
    """Finds an alarm's place in a city."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._at = projection(city)
        self._zones = {zone.id: zone.called for zone in city.zones}
        self._city_name = city.called

    def find(self, entity: str, zone: str) -> Place:
        """Return name and point of what an alarm is about; what has left the city is called by its id."""
        city, name = self._city, self.name(entity, zone)
        if entity in city.segment_code:
            index = city.segment_code[entity]
            line = city.segments[index].line
            return self._place(name, line[len(line) // 2], index)
        if entity in city.sensor_code:
            sensor = city.sensors[city.sensor_code[entity]]
            return self._place(name, (sensor.lng, sensor.lat), sensor.segment if sensor.segment >= 0 else None)
        return Place(name, None, None, None)

    def name(self, entity: str, zone: str) -> Name:
        """Return what it is called, with its zone."""
        city = self._city
        if entity in city.segment_code:
            return self._with_zone(corridor(city.segments[city.segment_code[entity]].called), zone)
        if entity in city.sensor_code:
            return self._with_zone(city.sensors[city.sensor_code[entity]].called, zone)
        return self._wide_name(entity, zone)

    def _wide_name(self, entity: str, zone: str) -> Name:
        kind, _, rest = entity.partition(":")
        if kind == "zone":
            return self._zones.get(rest, Name(rest, rest))
        if kind == "city":
            return self._city_name
        if kind == FEED:
            domain, _, feed_zone = rest.partition(":")
            return self._with_zone(domain_names((domain,))[domain], feed_zone)
        return self._with_zone(Name(entity, entity), zone)

    def _place(self, name: Name, point: tuple[float, float], segment: int | None) -> Place:
        x, y = self._at.point(*point)
        return Place(name, round(x), round(y), segment)

    def _with_zone(self, name: Name, zone: str) -> Name:
        area = self._zones.get(zone, Name(zone, zone))
        zh = name.zh if not area.zh or area.zh in name.zh else f"{area.zh} {name.zh}"
        en = name.en if not area.en or area.en in name.en else f"{name.en}, {area.en}"
        return Name(zh, en)


def metric_of(alarm: Mapping[str, Any]) -> str:
    """Return what an alarm is about: its evidence's column, or rules; a feed's silence; else a road's speed."""
    if alarm["entity"].startswith(f"{FEED}:"):
        return SILENT.name
    evidence = alarm.get("evidence", {})
    return RULES if standing(evidence) else str(evidence.get("column") or "speed_km_h")


def judged_of(alarm: Mapping[str, Any]) -> Judged:
    """Return what its limits are of: the value itself, or what the kind of its rule says."""
    evidence = alarm.get("evidence") or {}
    return Judged(str(evidence.get("of") or ""), float(evidence.get("over_s") or 0.0))


def scale_of(alarm: Mapping[str, Any]) -> tuple[float, str]:
    """Return by what its values are multiplied where people read them, and their unit then."""
    metric, unit = metric_of(alarm), str(alarm.get("unit") or "")
    if judged_of(alarm).of == COUNT:  # of minutes, whatever the column is
        return 1.0, unit
    if not unit and metric.endswith(PERCENT_SUFFIX) and metric not in PLAIN_RATIOS:
        return 100.0, "%"
    if not unit and metric.endswith(COUNTED):
        return 1.0, metric
    return 1.0, unit


def shown_of(alarm: Mapping[str, Any]) -> tuple[float | None, float | None, str]:
    """Return its value, its limit and their unit where people read them."""
    scale, unit = scale_of(alarm)
    value, limit = (None if alarm.get(key) is None else round(alarm[key] * scale, 4) for key in ("value", "limit"))
    return value, limit, unit


def reading_of(alarm: Mapping[str, Any]) -> Name:
    """Return what was read, as people say it."""
    return reading(*shown_of(alarm), judged_of(alarm))


def row(
    alarm: Mapping[str, Any], place: Place, sending: Sending | None, card: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return an alarm as the list shows it; `card`: what it shows for the incident that it speaks for."""
    value, limit, unit = shown_of(alarm)
    return {
        "id": alarm["id"],
        "level": alarm["level"],
        "domain": alarm["domain"],
        "kind": as_json(kind_name(alarm["kind"])),
        "kind_id": alarm["kind"],
        "place": as_json(place.name),
        "x": place.x,
        "y": place.y,
        "segment": place.segment,
        "zone": alarm["zone"],
        "entity": alarm["entity"],
        "at_desk": alarm.get("desk") or "",
        "cleared": alarm["state"] == "cleared",
        "acknowledged": bool(alarm["acknowledged"]),
        "by": alarm.get("acknowledged_by"),
        "desk": alarm.get("acknowledged_desk"),
        "raised_at_ms": alarm["raised_at_ms"],
        "value": value,
        "limit": limit,
        "unit": unit,
        "reading": as_json(reading_of(alarm)),
        "said": as_json(NOTHING if value is None else amount(value, unit, judged_of(alarm))),
        "count": alarm.get("count", 1),
        "sending": sending.who if sending and sending.confirmed is None else None,
        "unconfirmed": sending is not None and sending.confirmed is False,
        "respond_s": response_limit_s(alarm["level"]),
        "standing": standing_of(alarm),
        "waiting_since_ms": waiting_since_ms(alarm),
        **{name: alarm.get(name) for name in AS_IT_IS},
        **_of_card(card),
    }


def _of_card(card: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a row says otherwise because it speaks for an incident."""
    if card is None:
        return {"card": None}
    found = {name: card[name] for name in ("level", "acknowledged", "waiting_since_ms", "presented")}
    return {**found, "respond_s": response_limit_s(card["level"]), "card": card}


def load_of(books: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the operators' load as the alarm engine's book tells it, None = it has not."""
    found = next(
        (book["load"] for name, book in books.items() if name.startswith("alarms:") and book.get("load")), None
    )
    if found is None:
        return None
    desks = {desk: {name: load[name] for name in LOAD} for desk, load in found.get("desks", {}).items()}
    return {**{name: found[name] for name in LOAD}, **({"desks": desks} if desks else {})}


def standing_of(alarm: Mapping[str, Any]) -> str:
    """Return the one name of an alarm's state; of an engine that gives none, from the parts that it gives."""
    named = alarm.get("standing")
    if named:
        return str(named)
    if alarm["acknowledged"]:
        return "acknowledged"
    return "unacknowledged" if alarm["state"] == "active" else "returned_unacknowledged"


def waiting_since_ms(alarm: Mapping[str, Any]) -> int:
    """Return since when somebody should look at an alarm."""
    since_ms = alarm.get("waiting_since_ms")
    return int(alarm["raised_at_ms"] if since_ms is None else since_ms)


def matrix(
    counted: Iterable[tuple[tuple[str, str, int, bool], int]], zones: Mapping[str, int], domains: Mapping[str, int]
) -> list[list[int]]:
    """Return [zone, domain, highest level, alarms, unacknowledged] of each cell that has an active alarm.

    `counted`: (zone, domain, level, acknowledged) of active alarms, and how many.
    """
    cells: dict[tuple[int, int], list[int]] = {}
    for (zone_id, domain_id, level, acknowledged), count in counted:
        zone, domain = zones.get(zone_id), domains.get(domain_id)
        if zone is None or domain is None or level not in LEVELS:
            continue
        cell = cells.setdefault((zone, domain), [zone, domain, level, 0, 0])
        cell[2] = min(cell[2], level)
        cell[3] += count
        cell[4] += 0 if acknowledged else count
    return [cells[key] for key in sorted(cells)]
