"""What a failure brings with it, along the relations of the city: no power, no pump, no light; a burst, no pressure.

in      a happening, who hangs on whom, a seeded draw
out     the happenings that follow from it, each naming its cause; what water does is the weather's (`weather.py`)
source  own choice of delays: protection trips in seconds, pipes empty and fill in minutes
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from streams.contract.durations import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from streams.city.registry import City
    from streams.feeds.sample_city.simulation.happenings import Happening

FEEDER_TRIP, PUMP_STOPPED, WATER_MAIN_BURST = "feeder_trip", "pump_stopped", "water_main_burst"
WITHOUT_POWER = frozenset({FEEDER_TRIP, PUMP_STOPPED})
"""What leaves a sensor's place dead: its values fall to nothing at once."""


class Effect(NamedTuple):
    """What a failure does to a thing of some kind that hangs on it."""

    what: str
    levels: tuple[int, ...]
    """Levels that the thing can show: the first at least `milder` below the cause's; without one it is spared."""
    delay_s: int
    """It begins so long after its cause …"""
    recovery_s: int
    """… and ends so long after it."""
    milder: int = 1
    longest_s: int | None = None
    share: float = 1.0
    """Of all things of that kind, how many it strikes."""


EFFECTS = {
    ("power_outage", "feeder"): Effect(FEEDER_TRIP, (2,), 2, 120, milder=0),
    (FEEDER_TRIP, "pump"): Effect(PUMP_STOPPED, (2,), 1, 60, milder=0),
    (FEEDER_TRIP, "lamp"): Effect("lamp_outage", (3, 4), 5, 180),
    (FEEDER_TRIP, "lift"): Effect("people_trapped", (3,), 5, 0, longest_s=29 * MINUTE_S, share=0.5),
    (WATER_MAIN_BURST, "main"): Effect("water_pressure_low", (1, 2, 3, 4), 60, 180),
    (WATER_MAIN_BURST, "hydrant"): Effect("hydrant_low", (3, 4), 90, 240),
    ("water_pressure_low", "main"): Effect("water_pressure_low", (1, 2, 3, 4), 60, 180),
    ("water_pressure_low", "hydrant"): Effect("hydrant_low", (3, 4), 90, 240),
}
"""(what happens, kind of what hangs on it) → what follows there."""


@dataclass(frozen=True)
class Consequences:
    """What follows from what in one city; nothing where it has no relations."""

    city: City

    def of(self, cause: Happening, draw: np.random.Generator) -> Iterator[Happening]:
        """Yield what follows from a happening, and what follows from that; each thing is struck once."""
        struck, ahead = {cause.where}, [cause]
        for here in ahead:  # it grows as it is read
            for relation in self.city.dependence.leaving.get(here.where, ()):
                effect = EFFECTS.get((here.what, relation.target.split("-")[0]))
                if effect is None or relation.target in struck:
                    continue
                found = self._follows(here, effect, relation.target)
                if found is not None and draw.random() < effect.share:
                    struck.add(relation.target)
                    ahead.append(replace(found, id=f"{cause.id}/{found.where}"))
        yield from ahead[1:]

    def _follows(self, cause: Happening, effect: Effect, where: str) -> Happening | None:
        level = next((level for level in effect.levels if level >= cause.level + effect.milder), None)
        code = self.city.sensor_code.get(where)
        if level is None or code is None:
            return None
        from_ms, until_ms = cause.from_ms + effect.delay_s * 1000, cause.until_ms + effect.recovery_s * 1000
        if effect.longest_s is not None:
            until_ms = min(until_ms, from_ms + effect.longest_s * 1000)
        return replace(
            cause,
            what=effect.what,
            where=where,
            zone=self.city.zones[self.city.sensors[code].zone].id,
            from_ms=from_ms,
            until_ms=until_ms,
            level=level,
            cause=cause.id,
        )
