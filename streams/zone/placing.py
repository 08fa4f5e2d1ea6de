"""The zones of a readings partition in the cities that their frames name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from streams.accounts import zone_hours
from streams.broker import topics
from streams.contract.frames import MARK_STEP_MS
from streams.domains.schema import late_limit_ms
from streams.errors import FrameError
from streams.zone.absorb import Later, Place, Read, ZoneTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.frames import FrameHeader, FrameRows
    from streams.contract.spec import Hosted
    from streams.health.stepping import Stepping
    from streams.zone.dedup import Judge

KEPT_PER_ZONE = 4
"""Cities of which a zone's place is remembered, on average."""


class Touched(NamedTuple):
    """Sensors of a zone that reported since provisional values were sent last: their codes in that city."""

    place: Place
    sensors: list[NDArray[np.int32]]


class Placing:
    """What is fixed about the zones of one domain, by city. Invariant: a city is known by identity, and held."""

    def __init__(
        self, domain: str, inbox_partitions: int, hosted: Sequence[Hosted], how: tuple[Judge, Stepping]
    ) -> None:
        self._domain = domain
        self._fixed = (topics.inbox(domain), inbox_partitions, hosted)
        self._judge, self._stepping = how
        self._left_out: frozenset[str] = frozenset()
        self._rebuilt: frozenset[str] = frozenset()
        self._found: dict[tuple[str, int], Place] = {}

    def beside(self, hosted: Sequence[Hosted]) -> Placing:
        """Return the same for other processors."""
        inbox_partitions = self._fixed[1]
        return Placing(self._domain, inbox_partitions, hosted, (self._judge, self._stepping))

    def leave_out(self, names: frozenset[str]) -> None:
        """Have these processors get nothing from now on."""
        self._left_out = names
        self._found.clear()

    def wait_for(self, names: frozenset[str]) -> None:
        """Have these processors, which are being rebuilt, get nothing for now."""
        self._rebuilt = names
        self._found.clear()

    def later(self, zone: str, ours: Place, watermark_ms: int, zones: int) -> Sequence[Later]:
        """Return by which cities a zone's windows are closed above a watermark; none where it is one, its newest."""
        moved = ours.city.former.get(self._domain)
        if moved is None or watermark_ms >= moved.last_ms + MARK_STEP_MS:
            return ()
        stops_ms = moved.stops_ms(watermark_ms, zone, MARK_STEP_MS)
        if not stops_ms:
            return ()
        cities = [moved.city_at(at_ms, zone) for at_ms in (watermark_ms, *stops_ms)]
        places = [ours if city is moved.city else self.of(zone, city, zones) for city in cities]
        return [*(Later(*one) for one in zip(places, stops_ms, strict=False)), Later(places[-1])]

    def reads(self, city: City, header: FrameHeader, rows: FrameRows, zones: int) -> Sequence[Read]:
        """Part a frame by the cities that its rows are of: in each its sensors are where they were.

        A sensor's rows stay in their order: a city comes once more where one goes back to it.
        """
        moved = city.former.get(self._domain)
        until_ms = None if moved is None else moved.until_of(header.sensors, rows)
        if moved is None or until_ms is None:
            return [Read(self.of(header.zone, city, zones), header, rows)]
        turn = zone_hours.turns(rows.sensor, until_ms)
        found = []
        for number in range(int(turn.max()) + 1):
            for one_ms in np.unique(until_ms[turn == number]).tolist():
                place = self.of(header.zone, moved.city_of(one_ms - 1), zones)
                found.append(Read(place, *_some(header, rows.take((turn == number) & (until_ms == one_ms)))))
        return found

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
            task = ZoneTask(
                self._domain,
                city.zone_code[zone],
                *self._fixed,
                judge=self._judge,
                late_limit_ms=late_limit_ms(self._domain),
                stepping=self._stepping,
                left_out=self._left_out,
                rebuilt=self._rebuilt,
            )
            found = Place(task, city)
            self._found[zone, id(city)] = found
        return found


def _some(header: FrameHeader, rows: FrameRows) -> tuple[FrameHeader, FrameRows]:
    """Return some rows of a frame with a header that names their sensors alone."""
    there, index = np.unique(rows.sensor, return_inverse=True)
    names = tuple(header.sensors[one] for one in there.tolist())
    return msgspec.structs.replace(header, sensors=names), replace(rows, sensor=index.astype(np.int32))
