"""What hangs on what in the sample city: electricity, drinking water, and the underpasses with their pumps.

Within each zone: its substation powers its feeders; a pump, lift or lamp circuit hangs on the nearest feeder, a hydrant
on the nearest main, a main on the nearest of those before it; a pump drains its underpass, which carries its road.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

POWERED = ("pump", "lift", "lamp")


class _Thing(NamedTuple):
    id: str
    segment: str
    lng: float
    lat: float


def rows(sensors: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of `relations.csv` for those of `sensors.csv`."""
    zones: dict[str, dict[str, list[_Thing]]] = defaultdict(lambda: defaultdict(list))
    for sensor, _, zone, segment, lng, lat, *_ in sensors:
        zones[zone][sensor.split("-")[0]].append(_Thing(sensor, segment, float(lng), float(lat)))
    for here in zones.values():
        yield from _electricity(here)
        yield from _water(here)
        yield from _drainage(here)


def _electricity(here: dict[str, list[_Thing]]) -> Iterator[tuple[str, str, str]]:
    for substation in here["substation"]:
        for feeder in here["feeder"]:
            yield substation.id, "powers", feeder.id
    for kind in POWERED:
        for one in here[kind]:
            yield _nearest(here["feeder"], one).id, "powers", one.id


def _water(here: dict[str, list[_Thing]]) -> Iterator[tuple[str, str, str]]:
    mains = here["main"]
    for number, main in enumerate(mains[1:], start=1):
        yield _nearest(mains[:number], main).id, "feeds", main.id
    for hydrant in here["hydrant"]:
        yield _nearest(mains, hydrant).id, "feeds", hydrant.id


def _drainage(here: dict[str, list[_Thing]]) -> Iterator[tuple[str, str, str]]:
    for pump, underpass in zip(here["pump"], here["underpass"], strict=True):
        yield pump.id, "drains", underpass.id
        yield underpass.id, "carries", underpass.segment


def _nearest(among: Sequence[_Thing], one: _Thing) -> _Thing:
    squeeze = math.cos(math.radians(one.lat))
    return min(among, key=lambda other: math.hypot((other.lng - one.lng) * squeeze, other.lat - one.lat))
