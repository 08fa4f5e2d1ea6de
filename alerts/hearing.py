"""What is not heard any more, and since when nothing is known for sure of an alarm because of that.

An alarm is uncertain while all by which something is known of it is silent: its own sensor, or each of the sensors that
tell of its segment or zone. A sensor is silent while an alarm says so of itself or of its feed. A combination goes by
the alarms of what stands: it is uncertain while fewer of these are heard than its level needs. Silence ends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.earlier import SEEN_TO, STEADIED
from alerts.kinds import SILENT_FEED, SILENT_SENSOR, is_unheard
from processors.maths.combined import standing
from processors.maths.measures import FEED_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alerts.alarm import Alarm
    from alerts.state import State
    from streams.contract.records import Detection

SILENCES = (SILENT_SENSOR, SILENT_FEED)


def hear(state: State, found: Detection) -> None:
    """Note from a silence that begins or ends whether something is heard, and what that makes uncertain."""
    of = (found.city, found.entity)
    if found.level == 0:
        state.silent.discard(of)
    else:
        state.silent[of] = min(_last_heard_ms(found), state.silent.get(of, found.at_ms))
    _ask_again(state, found)


def forget(state: State, silence: Alarm) -> None:
    """Let go of a silence that has ended without a word, because the city has no such sensor or feed any more."""
    state.silent.discard((silence.city, silence.entity))
    if state.version >= SEEN_TO:
        _ask_again(state, silence)


def _ask_again(state: State, silence: Detection | Alarm) -> None:
    for alarm in _about(state, silence):
        _hear_anew(state, alarm)


def follow(state: State, alarm: Alarm) -> None:
    """Note what a finding of an alarm makes uncertain: itself, if it is a combination, and those of which it is one."""
    if state.silent and alarm.kind not in SILENCES:
        if standing(alarm.evidence):
            _hear_anew(state, alarm)
        _tell(state, alarm)


def settle(state: State) -> None:
    """Have each combination go by its alarms as the present event has left them: one may have closed, or moved."""
    if not state.silent or state.version < STEADIED:
        return
    for one, before in list(state.groups.touched_alarms.items()):
        alarm = state.open.get(one)
        if alarm is None and before is not None:
            _tell(state, before)
        elif alarm is not None and (before is None or before.uncertain_since_ms != alarm.uncertain_since_ms):
            _tell(state, alarm)


def _hear_anew(state: State, alarm: Alarm) -> None:
    since_ms = uncertain_since_ms(state, alarm)
    if alarm.uncertain_since_ms != since_ms:
        state.put(replace(alarm, uncertain_since_ms=since_ms))
        _tell(state, alarm)


def _tell(state: State, alarm: Alarm) -> None:
    """Have the combinations that an alarm is part of go by it as it stands now."""
    named = (state.open[one] for one in sorted(state.heard_by.of((alarm.city, alarm.entity))))
    for one in [one for one in named if standing(one.evidence).get(alarm.kind) == alarm.entity]:
        _hear_anew(state, one)


def heard_through(alarm: Alarm) -> set[tuple[tuple[str, str], str]]:
    """Return by what an alarm is heard but for its own entity, each (city, entity), with its id."""
    names = (*(one.sensor for one in alarm.ears), *standing(alarm.evidence).values())
    return {((alarm.city, name), alarm.id) for name in names}


def uncertain_since_ms(state: State, alarm: Alarm) -> int | None:
    """Return the event time since which nothing is heard of what an alarm is about, None = it is heard."""
    if alarm.kind in SILENCES or is_unheard(alarm) or not state.silent:
        return None
    if parts := standing(alarm.evidence):
        return _parts_silent_ms(state, alarm, parts)
    ears = [_silent_ms(state, alarm, one.sensor, one.zone) for one in alarm.ears]
    ears = ears or [_silent_ms(state, alarm, alarm.entity, alarm.zone)]
    silent_ms = [one for one in ears if one is not None]
    return max(silent_ms) if len(silent_ms) == len(ears) else None


def _parts_silent_ms(state: State, alarm: Alarm, parts: Mapping[str, str]) -> int | None:
    """Return since when fewer of the rules that stand are heard than are needed; one without an alarm counts as heard.

    `parts`: rule → the entity at which it has stood longest.
    """
    alarms = (state.open.get(state.current.get((alarm.city, entity, kind), "")) for kind, entity in parts.items())
    times = (None if one is None else one.uncertain_since_ms for one in alarms)
    silent_ms = sorted(at_ms for at_ms in times if at_ms is not None)
    spare = max(len(parts) - int(alarm.limit or 0), 0)
    return silent_ms[spare] if len(silent_ms) > spare else None


def _silent_ms(state: State, alarm: Alarm, sensor: str, zone: str) -> int | None:
    names = (sensor, *_feeds(alarm.domain, zone))
    return min((at_ms for name in names if (at_ms := state.silent.get((alarm.city, name))) is not None), default=None)


def _feeds(domain: str, zone: str) -> tuple[str, str]:
    return f"{FEED_PREFIX}{domain}", f"{FEED_PREFIX}{domain}:{zone}"


def _last_heard_ms(found: Detection) -> int:
    """Return since when nothing is heard: a sensor's silence begins with the limit that it names, in seconds."""
    waited_s = found.limit if found.kind == SILENT_SENSOR and found.unit == "s" else None
    return found.at_ms - int((waited_s or 0) * 1000)


def _about(state: State, found: Detection | Alarm) -> Iterable[Alarm]:
    """Return the alarms of which a silence may be all that is heard."""
    if found.kind == SILENT_FEED:
        alarms = list(state.open.values())
        return [one for one in alarms if one.domain == found.domain and one.kind not in SILENCES]
    of = (found.city, found.entity)
    ids = {*state.of_entity.get(of, ()), *state.heard_by.of(of)}
    return [state.open[one] for one in sorted(ids) if state.open[one].kind not in SILENCES]
