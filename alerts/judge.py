"""Which event a detection, a version of the city or time makes of the alarms as they stand.

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

from alerts import causes, incidents, load
from alerts.commands import Where
from alerts.covers import OF_RULE, Cover
from alerts.events import DesksSet, Finding, Retired, Scheduled, TimeReached
from alerts.found import key_of
from alerts.state import ALARM
from streams.city.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.alarm import Alarm
    from alerts.events import Change, Due
    from alerts.state import Newest, State
    from streams.city.scope import Lack, Scope
    from streams.contract.records import Detection

ID_LENGTH = 20
NEVER_MS = 2**63

FUTURE_MS = 65 * 60_000
"""A finding may be so far ahead of the city clock: intake takes what is 5 min ahead, and of a sensor that stamps the
end of its hour an hour more."""

REASON, RETIRED = "reason", "retired"
"""In the evidence of a processor's end: what it speaks of has left its zone."""


def alarm_id(detection: Detection) -> str:
    """Name the alarm that this detection opens: the same in every replay."""
    parts = [detection.city, detection.entity, detection.kind, detection.at_ms]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_LENGTH]


def judge_time(state: State, now_ms: int) -> Due | None:
    """Return what is due first, None = nothing is due yet."""
    found = (_reached(state, now_ms), incidents.due(state, now_ms), load.due(state, now_ms))
    return min((one for one in found if one is not None), key=lambda one: one.at_ms, default=None)


def next_due(state: State) -> Due | None:
    """Return what happens first by itself, None = nothing does."""
    return judge_time(state, NEVER_MS)


def _reached(state: State, now_ms: int) -> TimeReached | None:
    due = state.next_due()
    if due is None or due[0] > now_ms:
        return None
    at_ms, what, of = due
    if what != ALARM:
        return _cover_due(state, state.covers[of], at_ms)
    alarm = state.open[of]
    if alarm.closing is not None:
        return TimeReached(alarm=of, what="closed", at_ms=at_ms)
    return TimeReached(alarm=of, what="calmed" if alarm.calm_at_ms == at_ms else "lapsed", at_ms=at_ms)


def _cover_due(state: State, cover: Cover, at_ms: int) -> TimeReached:
    where = cover.where
    only = where == Where(kind=where.kind, entity=where.entity) and where.kind and where.entity
    alarm = state.current.get((cover.city, where.entity, where.kind), "") if only else ""
    return TimeReached(alarm=alarm, cover=cover.id, what="uncovered" if cover.in_force else "covered", at_ms=at_ms)


def judge_detection(state: State, detection: Detection, scope: Scope | None = None, now_ms: int = 0) -> Finding | None:
    """Return what the detection does, None for a repeat or one that is older than what is known.

    `scope` is the newest version of the city; a detection of a later one is taken as it is. `now_ms`: engine time.
    """
    if state.clock is not None and max(detection.at_ms, detection.known_ms) > state.clock.at(now_ms) + FUTURE_MS:
        return Finding(change="future", alarm="", detection=detection)
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
    if change == "cleared" and scope is not None and detection.kind in scope.latching:
        change = "latched"
    if change == "raised":
        return _raised(state, detection, scope, now_ms)
    blinding = causes.blinding(state, detection, scope) if change in {"risen", "returned"} else ()
    return Finding(change=change, alarm="" if alarm is None else alarm.id, detection=detection, blinding=blinding)


def _raised(state: State, found: Detection, scope: Scope | None, now_ms: int) -> Finding:
    opened = alarm_id(found)
    placed = causes.placed(state, found, opened, scope, now_ms)
    blinding = causes.blinding(state, found, scope)
    return Finding(change="raised", alarm=opened, detection=found, placed=placed, blinding=blinding)


def judge_version(state: State, scope: Scope) -> Iterator[Scheduled | DesksSet | Retired | Finding]:
    """Yield what it schedules otherwise, who watches what now, the end of what it lacks, what is there again."""
    yield from _scheduled(state, scope)
    if scope.desks != state.desks:
        yield DesksSet(desks=scope.desks, version=scope.number)
    for alarm in sorted(state.open.values(), key=lambda one: one.id):
        lack = _lack(scope, alarm)
        if lack is not None:
            at_ms = max(state.latest_ms, alarm.updated_at_ms)
            yield Retired(alarm=alarm.id, lack=lack, version=scope.number, at_ms=at_ms)
    for key, found in sorted(state.latent.items()):
        if key not in state.current and _lack(scope, found) is None:
            yield _raised(state, found, scope, state.now_ms)


def _scheduled(state: State, scope: Scope) -> Iterator[Scheduled]:
    kinds = {one.where.kind for one in state.covers.values() if one.id.startswith(OF_RULE)}
    for kind in sorted(kinds | set(scope.schedules)):
        weekly, standing = scope.schedules.get(kind), state.covers.get(OF_RULE + kind)
        window = None if weekly is None else Window(weekly=weekly.outside, time_zone=scope.time_zone)
        if window == (None if standing is None else standing.window):
            continue
        cover = None
        if window is not None:
            where = Where(kind=kind)
            cover = Cover(id=OF_RULE + kind, what="suppressed", city=scope.city, where=where, window=window)
        yield Scheduled(kind=kind, cover=cover, version=scope.number)


def _is_news(newest: Newest | None, detection: Detection) -> bool:
    if newest is None or detection.known_ms > newest.known_ms:
        return True
    return detection.known_ms == newest.known_ms and (detection.at_ms, detection.level) not in newest.found


def _lack(scope: Scope, one: Detection | Alarm) -> Lack | None:
    return scope.lack(one.city, one.entity, one.kind, one.processor)


def _change(alarm: Alarm | None, found: Detection) -> Change:
    if found.level == 0:
        if alarm is None or alarm.process != "active" or alarm.over_at_ms is not None:
            return "normal"
        if found.at_ms < alarm.raised_at_ms:
            return "behind"
        return "normal" if _is_of_former_zone(alarm, found) else "cleared"
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
