"""The open alarms in the wall's order, with their counts: kept as alarms change, not made anew.

A change costs a search in the order and a shift of it, whatever the number of alarms.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dashboard.alarm_list import LEVELS, standing_of, waiting_since_ms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Place: TypeAlias = tuple[int, int, int, str]
"""Where an alarm stands in the order: (rank, level, waiting since, id)."""
Cell: TypeAlias = tuple[str, str, int, bool]
"""(zone, domain, level, whether somebody has acknowledged it) of an active alarm."""

ASIDE = ("shelved", "suppressed", "out_of_service")
"""What covers an alarm: it stands behind all others and is counted for itself."""
EQUIPMENT = ("sensor_", "feed_")
"""Kinds of alarms about what watches the city, by how they begin."""
MANY = 2_000
"""So many changes at once, as when the live state is read anew, are sorted in rather than put in one by one."""
WAITS, TAKEN, FOLDED, COVERED = range(4)
"""Ranks; what is folded under another alarm is presented by that one."""


class _Entry(NamedTuple):
    """What an alarm counts as."""

    place: Place
    state: str
    waits: bool
    cell: Cell | None
    is_equipment: bool


def place_of(alarm: Mapping[str, Any]) -> Place:
    """Return where an alarm stands: unacknowledged first, then by level, then the one that waits longest.

    What is folded under another, or set aside, stands behind these.
    """
    if standing_of(alarm) in ASIDE:
        rank = COVERED
    elif alarm.get("presented") is False:
        rank = FOLDED
    else:
        rank = TAKEN if alarm["acknowledged"] else WAITS
    return (rank, alarm["level"], waiting_since_ms(alarm), alarm["id"])


class AlarmBook:
    """Invariant: `_order` holds the place of each alarm in `_entries`, sorted; the counters are sums over them."""

    def __init__(self) -> None:
        self._order: list[Place] = []
        self._entries: dict[str, _Entry] = {}
        self._open: Counter[int] = Counter()
        """Level → alarms that nothing covers; so `_waiting`, the unacknowledged ones."""
        self._waiting: Counter[int] = Counter()
        self._states: Counter[str] = Counter()
        self._cells: Counter[Cell] = Counter()
        self._equipment = 0

    def take(self, names: Collection[str], alarms: Mapping[str, Mapping[str, Any]]) -> None:
        """Take what has changed; what is not among the alarms is gone."""
        before = [self._entries.pop(name) for name in names if name in self._entries]
        after = {name: _entry(alarms[name]) for name in names if name in alarms}
        self._entries |= after
        for entries, by in ((before, -1), (after.values(), +1)):
            for entry in entries:
                self._count(entry, by)
        if len(names) > MANY:
            self._order = sorted(entry.place for entry in self._entries.values())
            return
        for entry in before:
            del self._order[bisect_left(self._order, entry.place)]
        for entry in after.values():
            insort(self._order, entry.place)

    def top(self, count: int) -> list[str]:
        """Return the ids of the first that are presented."""
        return [place[-1] for place in islice(self._order, count) if place[0] <= TAKEN]

    def after(self, place: Place | None) -> list[Place]:
        """Return all behind a place, None = all; a copy, for whoever goes through it in a thread."""
        return self._order[0 if place is None else bisect_right(self._order, place) :]

    def counts(self) -> dict[str, Any]:
        """Count open alarms by level, the unacknowledged ones among them, and what is set aside."""
        return {
            "levels": [[self._open[level], self._waiting[level]] for level in LEVELS],
            "total": self._open.total(),
            "waiting": self._waiting.total(),
            **{state: self._states[state] for state in ASIDE},
            "equipment": self._equipment,
        }

    def cells(self) -> Iterator[tuple[Cell, int]]:
        """Yield (zone, domain, level, acknowledged) of active alarms that nothing covers, and how many."""
        return ((cell, count) for cell, count in self._cells.items() if count)

    def _count(self, entry: _Entry, by: int) -> None:
        rank, level, _, _ = entry.place
        if rank != COVERED:
            self._open[level] += by
            self._waiting[level] += by * entry.waits
        self._states[entry.state] += by
        self._equipment += by * entry.is_equipment
        if entry.cell is not None:
            self._cells[entry.cell] += by


def _entry(alarm: Mapping[str, Any]) -> _Entry:
    place, waits = place_of(alarm), not alarm["acknowledged"]
    counts = alarm["state"] == "active" and place[0] != COVERED
    cell = (alarm["zone"], alarm["domain"], alarm["level"], not waits) if counts else None
    return _Entry(place, standing_of(alarm), waits, cell, alarm["kind"].startswith(EQUIPMENT))
