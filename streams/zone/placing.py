"""The zones of a readings partition in the cities that their frames name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.broker import topics
from streams.errors import FrameError
from streams.zone.absorb import Judge, ZoneTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.spec import Hosted

KEPT_PER_ZONE = 4
"""Cities of which a zone's place is remembered, on average."""


class Place(NamedTuple):
    """A zone in a city."""

    task: ZoneTask
    city: City


class Touched(NamedTuple):
    """Sensors of a zone that reported since provisional values were sent last: their codes in that city."""

    place: Place
    sensors: list[NDArray[np.int32]]


class Placing:
    """What is fixed about the zones of one domain, by city. Invariant: a city is known by identity, and held."""

    def __init__(self, domain: str, inbox_partitions: int, hosted: Sequence[Hosted], judge: Judge) -> None:
        self._domain = domain
        self._fixed = (topics.inbox(domain), inbox_partitions, hosted, judge)
        self._found: dict[tuple[str, int], Place] = {}

    def of(self, zone: str, city: City, zones: int) -> Place:
        """Return a zone's place in a city; `zones` is how many the partition has.

        Raises FrameError when the city does not have it.
        """
        found = self._found.get((zone, id(city)))
        if found is None:
            if zone not in city.zone_code:
                raise FrameError(f"a frame of the zone {zone} was made with a city that does not have it")
            if len(self._found) > KEPT_PER_ZONE * zones:
                self._found.clear()  # of cities, too, that nobody names any more
            found = Place(ZoneTask(self._domain, city.zone_code[zone], *self._fixed), city)
            self._found[zone, id(city)] = found
        return found
