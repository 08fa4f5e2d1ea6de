"""The alarms as the journal tells them: tables by identity, and the times at which something is due."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from alerts.alarm import Alarm, Closing, Handed, Taken, Under, ranked
from alerts.commands import Where
from alerts.covers import Cover, wheres
from alerts.desks import WATCHED, Held, at_desk
from alerts.earlier import STEADIED
from alerts.groups import Groups
from alerts.hearing import heard_through
from alerts.tables import Aged, Index, Table, Trail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.outcomes import Outcome
    from streams.city.clock import ClockSetting
    from streams.city.parts import Desk
    from streams.contract.records import Detection

Key: TypeAlias = tuple[str, str, str]
"""(city, entity, kind): at most one open alarm each."""

REMEMBERED = 10_000
"""Newest commands and closed alarms that are remembered: days of work of a busy room. Older ones are unknown."""

UNDOABLE = 1_000
"""Newest commands that are remembered as far as an undo needs it: more than people do in its five seconds."""

LATEST, NOW = "latest", "now"
ALARM, COVER_BEGINS, COVER_ENDS = "alarm", "cover begins", "cover ends"
"""Of what something is due, in this order where it is at one time: where one window follows another there is no gap."""


class Newest(NamedTuple):
    """Up to when was judged for the newest journaled detections of a key, and the (time, level) they gave."""

    known_ms: int
    found: frozenset[tuple[int, int]]


class Muted(NamedTuple):
    """A person ended the alarm of a key: its findings of that level and below raise nothing until it was normal."""

    alarm: str
    level: int


class Was(msgspec.Struct, frozen=True, kw_only=True):
    """What an undo of a command puts back, or takes away."""

    who: str
    at_ms: int
    """Engine time of the command."""
    alarm: str = ""
    revision: int = 0
    """That it made: another one by now is no longer its own to undo."""
    taken: Taken | None = None
    closing: Closing | None = None
    assigned: Handed | None = None
    escalated: Handed | None = None
    made: str = ""
    """Id of the cover that it made."""
    took_away: Cover | None = None
    group: tuple[str | None, Under | None] | None = None
    """The incident that the alarm was in, and why, where the command changed that."""
    incident: str = ""
    """That it acknowledged, or gave back, …"""
    others: tuple[Was, ...] = ()
    """… with these alarms."""
    gave: bool = False
    """Whether it gave that incident back."""
    spoke: bool = False
    """Whether it was the cause of that incident."""
    held: Held | None = None
    """What it handed to another desk: the alarm, or the incident that it is in."""
    whole: tuple[Taken, int] | None = None
    """The acknowledgement of an incident that it ended, and the worst level that that was for."""


class State:
    """Everything that the chain says. Invariant: `current` holds exactly the keys of the alarms in `open`."""

    def __init__(self) -> None:
        self.trail = Trail()
        self.open: Table[str, Alarm] = Table(self.trail)
        """Alarm id → alarm."""
        self.current: Table[Key, str] = Table(self.trail)
        """Key → id of its open alarm."""
        self.newest: Table[Key, Newest] = Table(self.trail)
        self.latent: Aged[Key, Detection] = Aged(self.trail)
        """Key of what the city does not have → the finding that would be its alarm."""
        self.muted: Aged[Key, Muted] = Aged(self.trail)
        self.closed: Aged[str, Alarm] = Aged(self.trail)
        """Id of an alarm that closed → the alarm as it ended."""
        self.outcomes: Table[str, Outcome] = Table(self.trail)
        """Id of a command → what became of it."""
        self.keys: Table[str, str] = Table(self.trail)
        """Key of a request → id of the command that it names."""
        self.undoable: Aged[str, Was] = Aged(self.trail)
        """Id of a command → what was before it."""
        self.covers: Table[str, Cover] = Table(self.trail)
        """Id → each shelf, suppression and out-of-service mark that is not over."""
        self.silent: Table[tuple[str, str], int] = Table(self.trail)
        """(city, sensor or feed) of which nothing is heard → event time since which."""
        self.restless: Aged[Key, tuple[int, ...]] = Aged(self.trail)
        """Key → engine times at which its condition last began or ended, oldest first."""
        self.clocks: Table[str, ClockSetting] = Table(self.trail)
        """NOW → the setting of the city clock in force."""
        self.manned: Table[str, tuple[Desk, ...]] = Table(self.trail)
        """WATCHED → the city's desks; not there as long as it has never had any."""
        self.version = STEADIED
        """Of the record that is folded: its events mean what they did then."""
        self.counts: dict[str, int] = {}
        """Event by name → how many."""
        self.times: dict[str, int] = {}
        """LATEST → newest event time that a finding gave; NOW → engine time of the newest event."""
        self.groups = Groups(self.trail)
        self.incidents, self.ended, self.shown = self.groups.incidents, self.groups.ended, self.groups.shown
        self.raised, self.by_kind, self.bursts = self.groups.raised, self.groups.by_kind, self.groups.bursts
        self._follow()

    def _follow(self) -> None:
        """Make what follows from the tables."""
        self.of_entity: Table[tuple[str, str], tuple[str, ...]] = Table(self.trail)
        """(city, entity) → ids of its open alarms."""
        self.heard_by: Index[tuple[str, str], str] = Index(self.trail)
        """(city, sensor) → ids of the open alarms of which it tells, but its own."""
        self.changed: set[str] = set()
        """Ids of alarms that were put or closed since `begin`."""
        self._covering: Table[tuple[str, Where], tuple[str, ...]] = Table(self.trail)
        """(city, where) → ids of the covers over it."""
        self._due: list[tuple[int, str, str]] = []
        """A heap of (when, what of these, id): what is due, and more, which is passed over when its time comes."""

    @property
    def latest_ms(self) -> int:
        """Newest event time that a finding gave."""
        return self.times.get(LATEST, 0)

    @property
    def now_ms(self) -> int:
        """Engine time of the newest event."""
        return self.times.get(NOW, 0)

    def reach(self, now_ms: int) -> None:
        """Have engine time come so far; it never goes back."""
        if now_ms > self.now_ms:
            self.times[NOW] = now_ms

    @property
    def desks(self) -> tuple[Desk, ...]:
        """The city's desks, in their order; none = one desk, which watches all."""
        return self.manned.get(WATCHED, ())

    @property
    def clock(self) -> ClockSetting | None:
        """The city clock in force, None = nobody has set one: event time is engine time."""
        return self.clocks.get(NOW)

    def city_ms(self, now_ms: int) -> int:
        """Return what the city clock shows at an engine time."""
        return now_ms if self.clock is None else self.clock.at(now_ms)

    def put(self, alarm: Alarm) -> None:
        """Keep an open alarm as it stands now, at the desk where it belongs."""
        if self.manned:
            alarm = at_desk(self, alarm)
        self.groups.count(self.open.get(alarm.id), alarm)
        self.changed.add(alarm.id)
        self.read_back(alarm)

    def read_back(self, alarm: Alarm) -> None:
        """Keep an open alarm that is counted already."""
        before = self.open.get(alarm.id)
        if before is None:
            of = (alarm.city, alarm.entity)
            self.of_entity[of] = (*self.of_entity.get(of, ()), alarm.id)
            self.current[alarm.city, alarm.entity, alarm.kind] = alarm.id
        self.open[alarm.id] = alarm
        self._note_heard(before, alarm)
        if before is None or before.due_ms != alarm.due_ms:
            self._note_due(alarm.due_ms, ALARM, alarm.id)

    def close(self, alarm: Alarm) -> None:
        """Let an open alarm go, as it ended."""
        of = (alarm.city, alarm.entity)
        left = tuple(one for one in self.of_entity[of] if one != alarm.id)
        if left:
            self.of_entity[of] = left
        else:
            del self.of_entity[of]
        self._note_heard(alarm, None)
        self.groups.count(self.open[alarm.id], None)
        del self.open[alarm.id]
        del self.current[alarm.city, alarm.entity, alarm.kind]
        self.closed[alarm.id] = alarm
        self.changed.add(alarm.id)

    def _note_heard(self, before: Alarm | None, alarm: Alarm | None) -> None:
        if before is None or alarm is None or before.evidence is not alarm.evidence:
            self.heard_by.change(*(set() if one is None else heard_through(one) for one in (before, alarm)))

    def put_cover(self, cover: Cover) -> None:
        """Keep a cover as it stands now."""
        before = self.covers.get(cover.id)
        if before is None:
            over = (cover.city, cover.where)
            self._covering[over] = (*self._covering.get(over, ()), cover.id)
        self.covers[cover.id] = cover
        if before is None or before.due_ms != cover.due_ms:
            self._note_due(cover.due_ms, COVER_ENDS if cover.in_force else COVER_BEGINS, cover.id)

    def drop_cover(self, cover: Cover) -> None:
        """Let a cover go."""
        over = (cover.city, cover.where)
        left = tuple(one for one in self._covering[over] if one != cover.id)
        if left:
            self._covering[over] = left
        else:
            del self._covering[over]
        del self.covers[cover.id]

    def over(self, alarm: Alarm) -> tuple[Cover, ...]:
        """Return what covers an alarm now, the one that names it first."""
        if not self.covers:
            return ()
        places = wheres(alarm.zone, alarm.domain, alarm.kind, alarm.entity)
        ids = (one for where in places for one in self._covering.get((alarm.city, where), ()))
        found = [self.covers[one] for one in ids]
        return ranked([one for one in found if one.in_force and alarm.level >= one.level])

    def shelf(self, alarm: Alarm) -> Cover | None:
        """Return the shelf of just these alarms, None = there is none."""
        where = Where(kind=alarm.kind, entity=alarm.entity)
        found = [self.covers[one] for one in self._covering.get((alarm.city, where), ())]
        return next((one for one in found if one.what == "shelved"), None)

    def within(self, city: str, where: Where) -> list[Alarm]:
        """Return the open alarms of a place, in the order of their ids."""
        found: Iterable[Alarm] = self.open.values()
        if where.entity:
            found = [self.open[one] for one in self.of_entity.get((city, where.entity), ())]
        return sorted((one for one in found if one.city == city and _is_of(one, where)), key=lambda one: one.id)

    def next_due(self) -> tuple[int, str, str] | None:
        """Return (engine time, what of these, id) of what is due first, None = nothing ever is."""
        while self._due:
            when_ms, what, of = self._due[0]
            one = self.open.get(of) if what == ALARM else self.covers.get(of)
            if one is not None and one.due_ms == when_ms:
                return when_ms, what, of
            self.trail.note(heapq.heappush, self._due, heapq.heappop(self._due))
        return None

    def _note_due(self, due_ms: int | None, what: str, of: str) -> None:
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, what, of))

    def begin(self) -> None:
        """Note what is changed from now on."""
        self.trail.begin()
        for few in (self.counts, self.times):  # each event changes them: they are kept whole, once
            self.trail.note(_be, few, dict(few))
        self.groups.begin()
        self.changed = set()

    def keep(self) -> None:
        """Let what was changed since `begin` stand, and forget what is too old to be asked for."""
        self.trail.keep()
        remembered = (self.latent, self.closed, self.outcomes, self.keys, self.muted)
        for table in (*remembered, self.bursts):
            table.shorten(REMEMBERED)
        for counted in (self.raised, self.by_kind):
            counted.shorten(REMEMBERED * (1 + len(self.desks)))
        self.undoable.shorten(UNDOABLE)
        self.groups.keep(REMEMBERED)

    def take_back(self) -> None:
        """Be as at the last `begin`."""
        self.trail.take_back()
        self.groups.take_back()
        self.changed = set()


def _be(few: dict[str, int], was: dict[str, int]) -> None:
    few.clear()
    few.update(was)


def _is_of(alarm: Alarm, where: Where) -> bool:
    names = ("zone", "domain", "kind", "entity")
    return all(getattr(where, name) in {"", getattr(alarm, name)} for name in names)
