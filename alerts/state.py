"""The alarms as the journal tells them, and what each of its events changes."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from msgspec.structs import replace

from alerts.records import Acknowledged, Alarm, Finding, Refused, Retired
from streams.contract.records import Detection

if TYPE_CHECKING:
    from alerts.records import Event

Key: TypeAlias = tuple[str, str, str]
"""(city, entity, kind): at most one open alarm each."""

Name = TypeVar("Name")
Kept = TypeVar("Kept")

OF_WHAT = ("city", "domain", "kind", "entity")
"""What a finding and its alarm both say, and no later finding of it changes …"""
TOLD = ("zone", "level", "value", "limit", "unit", "basis", "evidence", "processor")
"""… and what the alarm says as the newest finding with a level does."""

REMEMBERED = 10_000
"""Newest commands and closed alarms that are remembered: days of work of a busy room. Older ones are unknown."""


class Newest(NamedTuple):
    """Up to when was judged for the newest journaled detections of a key, and the (time, level) they gave."""

    known_ms: int
    found: frozenset[tuple[int, int]]


@dataclass
class State:
    """The alarms as the journal tells them. Invariant: `current` holds exactly the keys of the alarms in `open`."""

    open: dict[str, Alarm] = field(default_factory=dict)
    """Alarm id → alarm."""
    current: dict[Key, str] = field(default_factory=dict)
    """Key → id of its open alarm."""
    newest: dict[Key, Newest] = field(default_factory=dict)
    latent: dict[Key, Detection] = field(default_factory=dict)
    """Key of what the city does not have → the finding that would be its alarm; the newest `REMEMBERED`."""
    latest_ms: int = 0
    """Newest event time that a finding gave."""
    closed: dict[str, Alarm] = field(default_factory=dict)
    """Id of an alarm that closed → the alarm as it ended; the newest `REMEMBERED`."""
    commands: dict[str, None] = field(default_factory=dict)
    """Ids of the commands in the journal; the newest `REMEMBERED`."""
    counts: Counter[str] = field(default_factory=Counter)
    """Event by name → how many."""

    def copy(self) -> State:
        """Return a state that can be changed without changing this one."""
        return State(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})


def apply(state: State, event: Event) -> None:
    """Change the state as the event says."""
    if isinstance(event, Finding):
        _find(state, event)
    elif isinstance(event, Acknowledged):
        _acknowledge(state, event)
        _remember(state.commands, event.command.id, None)
    elif isinstance(event, Refused):
        _remember(state.commands, event.command.id, None)
    elif isinstance(event, Retired):
        _retire(state, event)
    state.counts[_name(event)] += 1


def _name(event: Event) -> str:
    """Name what happened, in one word for the counters."""
    return event.change if isinstance(event, Finding) else str(event.__struct_config__.tag)


def key_of(detection: Detection) -> Key:
    """Return what may have one open alarm."""
    return (detection.city, detection.entity, detection.kind)


def _with(newest: Newest | None, detection: Detection) -> Newest:
    found = (detection.at_ms, detection.level)
    if newest is None or newest.known_ms != detection.known_ms:
        return Newest(detection.known_ms, frozenset((found,)))
    return Newest(newest.known_ms, newest.found | {found})


def _find(state: State, event: Finding) -> None:
    found = event.detection
    key = key_of(found)
    state.newest[key] = _with(state.newest.get(key), found)
    state.latest_ms = max(state.latest_ms, found.known_ms)
    if event.change == "evidence":
        state.latent.pop(key, None)
        _remember(state.latent, key, found)
        return
    state.latent.pop(key, None)
    if event.change == "normal":
        return
    if event.change == "raised":
        state.current[key] = event.alarm
        state.open[event.alarm] = _opened(event)
        state.closed.pop(event.alarm, None)  # only where one event time opened, ended and opens again
        return
    alarm = state.open[event.alarm]
    if event.change == "cleared":
        _put(state, replace(alarm, state="cleared", cleared_at_ms=found.at_ms, updated_at_ms=found.at_ms))
        return
    if event.change == "risen":
        alarm = _unacknowledged(alarm)
    state.open[alarm.id] = replace(
        alarm,
        state="active",
        cleared_at_ms=None,
        updated_at_ms=found.at_ms,
        count=alarm.count + 1,
        **_fields(found, TOLD),
    )


def _opened(event: Finding) -> Alarm:
    found = event.detection
    shared = _fields(found, OF_WHAT + TOLD)
    return Alarm(id=event.alarm, raised_at_ms=found.at_ms, updated_at_ms=found.at_ms, **shared)


def _retire(state: State, event: Retired) -> None:
    alarm = state.open[event.alarm]
    if alarm.state == "active":
        key = (alarm.city, alarm.entity, alarm.kind)
        _remember(state.latent, key, _finding_of(alarm, state.newest[key].known_ms))
        alarm = replace(alarm, state="cleared", cleared_at_ms=event.at_ms, updated_at_ms=event.at_ms)
    _close(state, replace(alarm, retired=event.lack))


def _finding_of(alarm: Alarm, known_ms: int) -> Detection:
    """Return the finding that opens the alarm as it stands."""
    return Detection(at_ms=alarm.raised_at_ms, known_at_ms=known_ms, **_fields(alarm, OF_WHAT + TOLD))


def _fields(of: Detection | Alarm, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def _acknowledge(state: State, event: Acknowledged) -> None:
    command = event.command
    taken = replace(
        state.open[event.alarm],
        acknowledged=True,
        acknowledged_by=command.who,
        acknowledged_desk=command.desk,
        acknowledged_at_ms=command.at_ms,
        why=command.why,
    )
    _put(state, taken)


def _unacknowledged(alarm: Alarm) -> Alarm:
    return replace(
        alarm, acknowledged=False, acknowledged_by=None, acknowledged_desk=None, acknowledged_at_ms=None, why=None
    )


def _put(state: State, alarm: Alarm) -> None:
    """Keep the alarm, or close it."""
    if alarm.state == "active" or not alarm.acknowledged:
        state.open[alarm.id] = alarm
        return
    _close(state, alarm)


def _close(state: State, alarm: Alarm) -> None:
    del state.open[alarm.id]
    del state.current[alarm.city, alarm.entity, alarm.kind]
    _remember(state.closed, alarm.id, alarm)


def _remember(memory: dict[Name, Kept], name: Name, value: Kept) -> None:
    memory[name] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
