"""The life of an alarm: which event a detection or a command makes of the alarms as they stand, and what it changes.

    detection            no alarm   active, not acknowledged   active, acknowledged            cleared, not acknowledged
    level, first or new  raised     updated, lowered, risen    updated, lowered; risen: must   returned
                                                               be acknowledged again
    level 0 (an end)     normal     cleared, stays listed      cleared, so closed              normal
    acknowledge          refused    acknowledged               refused: somebody was first     acknowledged, so closed

Of one (city, entity, kind) a detection is news when more was judged for it (`known_at_ms`) than for the newest
journaled one, or the same with a time or level not yet given for it. So a repeat, wherever it comes, changes nothing,
and a condition that a late reading brings to light is news although it began before.

source: ISA-18.2 / IEC 62682 (alarm states); what is news, and that every rise needs a new acknowledgement: own choice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from alerts.records import Acknowledged, Alarm, Finding, Refused

if TYPE_CHECKING:
    from alerts.records import Change, Command, Event, Refusal
    from streams.contract.records import Detection

Key: TypeAlias = tuple[str, str, str]
"""(city, entity, kind): at most one open alarm each."""

Kept = TypeVar("Kept")

REMEMBERED = 10_000
"""Newest commands and closed alarms that are remembered: days of work of a busy room. Older ones are unknown."""

ID_LENGTH = 20


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
    closed: dict[str, Alarm] = field(default_factory=dict)
    """Id of an alarm that closed → the alarm as it ended; the newest `REMEMBERED`."""
    commands: dict[str, None] = field(default_factory=dict)
    """Ids of the commands in the journal; the newest `REMEMBERED`."""
    counts: Counter[str] = field(default_factory=Counter)
    """Event by name → how many."""

    def copy(self) -> State:
        """Return a state that can be changed without changing this one."""
        return State(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})


def alarm_id(detection: Detection) -> str:
    """Name the alarm that this detection opens: the same in every replay."""
    parts = [detection.city, detection.entity, detection.kind, detection.at_ms]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_LENGTH]


def judge_detection(state: State, detection: Detection) -> Finding | None:
    """Return what the detection does, None for a repeat or one that is older than what is known."""
    key = _key(detection)
    if not _is_news(state.newest.get(key), detection):
        return None
    alarm = state.open.get(state.current.get(key, ""))
    change = _change(alarm, detection.level)
    opened = alarm_id(detection) if change == "raised" else ""
    return Finding(change=change, alarm=opened if alarm is None else alarm.id, detection=detection)


def judge_command(state: State, command: Command) -> Acknowledged | Refused | None:
    """Return the answer to the command, None for a repeat."""
    if command.id in state.commands:
        return None
    alarm = state.open.get(command.alarm)
    if command.action != "acknowledge":
        return _refuse(command, "unknown_action")
    if command.alarm in state.closed:
        return _refuse(command, "closed", state.closed[command.alarm])
    if alarm is None or alarm.city != command.city:
        return _refuse(command, "unknown_alarm")
    if alarm.acknowledged_by is not None:
        return _refuse(command, "already_acknowledged", alarm)
    if alarm.level < command.seen_level:
        return _refuse(command, "level_risen")
    return Acknowledged(alarm=alarm.id, command=command)


def apply(state: State, event: Event) -> None:
    """Change the state as the event says."""
    if isinstance(event, Finding):
        _find(state, event)
    elif isinstance(event, Acknowledged):
        _acknowledge(state, event)
        _remember(state.commands, event.command.id, None)
    elif isinstance(event, Refused):
        _remember(state.commands, event.command.id, None)
    state.counts[event_name(event)] += 1


def event_name(event: Event) -> str:
    """Name what happened, in one word for the counters."""
    return event.change if isinstance(event, Finding) else str(event.__struct_config__.tag)


def _key(detection: Detection) -> Key:
    return (detection.city, detection.entity, detection.kind)


def _is_news(newest: Newest | None, detection: Detection) -> bool:
    if newest is None or detection.known_ms > newest.known_ms:
        return True
    return detection.known_ms == newest.known_ms and (detection.at_ms, detection.level) not in newest.found


def _with(newest: Newest | None, detection: Detection) -> Newest:
    found = (detection.at_ms, detection.level)
    if newest is None or newest.known_ms != detection.known_ms:
        return Newest(detection.known_ms, frozenset((found,)))
    return Newest(newest.known_ms, newest.found | {found})


def _change(alarm: Alarm | None, level: int) -> Change:
    if level == 0:
        return "cleared" if alarm is not None and alarm.state == "active" else "normal"
    if alarm is None:
        return "raised"
    if alarm.state == "cleared":
        return "returned"
    if level < alarm.level:
        return "risen"
    return "lowered" if level > alarm.level else "updated"


def _refuse(command: Command, reason: Refusal, taken: Alarm | None = None) -> Refused:
    """Refuse a command; where somebody has taken the alarm already, that is said."""
    by, by_desk = (None, None) if taken is None else (taken.acknowledged_by or "", taken.acknowledged_desk or "")
    return Refused(alarm=command.alarm, command=command, reason=reason, by=by, by_desk=by_desk)


def _find(state: State, event: Finding) -> None:
    found = event.detection
    key = _key(found)
    state.newest[key] = _with(state.newest.get(key), found)
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
        level=found.level,
        updated_at_ms=found.at_ms,
        value=found.value,
        limit=found.limit,
        unit=found.unit,
        basis=found.basis,
        evidence=found.evidence,
        count=alarm.count + 1,
    )


def _opened(event: Finding) -> Alarm:
    found = event.detection
    return Alarm(
        id=event.alarm,
        city=found.city,
        domain=found.domain,
        kind=found.kind,
        entity=found.entity,
        zone=found.zone,
        level=found.level,
        raised_at_ms=found.at_ms,
        updated_at_ms=found.at_ms,
        value=found.value,
        limit=found.limit,
        unit=found.unit,
        basis=found.basis,
        evidence=found.evidence,
    )


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
    del state.open[alarm.id]
    del state.current[alarm.city, alarm.entity, alarm.kind]
    _remember(state.closed, alarm.id, alarm)


def _remember(memory: dict[str, Kept], name: str, value: Kept) -> None:
    memory[name] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
