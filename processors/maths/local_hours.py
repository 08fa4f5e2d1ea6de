"""Sums of sensors' columns by the hours of the city's days, from rows of minutes and their corrections.

Of each row the highest revision counts: what it differs by from the one before is added to its hour, so no order and
no repeat of rows changes a sum. Hours are kept until nothing can correct any of their day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.fixed import add_at
from processors.maths.identities import UNHEARD_MS, Identities
from processors.maths.packing import pack
from processors.maths.places import grown
from processors.maths.slots import newest, with_slots
from streams.city.local_days import midnight_ms
from streams.contract.durations import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REVISION, NUMERATOR, COUNT, MINUTES = range(4)
"""Fields of an hour: late readings, sum and number of readings, and minutes that had any …"""
SEEN = MINUTES + 1
"""… and of a minute one more: 1 = a row of it has come."""
FIELDS = SEEN + 1
HOURS = 25
"""Of the longest day."""
TOLD_MS = 24 * HOUR_MS
"""So long after the last hour in which anybody was heard hours are told of, with no values."""


@dataclass
class LocalHours:
    """What is kept. Invariant: an hour's sums are those of the newest revisions of its minutes."""

    known: Identities = field(default_factory=Identities)
    minutes: dict[int, dict[str, bytes]] = field(default_factory=dict)
    """Start → zone id → packed (1 + FIELDS, n) array: slots, rising, and their row."""
    days: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Start of a local day → (HOURS, SEEN, slots)."""
    heard_ms: list[int] = field(default_factory=list)
    """Hours with a final value of anybody, rising; as many as days may need."""


class Told(NamedTuple):
    """What a zone's rows say of a minute: (n,) slots, (FIELDS, n) rows, and (n,) whether they stamp the end."""

    start_ms: int
    zone: str
    slot: NDArray[np.int64]
    rows: NDArray[np.int64]
    ends: NDArray[np.bool_]


def hour_of(at_ms: int) -> int:
    """Return the start of the hour."""
    return at_ms - at_ms % HOUR_MS


