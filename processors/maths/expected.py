"""Who of a domain was expected to speak in a minute of which nobody of its zone spoke (`docs/methods/coverage.md`).

A zone judges the minutes in which it was heard. What is silent altogether is found here, by the same rule, for each
metric in the minutes of which there is a final of it anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import identities
from processors.maths.identities import UNKNOWN, Identities
from processors.maths.rosters import rosters
from streams.contract.durations import MINUTE_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from processors.maths.rosters import Roster
    from streams.city.registry import City


class Asked(NamedTuple):
    """(n,) slots that are due in a minute, and how many sensors each is."""

    slot: NDArray[np.int64]
    sensors: NDArray[np.int64]

    def among(self, of: NDArray[np.bool_]) -> Asked:
        """Return those that `of`, (n,), selects."""
        return Asked(self.slot[of], self.sensors[of])


def sensors(known: Identities, slot: NDArray[np.int64], city: City, domain: str) -> NDArray[np.int64]:
    """Return (n,) how many sensors speak for the entity of each slot: 1 where the city does not say."""
    segments, _ = rosters(city, domain)
    count = known.weights(segments, city)
    if slot.min(initial=0) != UNKNOWN:
        return count[known.entity[slot]]
    found = np.ones(len(slot), np.int64)
    found[slot != UNKNOWN] = count[known.entity[slot[slot != UNKNOWN]]]
    return found


def due(known: Identities, metrics: Iterable[int], of: tuple[City, str], start_ms: int) -> list[Asked]:
    """Return whom a minute asks for these metrics, by their numbers, of which it has finals, heard or not.

    It asks by their intervals. Who has not been heard at all is asked for every metric of its kind, and counts as heard
    just before. What other zones have said of later minutes decides nothing.
    """
    city, domain = of
    segments, single = rosters(city, domain)
    room = known.entity_count + len(segments.ids) + len(single.ids)
    on_segments, spoken = np.zeros(room, bool), np.zeros(room, bool)
    on_segments[known.numbered(segments, city)[0]] = True
    heard = np.flatnonzero(known.heard_ms <= start_ms)
    metric, entity = known.metric[heard], known.entity[heard]
    spoken[entity] = True
    wide = {number: bool(on_segments[entity[metric == number]].any()) for number in metrics}
    rolls = ((number, segments if on_roads else single) for number, on_roads in wide.items())
    return [_due(known, number, (roster, city), (spoken, start_ms)) for number, roster in rolls]


def _due(known: Identities, metric: int, of: tuple[Roster, City], heard: tuple[NDArray[np.bool_], int]) -> Asked:
    (roster, city), (spoken, start_ms) = of, heard
    entity, zone, slot = identities.of_roster(known, metric, roster, city)
    silent = ~spoken[entity]
    new = (slot == UNKNOWN) & silent
    if new.any():
        slot = slot.copy()
        slot[new] = identities.registered(known, np.full(int(new.sum()), metric), entity[new], zone[new])
    wanted = (slot != UNKNOWN) & ((known.heard_ms[slot] <= start_ms) | silent)
    first = slot[wanted & (known.asked_ms[slot] == NO_TIME_MS)]
    known.asked_ms[first] = start_ms - MINUTE_MS  # from now on it waits, however long its interval is
    wanted &= start_ms - known.asked_ms[slot] >= roster.interval_ms
    return Asked(slot[wanted], roster.sensors[wanted])
