"""One version of the city as the wall sees it: its names and places, and what the page draws once."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from dashboard import sources
from dashboard.alarm_list import Places
from dashboard.labels import as_json, domain_names, kind_name, messages
from dashboard.places import picture, short
from dashboard.roads import Corridors
from dashboard.vitals import vitals
from processors.maths.tpi import GRADE_TTI, TOLERANCE
from streams.contract.name import Name
from streams.contract.reasons import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.vitals import Vital
    from streams.city.registry import City, Zone

VERSION_CHARACTERS = 16
WORDS = 50_000
"""More than there are places with open alarms: a search looks at each."""


class View:
    """What follows from a city alone. It takes a second of a large one: made in a thread, then put in force whole.

    Invariant: `version` changes when, and only when, something changes that the page has drawn.
    """

    def __init__(self, city: City, build: str) -> None:
        self.city = city
        self.names = domain_names(tuple(sorted({sensor.domain for sensor in city.sensors})))
        """Names of the domains that the city has sensors for, in the wall's order."""
        self.domain_code = {domain: index for index, domain in enumerate(self.names)}
        self.intervals_s = sources.intervals_s(city, self.names)
        self.slowest_s = sources.slowest_s(city, self.names)
        self.sensor_s = {sensor.id: sensor.interval_s for sensor in city.sensors}
        self.desks = {desk.id: desk.called for desk in city.desks}
        self.places = Places(city)
        self._where = lru_cache(WORDS)(self._where_of)
        self._what = lru_cache(WORDS)(_what_of)
        self.corridors = Corridors(city)
        drawn = self.about() | {"map": picture(city), "messages": messages(), "build": build}
        self.version = hashlib.sha256(orjson.dumps(drawn)).hexdigest()[:VERSION_CHARACTERS]
        self.once = orjson.dumps(drawn | {"version": self.version})
        """The answer to `/api/v1/wall`."""

    def desk(self, said: str) -> Name:
        """Return what people call a desk; one that the city does not have is called as it was said."""
        return self.desks.get(said, Name(said, said))

    def says(self, alarm: Mapping[str, Any], text: str) -> bool:
        """Tell whether a text without capitals stands in where, what or which an alarm is, in either language."""
        return (
            text in self._what(alarm["kind"])
            or text in self._where(alarm["entity"], alarm["zone"])
            or text in alarm["id"].casefold()
        )

    def _where_of(self, entity: str, zone: str) -> str:
        return "\n".join((*self.places.name(entity, zone), entity, zone)).casefold()

    def about(self) -> dict[str, Any]:
        """Return what does not change in one version: names of zones, domains and tiles, grades."""
        city = self.city
        return {
            "city": {
                "id": city.id,
                "zh": city.name_zh,
                "en": city.name_en,
                "attribution": city.attribution,
                "time_zone": city.time_zone,
            },
            "desks": [{"id": desk.id, **as_json(desk.called)} for desk in city.desks],
            "zones": [_about_zone(zone) for zone in city.zones],
            "reasons": {reason: as_json(name) for reason, name in REASONS.items()},
            "domains": [{"id": domain, **as_json(name)} for domain, name in self.names.items()],
            "vitals": [_about_vital(vital) for vital in vitals()],
            "grades": [limit - TOLERANCE for limit in GRADE_TTI],
        }


def _what_of(kind: str) -> str:
    return "\n".join(kind_name(kind)).casefold()


def _about_zone(zone: Zone) -> dict[str, Any]:
    return {"id": zone.id, **as_json(zone.called), "short": as_json(short(zone.called))}


def _about_vital(vital: Vital) -> dict[str, Any]:
    return {
        "id": vital.id,
        **as_json(vital.name),
        "unit": as_json(vital.unit_name),
        "decimals": vital.decimals,
        "normal": vital.normal,
    }