def closes_ms(day_ms: int, time_zone: str) -> int:
    """Return the end of a day's last hour: where clocks are off by half an hour, some hours of a day end behind it."""
    return -(-midnight_ms(time_zone, day_ms, -1) // HOUR_MS) * HOUR_MS


def hours_of(day_ms: int, time_zone: str) -> int:
    """Return how many hours a local day has.

    >>> hours_of(1_699_977_600_000, "Asia/Shanghai"), hours_of(1_792_879_200_000, "Europe/Copenhagen")
    (24, 25)
    """
    return (midnight_ms(time_zone, day_ms, -1) - day_ms) // HOUR_MS


def fold(of: LocalHours, told: Told, time_zone: str) -> tuple[NDArray[np.bool_], list[tuple[int, NDArray[np.int64]]]]:
    """Take the rows of a minute that say something new → (n,) which did; the hours that changed, with the slots."""
    of_zones = of.minutes.setdefault(told.start_ms, {})
    cells, at = with_slots(of_zones.get(told.zone), told.slot, FIELDS)
    before = cells[1:][:, at]
    used = newest(told.slot, told.rows[REVISION])
    used &= (before[SEEN] == 0) | (told.rows[REVISION] > before[REVISION])
    _hear(of, told)
    change = np.where(used, told.rows - before, 0)
    cells[1:, np.arange(cells.shape[1])[at][used]] = told.rows[:, used]
    of_zones[told.zone] = pack(cells)
    changed = []
    for ends in (False, True):
        mine = used & (told.ends == ends)
        if mine.any():
            hour_ms = hour_of(told.start_ms - MINUTE_MS * ends)
            sums = _room(of, hour_ms, time_zone)
            sums[:, told.slot[mine]] += change[:SEEN, mine]
            changed.append((hour_ms, told.slot[mine]))
    return used, changed


def _hear(of: LocalHours, told: Told) -> None:
    """Note who had a final value, and in which hour; of a slot that stands there twice either row will do."""
    final = (told.rows[REVISION] == 0) & (told.rows[COUNT] > 0)
    for ends in np.unique(told.ends[final]).tolist():
        hour_ms = hour_of(told.start_ms - MINUTE_MS * ends)
        slot = told.slot[final & (told.ends == ends)]
        of.known.heard_ms[slot] = np.minimum(of.known.heard_ms[slot], hour_ms)
        if hour_ms not in of.heard_ms:
            of.heard_ms = sorted([*of.heard_ms, hour_ms])


def _room(of: LocalHours, hour_ms: int, time_zone: str) -> NDArray[np.int64]:
    """Return (SEEN, slots) the sums of an hour, to be added to."""
    day_ms = midnight_ms(time_zone, hour_ms)
    day = grown(of.days.get(day_ms, np.zeros((HOURS, SEEN, 0), np.int64)), len(of.known))
    of.days[day_ms] = day
    found: NDArray[np.int64] = day[(hour_ms - day_ms) // HOUR_MS]
    return found


def told_hours(of: LocalHours, after_ms: int, closed_ms: int) -> list[int]:
    """List the hours to tell of that end after one moment and by another, rising."""
    found = {
        hour_ms
        for heard_ms in of.heard_ms
        for hour_ms in range(heard_ms, heard_ms + TOLD_MS, HOUR_MS)
        if after_ms < hour_ms + HOUR_MS <= closed_ms
    }
    return sorted(found)


def told_days(of: LocalHours, after_ms: int, closed_ms: int, time_zone: str) -> list[int]:
    """List the local days to tell of that close after one moment and by another, rising."""
    first_ms = max(after_ms, min(of.heard_ms, default=0)) - HOURS * HOUR_MS
    days = {midnight_ms(time_zone, hour_ms) for hour_ms in told_hours(of, first_ms, closed_ms)}
    return sorted(day_ms for day_ms in days if after_ms < closes_ms(day_ms, time_zone) <= closed_ms)


def by_entity(of: LocalHours, day_ms: int, metrics: Sequence[str]) -> NDArray[np.int64]:
    """Return (HOURS, SEEN, metrics, entities) the sums of a day: who moved from zone to zone has a slot in each."""
    known = of.known
    found = np.zeros((HOURS * SEEN, len(metrics) * known.entity_count), np.int64)
    day = of.days.get(day_ms)
    if day is not None:
        slot = np.arange(day.shape[-1])
        place = np.array([metrics.index(name) for name in known.metrics], np.int64)[known.metric[slot]]
        add_at(found, place * known.entity_count + known.entity[slot], day.reshape(HOURS * SEEN, -1))
    return found.reshape(HOURS, SEEN, len(metrics), known.entity_count)


def first_heard_ms(of: LocalHours) -> NDArray[np.int64]:
    """Return (entities,) the hour in which each first had a final value, UNHEARD_MS = it never had."""
    found = np.full(of.known.entity_count, UNHEARD_MS)
    np.minimum.at(found, of.known.entity, of.known.heard_ms)
    return found


def forget(of: LocalHours, limit_ms: int, time_zone: str) -> None:
    """Drop what only rows of minutes can change that end by then."""
    of.minutes = {start_ms: zones for start_ms, zones in of.minutes.items() if start_ms + MINUTE_MS > limit_ms}
    of.days = {day_ms: day for day_ms, day in of.days.items() if closes_ms(day_ms, time_zone) + MINUTE_MS > limit_ms}
    of.heard_ms = [hour_ms for hour_ms in of.heard_ms if hour_ms > limit_ms - TOLD_MS - (HOURS + 1) * HOUR_MS]


def each_minute(at_ms: NDArray[np.int64], used: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each minute of those rows with their places."""
    for start_ms in np.unique(at_ms[used]).tolist():
        yield start_ms, np.flatnonzero((at_ms == start_ms) & used)
