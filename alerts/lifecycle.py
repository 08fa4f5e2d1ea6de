"""The life of an alarm: which event a detection or a command makes of the alarms as they stand, and what it changes.

    detection            no alarm   active, not acknowledged   active, acknowledged            cleared, not acknowledged
    level, first or new  raised     updated, lowered, risen    updated, lowered; risen: must   returned
                                                               be acknowledged again
    level 0 (an end)     normal     cleared, stays listed      cleared, so closed              normal
    acknowledge          refused    acknowledged               refused: somebody was first     acknowledged, so closed
    version without it              retired, so closed         retired, so closed              retired, so closed

Of one (city, entity, kind) a detection is news when more was judged for it (`known_at_ms`) than for the newest
journaled one, or the same with a time or level not yet given for it. So a repeat, wherever it comes, changes nothing,
and a condition that a late reading brings to light is news although it began before.

A version of the city ends the alarms of what it does not have. News of such things is evidence only. What would be
active if the city had it is remembered: a version that has it again raises it, for its processor may never have known.

source: ISA-18.2 / IEC 62682 (alarm states); what is news, and that every rise needs a new acknowledgement: own choice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from alerts.records import Acknowledged, Finding, Refused, Retired
from alerts.state import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.records import Alarm, Change, Command, Refusal
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


def _is_news(newest: Newest | None, detection: Detection) -> bool:
    if newest is None or detection.known_ms > newest.known_ms:
        return True
    return detection.known_ms == newest.known_ms and (detection.at_ms, detection.level) not in newest.found


def _lack(scope: Scope, one: Detection | Alarm) -> Lack | None:
    return scope.lack(one.city, one.entity, one.kind, one.processor)


def _change(alarm: Alarm | None, found: Detection) -> Change:
    if found.level == 0:
        ends = alarm is not None and alarm.state == "active" and not _is_of_former_zone(alarm, found)
        return "cleared" if ends else "normal"
    if alarm is None:
        return "raised"
    if alarm.state == "cleared":
        return "returned"
    if found.level < alarm.level:
        return "risen"
    return "lowered" if found.level > alarm.level else "updated"


def _is_of_former_zone(alarm: Alarm, found: Detection) -> bool:
    """Tell whether a zone only lost a sensor, of which another zone has said since that it alarms."""
    return found.zone != alarm.zone and found.evidence.get(REASON) == RETIRED


def _refuse(command: Command, reason: Refusal, taken: Alarm | None = None) -> Refused:
    """Refuse a command; where somebody has taken the alarm already, that is said."""
    by, by_desk = (None, None) if taken is None else (taken.acknowledged_by or "", taken.acknowledged_desk or "")
    return Refused(alarm=command.alarm, command=command, reason=reason, by=by, by_desk=by_desk)
