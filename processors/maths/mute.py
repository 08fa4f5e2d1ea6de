"""Zones of whose feed nothing is told any more: `feed_health` ends once all sensors of a zone were silent for an hour.

Nobody speaks for them, so their sensors go on counting as silent in the sums of their feed, as long as the city has
them. Where the last share was another, its processor is away, and that says nothing for as long as minutes are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.aggregates import COVERAGE, COVERAGE_SCALE, DENOMINATOR, EXPECTED, FIELDS, MEMBERS, NUMERATOR
from processors.maths.measures import REPORTING, SILENT
from processors.maths.packing import unpack
from streams.contract.durations import MINUTE_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from processors.maths.identities import Identities
    from streams.city.registry import City

SURE_MS = 2 * MINUTE_MS
"""So long before a minute is forgotten every cut of the log still has it."""


class Mute(NamedTuple):
    """(n,) slots of shares that nobody tells, and (fields, n) what they add."""

    slot: NDArray[np.int64]
    terms: NDArray[np.int64]


def mute(
    known: Identities,
    minutes: Mapping[int, Mapping[str, bytes]],
    here: NDArray[np.bool_],
    of: tuple[City, str, int],
    keep_ms: int,
) -> Mute:
    """Return the shares of a minute that nobody tells.

    Args:
        known: the identities.
        minutes: start → zone id → packed cells, kept for `keep_ms` at least.
        here: (p,) whether this minute has a row of each slot.
        of: the city in that minute, the domain, and the minute's start.
        keep_ms: how long.
    """
    city, domain, start_ms = of
    slots, sensors, silent = [], [], []
    for name in (SILENT.name, REPORTING.name):
        if name not in known.metrics:
            continue
        mine = np.flatnonzero((known.metric == known.metrics.index(name)) & (known.asked_ms != NO_TIME_MS))
        if not here[mine].any():
            continue
        for slot in mine[~here[mine]].tolist():
            zone, told_ms = known.zones[known.zone[slot]], int(known.asked_ms[slot])
            count = len(city.sensors_of_zone.get((domain, city.zone_code.get(zone, -1)), ()))
            long_ago = start_ms - told_ms >= keep_ms - SURE_MS
            packed = None if long_ago else minutes.get(told_ms, {}).get(zone)
            if count and told_ms < start_ms and (packed is None or _all_silent(packed, slot, name)):
                slots.append(slot)
                sensors.append(count)
                silent.append(count if name == SILENT.name else 0)
    terms = np.zeros((FIELDS, len(slots)), np.int64)
    terms[MEMBERS] = terms[EXPECTED] = 1
    terms[NUMERATOR], terms[DENOMINATOR], terms[COVERAGE] = silent, sensors, COVERAGE_SCALE
    return Mute(np.array(slots, np.int64), terms)


def _all_silent(packed: bytes, slot: int, name: str) -> bool:
    cells = unpack(packed)
    (numerator,), (denominator,) = (cells[1 + field, cells[0] == slot] for field in (NUMERATOR, DENOMINATOR))
    return bool(numerator == (denominator if name == SILENT.name else 0))
