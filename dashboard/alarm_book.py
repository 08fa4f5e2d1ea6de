"""The open alarms in the wall's order, with their counts: kept as alarms change, not made anew.

A change costs a search in the order and a shift of it, whatever the number of alarms.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from alerts.incident import LISTED
from dashboard.alarm_list import ASIDE, LEVELS, standing_of, waiting_since_ms
from dashboard.cards import card_of, named_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Place: TypeAlias = tuple[int, int, int, str]
"""Where an alarm stands in the order: (rank, level, waiting since, id)."""
Cell: TypeAlias = tuple[str, str, int, bool]
"""(zone, domain, level, whether somebody has acknowledged it) of an active alarm."""

ALL = ""
"""The desk of what has none of its own: the list of all is its list."""
MANY = 2_000
"""So many changes at once, as when the live state is read anew, are sorted in rather than put in one by one."""
MOST_LOOKED_AT = 1 + LISTED
"""An incident names its cause and so many more."""
NO_INCIDENTS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
WAITS, TAKEN, FOLDED, COVERED = range(4)
"""Ranks; for what is folded into an incident another of it speaks. What is not presented yet stands with these."""


class _Entry(NamedTuple):
    """What an alarm counts as."""

    place: Place
    level: int
    state: str
    aside: bool
    """It is not among those that the operators have to see to: covered, or of equipment that blinds nobody."""
    waits: bool
    cell: Cell | None
    is_equipment: bool
    desk: str


def place_of(alarm: Mapping[str, Any], card: Mapping[str, Any] | None = None) -> Place:
    """Return where an alarm stands: unacknowledged first, then by level, then the one that waits longest.

    What is folded into an incident for which another speaks, what is not presented yet, and what is set aside stand
    behind these. `card`: of the incident that it speaks for.
    """
    shown = alarm if card is None else card
    if standing_of(alarm) in ASIDE:
        rank = COVERED
    elif shown.get("presented") is False:
        rank = FOLDED
    else:
        rank = TAKEN if shown["acknowledged"] else WAITS
    return (rank, shown["level"], shown["waiting_since_ms"] if card else waiting_since_ms(alarm), alarm["id"])


class _List:
    """Alarms in order, all or a desk's. Invariant: `order` is sorted; the counters are sums over what is in it."""

    def __init__(self) -> None:
        self.order: list[Place] = []
        self.open: Counter[int] = Counter()
        """Level → alarms that nothing covers; so `waiting`, the unacknowledged ones."""
        self.waiting: Counter[int] = Counter()
        self.states: Counter[str] = Counter()
        self.cells: Counter[Cell] = Counter()
        self.equipment = 0

    def change(self, before: Collection[_Entry], after: Collection[_Entry]) -> None:
        """Take entries out and others in."""
        for entries, by in ((before, -1), (after, +1)):
            for entry in entries:
                self._count(entry, by)
        if max(len(before), len(after)) > MANY:
            gone = {entry.place for entry in before}
            self.order = sorted([*(one for one in self.order if one not in gone), *(entry.place for entry in after)])
            return
        for entry in before:
            del self.order[bisect_left(self.order, entry.place)]
        for entry in after:
            insort(self.order, entry.place)

    def counts(self) -> dict[str, Any]:
        """Count open alarms by level, the unacknowledged ones among them, and what is set aside."""
        return {
            "levels": [[self.open[level], self.waiting[level]] for level in LEVELS],
            "total": self.open.total(),
            "waiting": self.waiting.total(),
            **{state: self.states[state] for state in ASIDE},
            "equipment": self.equipment,
        }

    def _count(self, entry: _Entry, by: int) -> None:
        if not entry.aside:
            self.open[entry.level] += by
            self.waiting[entry.level] += by * entry.waits
        self.states[entry.state] += by
        self.equipment += by * entry.is_equipment
        if entry.cell is not None:
            self.cells[entry.cell] += by


