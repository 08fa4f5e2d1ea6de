"""Which event a detection, a command, a version of the city or time makes of the alarms as they stand.

Of one (city, entity, kind) a detection is news when more was judged for it (`known_at_ms`) than for the newest
journaled one, or the same with a time or level not yet given for it. So a repeat, wherever it comes, changes nothing,
and a condition that a late reading brings to light is news although it began before.

A version of the city ends the alarms of what it does not have. News of such things is evidence only. What would be
active if the city had it is remembered: a version that has it again raises it, for its processor may never have known.

What it does to an alarm stands in `alerts.transitions`.
source: what is news: own choice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from alerts.apply import UNDO_MS, key_of
from alerts.commands import Acknowledge, Note, Undo
from alerts.events import Done, Finding, Refused, Retired, TimeReached
from alerts.reading import UNSIGNED
from alerts.transitions import TABLE, Happening, No

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.alarm import Alarm
    from alerts.commands import Command, OfAlarm
    from alerts.events import Change
    from alerts.state import Newest, State
    from streams.city.scope import Lack, Scope
    from streams.contract.records import Detection

ID_LENGTH = 20

REASON, RETIRED = "reason", "retired"
"""In the evidence of a processor's end: what it speaks of has left its zone."""


def alarm_id(detection: Detection) -> str:
    """Name the alarm that this detection opens: the same in every replay."""
    parts = [detection.city, detection.entity, detection.kind, detection.at_ms]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_LENGTH]


def judge_time(state: State, now_ms: int) -> TimeReached | None:
    """Return what is due first, None = nothing is due yet."""
    due = state.next_due()
    if due is None or due[0] > now_ms:
        return None
    at_ms, alarm_id = due
    closing = state.open[alarm_id].closing
    return TimeReached(alarm=alarm_id, what="lapsed" if closing is None else "closed", at_ms=at_ms)


def judge_detection(state: State, detection: Detection, scope: Scope | None = None) -> Finding | None:
    """Return what the detection does, None for a repeat or one that is older than what is known.

    `scope` is the newest version of the city; a detection of a later one is taken as it is.
    """
    key = key_of(detection)
    if not _is_news(state.newest.get(key), detection):
        return None
    if scope is not None and detection.level > 0 and detection.version <= scope.number and _lack(scope, detection):
        return Finding(change="evidence", alarm="", detection=detection)
    alarm = state.open.get(state.current.get(key, ""))
    muted = state.muted.get(key)
    if alarm is None and muted is not None and detection.level >= muted.level:
        return Finding(change="ended", alarm="", detection=detection)
    change = _change(alarm, detection)
    opened = alarm_id(detection) if change == "raised" else ""
    return Finding(change=change, alarm=opened if alarm is None else alarm.id, detection=detection)


def judge_version(state: State, scope: Scope) -> Iterator[Retired | Finding]:
    """Yield the end of each alarm of which the version lacks something, then what is active and there again."""
    for alarm in sorted(state.open.values(), key=lambda one: one.id):
        lack = _lack(scope, alarm)
        if lack is not None:
            at_ms = max(state.latest_ms, alarm.updated_at_ms)
            yield Retired(alarm=alarm.id, lack=lack, version=scope.number, at_ms=at_ms)
    for key, found in sorted(state.latent.items()):
        if key not in state.current and _lack(scope, found) is None:
            yield Finding(change="raised", alarm=alarm_id(found), detection=found)


def judge_command(state: State, command: Command, now_ms: int) -> Done | Refused | None:
    """Return the answer to the command, None for a repeat."""
    answered = state.outcomes.get(command.id)
    if answered is not None and answered.reason != UNSIGNED:  # a stranger who named its id first has not answered it
        return None
    if isinstance(command, Undo):
        return _judge_undo(state, command, now_ms)
    alarm = state.open.get(command.alarm)
    if command.alarm in state.closed:
        return refused(command, "closed", state.closed[command.alarm])
    if alarm is None or alarm.city != command.city:
        return refused(command, "unknown_alarm")
    if not isinstance(command, Note):
        reason = _why_not(alarm, command)
        if reason:
            return refused(command, reason, alarm)
    return Done(alarm=alarm.id, command=command)


def _why_not(alarm: Alarm, command: OfAlarm) -> str:
    if alarm.closing is not None:
        return "closing"
    step = TABLE[alarm.standing][Happening(command.action)]
    if isinstance(step, No):
        return step.reason
    if isinstance(command, Acknowledge) and command.seen_level is not None and alarm.level < command.seen_level:
        return "level_risen"
    if command.revision is not None and command.revision != alarm.revision:
        return "level_risen" if alarm.last.what == "risen" else "changed"
    return ""


def _judge_undo(state: State, command: Undo, now_ms: int) -> Done | Refused:
    done = state.outcomes.get(command.command)
    alarm = None if done is None else state.open.get(done.alarm)
    if done is None:
        return refused(command, "unknown_command")
    if alarm is None:
        return refused(command, "closed", state.closed.get(done.alarm))
    if alarm.last.command != command.command or alarm.last.before is None:
        return refused(command, "changed", alarm)
    if alarm.last.who != command.who:
        return refused(command, "not_yours", alarm)
    if now_ms > alarm.last.at_ms + UNDO_MS:
        return refused(command, "too_late", alarm)
    return Done(alarm=alarm.id, command=command)


def refused(command: Command, reason: str, alarm: Alarm | None = None) -> Refused:
    """Refuse a command; where somebody was first, that is said, with what they did and when."""
    named = "" if isinstance(command, Undo) else command.alarm
    if alarm is None:
        return Refused(id=command.id, alarm=named, command=command, reason=reason)
    last = alarm.last
    return Refused(
        id=command.id,
        alarm=alarm.id,
        command=command,
        reason=reason,
        by=last.who,
        by_desk=last.desk,
        did=last.what,
        did_at_ms=last.at_ms,
    )


def _is_news(newest: Newest | None, detection: Detection) -> bool:
    if newest is None or detection.known_ms > newest.known_ms:
        return True
    return detection.known_ms == newest.known_ms and (detection.at_ms, detection.level) not in newest.found


def _lack(scope: Scope, one: Detection | Alarm) -> Lack | None:
    return scope.lack(one.city, one.entity, one.kind, one.processor)


def _change(alarm: Alarm | None, found: Detection) -> Change:
    if found.level == 0:
        ends = alarm is not None and alarm.process == "active" and not _is_of_former_zone(alarm, found)
        return "cleared" if ends else "normal"
    if alarm is None:
        return "raised"
    if alarm.process != "active":
        return "returned"
    if found.level < alarm.level:
        return "risen"
    return "lowered" if found.level > alarm.level else "updated"


def _is_of_former_zone(alarm: Alarm, found: Detection) -> bool:
    """Tell whether a zone only lost a sensor, of which another zone has said since that it alarms."""
    return found.zone != alarm.zone and found.evidence.get(REASON) == RETIRED
