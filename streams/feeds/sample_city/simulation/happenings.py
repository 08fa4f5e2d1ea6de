"""What goes wrong in the city, and when: a seeded schedule of road incidents and of bad conditions at single sensors.

A happening is drawn for the hour in which it begins, so any time can be asked for without the ones before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.feeds.sample_city.simulation.consequences import FEEDER_TRIP, WATER_MAIN_BURST, Consequences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.city.registry import City
    from streams.feeds.sample_city.simulation.weather import Sky

LONGEST_HOURS = 3
FELT_HOURS = 4
"""So long after it began, all that a happening did is over."""
INCIDENTS_AN_HOUR = 3.0
TRIPS_AN_HOUR = 0.15
"""Feeders that fail in an hour of dry weather …"""
TRIPS_PER_MM = 0.15
"""… and for every millimetre of rain, …"""
MOST_TRIPS_AN_HOUR = 2.5
"""… but not more than this."""
TRIP_MIN = (35, 110)
"""Shortest and longest time without power."""
TRIP_LEVEL = 2
LEVEL_SHARES = {1: 0.03, 2: 0.12, 3: 0.35, 4: 0.50}
"""Of levels I, II, III, IV: some 80 % low, 15 % middle, 5 % high at most (C.10 of the field's alarm practice)."""
RISE_S = 90.0


class Trouble(NamedTuple):
    """What goes wrong at sensors of one kind."""

    what: str
    an_hour: float
    """How many of the city's begin in an hour."""
    levels: tuple[int, ...] = (1, 2, 3, 4)
    """Levels that the kind's measurements can show."""
    longest_min: int = 50


TROUBLES = {
    "gas": Trouble("gas_leak", 0.5),
    "feeder": Trouble("feeder_overload", 1.2),
    "main": Trouble(WATER_MAIN_BURST, 0.8),
    "crowd": Trouble("crowding", 1.0),
    "underpass": Trouble("flood", 0.4),
    "bin": Trouble("bin_overflow", 1.6, levels=(3, 4)),
    "cover": Trouble("cover_displaced", 0.5, levels=(2, 3)),
    "lamp": Trouble("lamp_outage", 0.5, levels=(3, 4)),
    "park": Trouble("car_park_full", 1.2, levels=(3, 4)),
    "bus": Trouble("bus_delay", 1.0),
    "metro": Trouble("metro_delay", 0.5),
    "air": Trouble("dust", 0.4),
    "noise": Trouble("loud_noise", 1.0),
    "lift": Trouble("people_trapped", 0.5, levels=(3,), longest_min=29),
    "panel": Trouble("fire_alarm", 0.4, levels=(1, 3)),
    "hydrant": Trouble("hydrant_low", 0.4, levels=(3, 4)),
    "quality": Trouble("turbid_water", 0.2, levels=(2, 4)),
    "substation": Trouble("power_outage", 0.15, levels=(2, 4)),
    "hotline": Trouble("call_surge", 0.2, levels=(3, 4)),
    "hall": Trouble("long_queue", 0.5, levels=(3, 4)),
    "hospital": Trouble("hospital_full", 0.6, levels=(3, 4)),
}
"""Kind of sensor → its trouble."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that goes wrong; what `city.truth.v1` tells. Times are event time."""

    id: str
    what: str
    where: str
    """Segment id of a road incident, sensor id of anything else."""
    zone: str
    from_ms: int
    until_ms: int
    level: int = 0
    """Level I to IV (1 to 4) that the condition reaches; 0 = a road incident."""
    lanes: int = 0
    """Lanes blocked by a road incident."""
    cause: str = ""
    """Id of the happening that it follows from; "" = it came by itself."""

    def strength(self, at_ms: int) -> float:
        """Return 0 outside, 1 when fully there; it comes and goes within RISE_S."""
        edge_s = min(at_ms - self.from_ms, self.until_ms - at_ms) / 1000
        return min(max(edge_s / RISE_S, 0.0), 1.0)


@dataclass
class Schedule:
    """All that the seed lets happen."""

    city: City
    seed: int
    sky: Sky
    _hours: dict[int, tuple[Happening, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the city's sensors by kind, and its roads by how much traffic an incident there would meet."""
        self._consequences = Consequences(self.city)
        self._by_kind: dict[str, list[int]] = {}
        for index, sensor in enumerate(self.city.sensors):
            self._by_kind.setdefault(sensor.id.split("-")[0], []).append(index)
        weights = {"expressway": 4.0, "arterial": 2.0, "collector": 0.3, "local": 0.0}
        weight = np.array([weights[segment.road_class] * segment.length_m for segment in self.city.segments])
        self._road_share = weight / weight.sum()

    def active(self, at_ms: int) -> list[Happening]:
        """Return what is under way at an event time, in the order in which it began."""
        return [one for one in self._near(at_ms, LONGEST_HOURS) if one.from_ms <= at_ms < one.until_ms]

    def lately(self, at_ms: int, what: str) -> list[Happening]:
        """Return what of a kind has begun in the last hours, whether or not it is over."""
        return [one for one in self._near(at_ms, FELT_HOURS) if one.what == what and one.from_ms <= at_ms]

    def _near(self, at_ms: int, hours: int) -> Iterable[Happening]:
        hour = at_ms // HOUR_MS
        self._hours = {known: found for known, found in self._hours.items() if abs(known - hour) <= FELT_HOURS}
        return (one for back in range(hours, -1, -1) for one in self._of_hour(hour - back))

    def _of_hour(self, hour: int) -> tuple[Happening, ...]:
        if hour not in self._hours:
            draw = np.random.default_rng((self.seed, 31, hour))
            found = [*self._incidents(hour, draw), *self._conditions(hour, draw)]
            draw = np.random.default_rng((self.seed, 32, hour))
            found += self._trips(hour, draw)
            found += [one for cause in tuple(found) for one in self._consequences.of(cause, draw)]
            self._hours[hour] = tuple(sorted(found, key=lambda one: one.from_ms))
        return self._hours[hour]

    def _incidents(self, hour: int, draw: np.random.Generator) -> Iterable[Happening]:
        for number in range(draw.poisson(INCIDENTS_AN_HOUR)):
            segment = self.city.segments[int(draw.choice(len(self.city.segments), p=self._road_share))]
            from_ms, until_ms = _span(hour, draw, 10, 45)
            lanes = min(int(draw.choice((1, 1, 1, 2))), segment.lanes)
            zone = self.city.zones[segment.zone].id
            yield Happening(f"incident-{hour}-{number}", "incident", segment.id, zone, from_ms, until_ms, lanes=lanes)

    def _conditions(self, hour: int, draw: np.random.Generator) -> Iterable[Happening]:
        for kind, trouble in TROUBLES.items():
            sensors = self._by_kind.get(kind)
            if not sensors:
                continue
            share = np.array([LEVEL_SHARES[level] for level in trouble.levels])
            for number in range(draw.poisson(trouble.an_hour)):
                sensor = self.city.sensors[int(draw.choice(sensors))]
                span = _span(hour, draw, 8, trouble.longest_min)
                level = int(draw.choice(trouble.levels, p=share / share.sum()))
                zone = self.city.zones[sensor.zone].id
                yield Happening(f"{kind}-{hour}-{number}", trouble.what, sensor.id, zone, *span, level)

    def _trips(self, hour: int, draw: np.random.Generator) -> Iterable[Happening]:
        """Yield the feeders that fail: now and then in dry weather, more often the more it rains."""
        feeders = self._by_kind.get("feeder", [])
        for number in range(draw.poisson(MOST_TRIPS_AN_HOUR) if feeders else 0):
            sensor = self.city.sensors[int(draw.choice(feeders))]
            span, chance = _span(hour, draw, *TRIP_MIN), draw.random()
            if chance * MOST_TRIPS_AN_HOUR < TRIPS_AN_HOUR + TRIPS_PER_MM * self.sky.rain_mm_h(span[0]):
                zone = self.city.zones[sensor.zone].id
                yield Happening(f"trip-{hour}-{number}", FEEDER_TRIP, sensor.id, zone, *span, TRIP_LEVEL)


def _span(hour: int, draw: np.random.Generator, shortest_min: int, longest_min: int) -> tuple[int, int]:
    from_ms = hour * HOUR_MS + int(draw.integers(0, HOUR_MS))
    return from_ms, from_ms + int(draw.integers(shortest_min, longest_min) * MINUTE_MS)
