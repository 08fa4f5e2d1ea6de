"""What the history keeps of alarms: each event of the journal as a row of its own, and what may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


NUMBERS_END = 2**53


class Where(NamedTuple):
    """Of what an alarm is."""

    domain: str
    kind: str
    entity: str
    zone: str


class Moment(NamedTuple):
    """The place of an event in the order of time, which is the order of the journal; a cursor."""

    at_ms: int
    seq: int
    place: int


class AlarmEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the journal. Identity: (alarm, seq, place), so writing it again changes nothing."""

    alarm: str
    """Id of the alarm; "" = of a command about a place, or one that is refused and names none."""
    seq: int
    """Of the journal's record; `place` is the event's place in it."""
    place: int
    at_ms: int
    """Engine time: when it happened to the alarm."""
    what: str
    """What a finding did, `raised`, `risen` …; the action of a command; what time did, `lapsed` …; or `retired`."""
    outcome: str = ""
    """`done` or `refused` of a command, else ""."""
    reason: str = ""
    """Of a refusal, or what a version of the city lacks."""
    domain: str = ""
    kind: str = ""
    entity: str = ""
    zone: str = ""
    level: int | None = None
    """Of a finding; 0 = it ended."""
    event_at_ms: int | None = None
    """Event time of a finding: when the condition began or ended."""
    who: str = ""
    desk: str = ""
    why: str = ""
    command: str = ""
    """Id of the command, or of the one whose window begins or ends."""
    event: dict[str, Any] = {}
    """The event as the journal has it; empty where it is too long."""

    @property
    def moment(self) -> Moment:
        """Its place in the order of time."""
        return Moment(self.at_ms, self.seq, self.place)

    @property
    def commands(self) -> set[str]:
        """Ids of the commands of which it says what became: its own, and the one that it takes something back of."""
        about = (self.event.get("command") or {}).get("command") if self.outcome == "done" else ""
        return {self.command if self.outcome else "", about or ""} - {""}


class Link(NamedTuple):
    """A journal record as far as the history needs it."""

    seq: int
    previous: str
    hash: str
    events: tuple[AlarmEvent, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which; None = any. Times are [from, until)."""

    domain: str | None = None
    kind: str | None = None
    entity: str | None = None
    zone: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None


class EventsWanted(Wanted, frozen=True, kw_only=True):
    """Which events; times are `at_ms`."""

    alarm: str | None = None
    who: str | None = None
    what: str | None = None
    outcome: str | None = None
    command: str | None = None
    """Id; what became of it, and what was done about it since: `undo`, `lift`, `restore`."""

    def takes(self, event: AlarmEvent) -> bool:
        """Tell whether it is wanted."""
        return (
            _within(self, event.at_ms)
            and self.alarm in {None, event.alarm}
            and (self.command is None or self.command in event.commands)
            and all(getattr(self, name) in {None, getattr(event, name)} for name in SAME)
        )


SAME = (*Where._fields, "who", "what", "outcome")
"""What an event has to say just so."""


class Kept(NamedTuple):
    """A kind of thing of which is kept how it was last seen."""

    name: str
    at: str
    """Its field that says when it began: the order in which they come, the newest first."""


ALARMS, INCIDENTS = Kept("alarms", "raised_at_ms"), Kept("incidents", "opened_at_ms")
PEOPLE = (
    *("acknowledged_by", "assigned_by", "shelved_by", "out_of_service_by", "closing_by", "ended_by"),
    "changed_by.who",
)
"""Fields that say who did something to it."""


class AlarmsWanted(Wanted, frozen=True, kw_only=True):
    """Which alarms, or incidents; times are when they began."""

    of: Kept = ALARMS
    level: int | None = None
    closed: bool | None = None
    incident: str | None = None
    """Which an alarm belongs to."""
    who: str | None = None
    """Who did something to it: `PEOPLE`."""

    def takes(self, alarm: Mapping[str, Any]) -> bool:
        """Tell whether it is wanted."""
        same = (*Where._fields, "level", "closed", "incident")
        return (
            _within(self, alarm[self.of.at])
            and (self.who is None or self.who in people_of(alarm))
            and all(getattr(self, name) in {None, alarm.get(name)} for name in same)
        )


def people_of(alarm: Mapping[str, Any]) -> set[str | None]:
    """Return who did something to an alarm or incident, as far as it says."""
    found: set[str | None] = set()
    for path in PEOPLE:
        value: Any = alarm
        for step in path.split("."):
            value = (value or {}).get(step)
        found.add(value)
    return found


class Raised(NamedTuple):
    """The place of an alarm in the order of their raises, of an incident in that of their beginnings; a cursor."""

    at_ms: int
    id: str


def _within(wanted: Wanted, at_ms: int) -> bool:
    return (wanted.from_ms is None or at_ms >= wanted.from_ms) and (wanted.until_ms is None or at_ms < wanted.until_ms)


def moment_of(cursor: str) -> Moment:
    """Read a cursor of events.

    >>> moment_of(cursor_of(Moment(5, 2, 0)))
    Moment(at_ms=5, seq=2, place=0)
    """
    at_ms, seq, place = map(_number, cursor.split("."))
    return Moment(at_ms, seq, place)


def raised_of(cursor: str) -> Raised:
    """Read a cursor of alarms.

    >>> raised_of(cursor_of(Raised(5, "a.b")))
    Raised(at_ms=5, id='a.b')
    """
    at_ms, dot, name = cursor.partition(".")
    if not dot:
        raise ValueError(cursor)
    return Raised(_number(at_ms), name)


def _number(text: str) -> int:
    """Read a number that every store can hold."""
    found = int(text)
    if abs(found) >= NUMBERS_END:
        raise ValueError(text)
    return found


def cursor_of(place: Moment | Raised) -> str:
    """Write a place as the cursor that goes on behind it; who takes one that is none gets a ValueError."""
    return ".".join(map(str, place))
