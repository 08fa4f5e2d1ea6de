"""`sensors.csv`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.city.fields import as_number, repeated
from streams.city.findings import needed, readable, shown
from streams.city.folder import DOMAINS
from streams.city.geometry import HIGHEST_LAT, HIGHEST_LNG, fault_of_degrees
from streams.city.parts import Sensor
from streams.city.timing import lag_s
from streams.domains.definition import MOST_LATE_LIMIT_S, STAMPS
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.city.fields import Entry
    from streams.city.formats import Source
    from streams.city.parts import Segment
    from streams.domains.schema import Schema

SENSOR_COLUMNS = ("sensor", "domain", "zone", "segment", "lng", "lat", "interval_s", "name_zh", "name_en")
OPTIONAL_COLUMNS = ("stamps", "delay_s", "late_limit_s", "not_measured", "lane", "position_m")
SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.05, 604_800
"""20 readings a second to one a week: beyond them seconds were not meant."""
LONGEST_DELAY_S = 21_600
"""Frames are kept so long: no late limit can be longer, and no delay that is waited for."""
UNNAMED = "-"
LAST_METRE = 1.0
"""So far beyond its segment's end a sensor may stand: lengths are rounded."""


class Roads:
    """The segments that sensors may watch, by id; `codes` is None where they could not be read."""

    def __init__(self, segments: Sequence[Segment] | None, codes: Mapping[str, int] | None) -> None:
        self.segments, self.codes = segments or (), codes


def read_sensors(
    source: Source, zone_code: Mapping[str, int] | None, roads: Roads, schemas: Mapping[str, Schema | None]
) -> tuple[tuple[Sensor, ...], list[Entry]] | None:
    """Return the sensors, and the line of each; None = the file cannot be read."""
    entries = source.lines(SENSOR_COLUMNS, OPTIONAL_COLUMNS, called="sensor")
    if entries is None:
        return None
    if not entries:
        source.problem(needed("a sensor", None) + " under the names of the columns")
    sensors = [_sensor(entry, zone_code, roads, schemas) for entry in entries]
    repeated(((entry, sensor.id) for entry, sensor in zip(entries, sensors, strict=True)), "sensor")
    for entry, sensor in zip(entries, sensors, strict=True):
        _check_road(entry, sensor, roads)
        _check_lag(entry, sensor, schemas.get(sensor.domain))
    return tuple(sensors), entries


def _sensor(
    entry: Entry, zone_code: Mapping[str, int] | None, roads: Roads, schemas: Mapping[str, Schema | None]
) -> Sensor:
    sensor_id = entry.identifier("sensor")
    domain = entry.choice("domain", tuple(schemas))
    lng, lat = _place(entry)
    return Sensor(
        id=sensor_id,
        domain=domain,
        zone=entry.reference("zone", "zone", zone_code),
        segment=-1 if entry.is_empty("segment") else entry.reference("segment", "segment", roads.codes),
        lng=lng,
        lat=lat,
        interval_s=entry.number("interval_s", SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S, "s"),
        name_zh=entry.name("name_zh", sensor_id or UNNAMED),
        name_en=entry.name("name_en", sensor_id or UNNAMED),
        stamps="" if entry.is_empty("stamps") else entry.choice("stamps", STAMPS),
        delay_s=entry.optional_number("delay_s", 0, LONGEST_DELAY_S, "s") or 0.0,
        late_limit_s=_late_limit_s(entry, schemas.get(domain)),
        not_measured=_not_measured(entry, schemas.get(domain)),
        lane=None if entry.is_empty("lane") else entry.whole("lane", 1, 50),
        position_m=entry.optional_number("position_m", 0, 500_000, "m"),
    )


def _place(entry: Entry) -> tuple[float, float]:
    numbers = entry.number("lng", -float("inf"), float("inf")), entry.number("lat", -float("inf"), float("inf"))
    lng, lat = numbers
    fault = fault_of_degrees(*(0.0 if one != one else one for one in numbers))
    if fault:
        entry.problem("lng" if abs(lng) > HIGHEST_LNG and not abs(lat) > HIGHEST_LAT else "lat", fault)
    return lng, lat


def is_place(sensor: Sensor) -> bool:
    """Return whether its longitude and latitude are a place on earth."""
    return fault_of_degrees(sensor.lng, sensor.lat) is None and sensor.lng == sensor.lng and sensor.lat == sensor.lat


def _late_limit_s(entry: Entry, schema: Schema | None) -> float | None:
    """Return its own limit: windows and event times are kept for its domain's, so it cannot be longer."""
    found = entry.optional_number("late_limit_s", 1, LONGEST_DELAY_S, "s")
    if found is not None and schema is not None and found > schema.late_limit_s:
        limit_s, file = schema.late_limit_s, f"{DOMAINS}/{schema.domain}.toml"
        text = f"{found:g} s is longer than the limit of {schema.domain}, {limit_s:g} s, and would have no effect"
        entry.problem("late_limit_s", f"{text}; write at most {limit_s:g}, or late_limit_s = {found:g} in {file}")
    return found


def _not_measured(entry: Entry, schema: Schema | None) -> tuple[tuple[str, float], ...]:
    if entry.is_empty("not_measured") or schema is None:
        return ()
    pairs = []
    for part in str(entry.values["not_measured"]).split(";"):
        column, equals, text = (one.strip() for one in part.partition("="))
        if not column and not equals:
            continue
        value = as_number(text)
        if not equals or value != value:
            entry.problem("not_measured", needed("column=number, the next one after a semicolon,", part.strip()))
        elif column not in schema.names:
            near = nearest(column, schema.names)
            entry.problem("not_measured", f"{schema.domain} has no column {shown(column)}{near}")
        else:
            pairs.append((column, value))
    return tuple(dict.fromkeys(pairs))


def _check_lag(entry: Entry, sensor: Sensor, schema: Schema | None) -> None:
    found = lag_s(sensor, schema)
    if found > MOST_LATE_LIMIT_S:
        field = "delay_s" if sensor.delay_s > found / 2 else "interval_s"
        text = f"its readings are due {found:,.0f} s after their time; zone and city wait so long for their sums"
        entry.notice(field, f"{text}, and frames are kept {MOST_LATE_LIMIT_S:,.0f} s; is that so?")


def _check_road(entry: Entry, sensor: Sensor, roads: Roads) -> None:
    if roads.codes is None:
        return
    if sensor.id in roads.codes:
        entry.problem("sensor", f"a segment is called {shown(sensor.id)} too; ids are unique within a city")
    if sensor.segment < 0:
        if entry.is_empty("segment"):
            for field in ("lane", "position_m"):
                if not entry.is_empty(field):
                    entry.problem(field, "it watches no segment; give one, or leave this empty")
        return
    road = roads.segments[sensor.segment]
    if sensor.lane and road.lanes and sensor.lane > road.lanes:
        entry.problem("lane", f"lane {sensor.lane} cannot be: segment {readable(road.id)} has {road.lanes}")
    if sensor.position_m is not None and sensor.position_m > road.length_m + LAST_METRE:
        entry.problem(
            "position_m", f"{sensor.position_m:g} m cannot be: segment {readable(road.id)} is {road.length_m:g} m long"
        )
    if sensor.zone >= 0 and road.zone >= 0 and sensor.zone != road.zone:
        entry.notice("zone", f"it watches segment {readable(road.id)}, which lies in another zone")
