"""A city folder, checked whole: every problem and every oddity at once, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from streams.city.fields import Entry
from streams.city.findings import Findings, readable, shown
from streams.city.folder import OPTIONAL
from streams.city.formats import source
from streams.city.identifiers import fault_of_city_id
from streams.city.location import Surroundings
from streams.city.map_files import NO_PLACES, read_places, read_segments, read_zones
from streams.city.option_files import read_calendar, read_corridors, read_desks, read_relations, read_rules
from streams.city.own_domains import own_schemas
from streams.city.parts import Content
from streams.city.sensors_file import Roads, is_place, read_sensors
from streams.domains.schema import ROADS, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.city.findings import Finding
    from streams.city.folder import Folder
    from streams.city.formats import Source
    from streams.city.parts import Corridor, Segment, Sensor, Zone
    from streams.domains.schema import Schema

MEANT_ZONES = {"Asia/Beijing": "Asia/Shanghai", "Asia/Shenzhen": "Asia/Shanghai", "Asia/Guangzhou": "Asia/Shanghai"}
"""Names that people expect and IANA does not have."""

MACHINE_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""Begins of names that a machine's folder of zones has, and a browser does not know."""

NOTHING = Content("", "", "", "", "", (), (), (), NO_PLACES)


@dataclass(frozen=True)
class Checked:
    """What a check found. Invariant: `content` stands for a city only where there is no problem."""

    content: Content
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What makes the folder useless."""
        return tuple(one for one in self.findings if one.is_problem)

    @property
    def notices(self) -> tuple[Finding, ...]:
        """What is odd."""
        return tuple(one for one in self.findings if not one.is_problem)

    @property
    def counts(self) -> dict[str, Any]:
        """Count what is there."""
        found = self.content
        domains = [sensor.domain for sensor in found.sensors]
        return {
            "zones": len(found.zones),
            "segments": len(found.segments),
            "sensors": len(found.sensors),
            "sensors_by_domain": {domain: domains.count(domain) for domain in sorted(set(domains))},
            "places": len(found.places["features"]),
            "corridors": len(found.corridors),
            "calendar_days": len(found.calendar),
            "relations": len(found.relations),
            "rules": len(found.rules),
            "desks": len(found.desks),
        }


def check(folder: Folder, schemas: Mapping[str, Schema | None] | None = None) -> Checked:
    """Check a city folder; nothing that stands in its files raises an error.

    `schemas` are the domains there are; without them, the shipped ones and the city's own.
    """
    findings = Findings()
    if "" in folder.unreadable:
        findings.problem(folder.name, folder.unreadable[""])
        return Checked(NOTHING, tuple(findings.found))
    head = _head(source(folder, "city.toml", findings))
    known = {**shipped(), **own_schemas(folder, findings)} if schemas is None else schemas
    found = _entities(folder, findings, known)
    optional = {name: source(folder, name, findings) for name in OPTIONAL}
    there = {name: one for name, one in optional.items() if one.is_there}
    corridors = read_corridors(there["corridors.csv"], codes_of(found.segments)) if "corridors.csv" in there else ()
    content = Content(
        **head,
        zones=found.zones or (),
        segments=found.segments or (),
        sensors=found.sensors or (),
        places=read_places(there["places.geojson"]) if "places.geojson" in there else NO_PLACES,
        corridors=corridors,
        calendar=read_calendar(there["calendar.csv"]) if "calendar.csv" in there else {},
        relations=read_relations(there["relations.csv"], found.names(corridors)) if "relations.csv" in there else (),
        rules=read_rules(there["rules.toml"]) if "rules.toml" in there else {},
        desks=read_desks(there["desks.toml"], known, *found.watched()) if "desks.toml" in there else (),
    )
    return Checked(content, tuple(findings.found))


class _Entities(NamedTuple):
    """What has an id; None = its file cannot be read."""

    zones: tuple[Zone, ...] | None
    segments: tuple[Segment, ...] | None
    sensors: tuple[Sensor, ...] | None

    def names(self, corridors: Sequence[Corridor]) -> set[str] | None:
        """Return all entities that a relation may name; None = not all are known."""
        if self.zones is None or self.segments is None or self.sensors is None:
            return None
        wide = [f"zone:{one.id}" for one in self.zones] + [f"corridor:{one.id}" for one in corridors]
        return {*wide, *(one.id for one in self.segments), *(one.id for one in self.sensors)}

    def watched(self) -> tuple[set[str] | None, set[tuple[str, str]] | None]:
        """Return the ids of the zones, and (domain, zone) of all that can alarm; None = not known."""
        if self.zones is None:
            return None, None
        zones = [one.id for one in self.zones]
        parts = {(one.domain, zones[one.zone]) for one in self.sensors or () if 0 <= one.zone < len(zones)}
        parts |= {(ROADS, zones[one.zone]) for one in self.segments or () if 0 <= one.zone < len(zones)}
        return set(zones), parts


def _entities(folder: Folder, findings: Findings, schemas: Mapping[str, Schema | None]) -> _Entities:
    """Read zones, segments and sensors, and judge whether they lie together."""
    zones_file = source(folder, "zones.geojson", findings)
    zones, outlines = read_zones(zones_file) or (None, [])
    zone_code = codes_of(zones)
    segments_file = source(folder, "segments.geojson", findings)
    segments, lines = read_segments(segments_file, zone_code) or (None, [])
    sensors_file = source(folder, "sensors.csv", findings)
    sensors, entries = read_sensors(sensors_file, zone_code, Roads(segments, codes_of(segments)), schemas) or (None, [])
    if lines:
        around = Surroundings([point for _, point in lines])
        around.judge(outlines, "geometry")
        around.judge(lines, "geometry")
        found = zip(entries, sensors or (), strict=True)
        around.judge([(entry, (one.lng, one.lat)) for entry, one in found if is_place(one)], "lng, lat")
    read = (zones_file.file, segments_file.file, sensors_file.file)
    if zones and segments and sensors and not any(one.is_problem and one.file in read for one in findings.found):
        lived_in = {one.zone for one in segments} | {one.zone for one in sensors}
        for index, zone in enumerate(zones):
            if index not in lived_in:
                findings.notice(zones_file.file, "no segment and no sensor lies in it", f"zone {readable(zone.id)}")
    return _Entities(zones, segments, sensors)


def codes_of(found: Sequence[Zone | Segment] | None) -> dict[str, int] | None:
    """Return id → index; None where none is known, so that what names them is not blamed."""
    return {one.id: index for index, one in enumerate(found or ()) if one.id} or None


def _head(file: Source) -> dict[str, Any]:
    table = file.table()
    if table is None:
        return dict.fromkeys(("id", "name_zh", "name_en", "time_zone", "attribution"), "")
    entry = Entry(file.findings, file.file, "city", table)
    city_id = entry.text("id")
    fault = fault_of_city_id(city_id) if city_id else None
    if fault:
        entry.problem("id", fault)
    return {
        "id": city_id,
        "name_zh": entry.name("name_zh"),
        "name_en": entry.name("name_en"),
        "time_zone": _time_zone(entry),
        "attribution": "" if entry.is_empty("attribution") else entry.name("attribution"),
        "simulated": entry.flag("simulated"),
    }


def _time_zone(entry: Entry) -> str:
    found = entry.text("time_zone")
    if not found:
        return found
    try:
        is_known = bool(ZoneInfo(found)) and not found.startswith(MACHINE_ZONES)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        is_known = False
    if not is_known:
        meant = MEANT_ZONES.get(found)
        near = f"; {meant!r} is meant" if meant else entry.nearest(found, available_timezones() - {found})
        entry.problem("time_zone", f"IANA knows no time zone {shown(found)}{near}")
    return found