class AlarmBook:
    """Invariant: each alarm in `_entries` stands in the list of all, and in its desk's."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._lists: defaultdict[str, _List] = defaultdict(_List)
        """Desk → its own; `ALL` = all."""
        self._speakers: dict[str, str] = {}
        """Incident → the alarm that speaks for it."""

    def take(
        self,
        names: Collection[str],
        alarms: Mapping[str, Mapping[str, Any]],
        incidents: Mapping[str, Mapping[str, Any]] = NO_INCIDENTS,
        changed_incidents: Collection[str] = (),
    ) -> None:
        """Take what has changed; what is not among the alarms or incidents is gone."""
        names = {*names, *self._spoken(names, alarms, incidents, changed_incidents)}
        cards = {name: card_of(alarms[name], incidents, alarms) for name in names if name in alarms}
        self._keep_speakers(cards)
        entries = {name: _entry(alarms[name], card) for name, card in cards.items()}
        moved = [name for name in names if entries.get(name) != self._entries.get(name)]
        before = [self._entries.pop(name) for name in moved if name in self._entries]
        after = {name: entries[name] for name in moved if name in entries}
        self._entries |= after
        self._lists[ALL].change(before, after.values())
        for desk in {entry.desk for entry in (*before, *after.values())} - {ALL}:
            mine = ([entry for entry in of if entry.desk == desk] for of in (before, after.values()))
            self._lists[desk].change(*mine)

    def _spoken(
        self,
        names: Collection[str],
        alarms: Mapping[str, Mapping[str, Any]],
        incidents: Mapping[str, Mapping[str, Any]],
        changed: Collection[str],
    ) -> Iterator[str]:
        """Yield who spoke for an incident of which something has changed, and who may from now on."""
        of_alarms = {str(alarms[name].get("incident") or "") for name in names if name in alarms}
        for of in {*changed, *of_alarms} - {""}:
            if of in self._speakers:
                yield self._speakers.pop(of)
            if of in incidents:
                yield from islice(named_by(incidents[of]), MOST_LOOKED_AT)

    def _keep_speakers(self, cards: Mapping[str, Mapping[str, Any] | None]) -> None:
        self._speakers |= {card["id"]: name for name, card in cards.items() if card is not None}

    @property
    def desks(self) -> list[str]:
        """Those that have, or had, an alarm; none where a city has one desk."""
        return sorted(set(self._lists) - {ALL})

    def top(self, count: int, desk: str = ALL) -> list[str]:
        """Return the ids of the first that are presented, of all or at a desk."""
        return [place[-1] for place in islice(self._lists[desk].order, count) if place[0] <= TAKEN]

    def after(self, place: Place | None) -> list[Place]:
        """Return all behind a place, None = all; a copy, for whoever goes through it in a thread."""
        order = self._lists[ALL].order
        return order[0 if place is None else bisect_right(order, place) :]

    def counts(self, desk: str = ALL) -> dict[str, Any]:
        """Count open alarms by level, the unacknowledged ones among them, and what is set aside."""
        return self._lists[desk].counts()

    def cells(self) -> Iterator[tuple[Cell, int]]:
        """Yield (zone, domain, level, acknowledged) of active alarms that are not set aside, and how many."""
        return ((cell, count) for cell, count in self._lists[ALL].cells.items() if count)


def _entry(alarm: Mapping[str, Any], card: Mapping[str, Any] | None) -> _Entry:
    place, waits, is_equipment = place_of(alarm, card), not alarm["acknowledged"], bool(alarm.get("equipment"))
    aside = place[0] == COVERED or (is_equipment and alarm.get("presented") is False)
    counts = alarm["state"] == "active" and not aside
    cell = (alarm["zone"], alarm["domain"], alarm["level"], not waits) if counts else None
    return _Entry(place, alarm["level"], standing_of(alarm), aside, waits, cell, is_equipment, alarm.get("desk") or ALL)
