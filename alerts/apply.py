"""What each event of the journal changes: the only place that changes the state, with `alerts.done` for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from msgspec.structs import replace

from alerts import chattering
from alerts.alarm import Alarm, Last
from alerts.covering import covered, recover_within
from alerts.covers import as_of, is_over
from alerts.done import do
from alerts.events import ClockSet, Done, Finding, Refused, Retired, TimeReached, Unreadable
from alerts.moving import ImpossibleError, moved, opened_one, put, step_of
from alerts.outcomes import Outcome
from alerts.state import LATEST, NOW, Muted, Newest
from alerts.transitions import Happening
from processors.maths.measures import FEED_PREFIX
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.events import Event
    from alerts.state import Key, State

OF_WHAT = ("city", "domain", "kind", "entity")
"""What a finding and its alarm both say, and no later finding of it changes …"""
TOLD = ("zone", "level", "value", "limit", "unit", "basis", "evidence", "processor")
"""… and what the alarm says as the newest finding with a level does."""

OF_CHANGE = {
    "raised": Happening.RAISE,
    "risen": Happening.RISE,
    "updated": Happening.SAME,
    "lowered": Happening.FALL,
    "returned": Happening.SAME,
    "cleared": Happening.RETURN,
    "latched": Happening.LATCH,
}
OVER = (Happening.RETURN, Happening.LATCH)

SILENCES = ("sensor_silent", "feed_silent")
"""Kinds whose entity is not heard: what is known of it may no longer be so."""


def apply(state: State, event: Event, at_ms: int) -> None:
    """Change the state as the event says, at an engine time. Raises ImpossibleError before anything is changed."""
    if isinstance(event, Finding):
        _find(state, event, at_ms)
    elif isinstance(event, Done):
        do(state, event, at_ms)
    elif isinstance(event, Refused):
        _refuse(state, event, at_ms)
    elif isinstance(event, TimeReached):
        _reach(state, event)
    elif isinstance(event, ClockSet):
        _set_clock(state, event, at_ms)
    elif isinstance(event, Retired):
        _retire(state, event)
    elif not isinstance(event, Unreadable):
        assert_never(event)
    name = event.change if isinstance(event, Finding) else str(event.__struct_config__.tag)
    state.counts[name] = state.counts.get(name, 0) + 1


def key_of(one: Detection | Alarm) -> Key:
    """Return what may have one open alarm."""
    return (one.city, one.entity, one.kind)


# --- findings ---------------------------------------------------------------------------------------------------------


def _find(state: State, event: Finding, at_ms: int) -> None:
    if event.change == "future":
        return
    found, key = event.detection, key_of(event.detection)
    if event.change in OF_CHANGE:
        _to_alarm(state, event, at_ms)
    state.newest[key] = _with(state.newest.get(key), found)
    state.times[LATEST] = max(state.latest_ms, found.known_ms)
    state.latent.discard(key)
    if event.change == "evidence":
        state.latent[key] = found
    if event.change != "ended":
        state.muted.discard(key)
    if found.kind in SILENCES and event.change != "evidence":
        _hear(state, found)


def _with(newest: Newest | None, detection: Detection) -> Newest:
    found = (detection.at_ms, detection.level)
    if newest is None or newest.known_ms != detection.known_ms:
        return Newest(detection.known_ms, frozenset((found,)))
    return Newest(newest.known_ms, newest.found | {found})


def _to_alarm(state: State, event: Finding, at_ms: int) -> None:
    found, happening = event.detection, OF_CHANGE[event.change]
    if happening is Happening.RAISE:
        _raise(state, event, at_ms)
        return
    alarm = opened_one(state, event.alarm)
    if happening in OVER:
        over = replace(alarm, over_at_ms=found.at_ms, updated_at_ms=found.at_ms, latches=happening is Happening.LATCH)
        over = _turned(state, over, at_ms)
        if over.calm_at_ms is None:
            _let_return(state, over, at_ms)
        else:
            state.put(over)
        return
    if event.change == "returned" and found.level < alarm.level:
        happening = Happening.RISE
    if event.change == "returned" or alarm.over_at_ms is not None:
        alarm = _turned(state, alarm, at_ms)
    step = step_of(alarm, happening)
    ends = alarm.closing is not None and alarm.closing.action == "end" and happening is not Happening.RISE
    told = replace(
        alarm,
        returned_at_ms=None,
        over_at_ms=None,
        count=alarm.count + 1,
        updated_at_ms=found.at_ms,
        closing=alarm.closing if ends else None,
        **_fields(found, TOLD),
    )
    last = Last(what=event.change, at_ms=at_ms)
    changed = moved(told, step, last)
    put(state, _worse(state, changed, last) if happening is Happening.RISE else changed, step)


def _raise(state: State, event: Finding, at_ms: int) -> None:
    found = event.detection
    if event.alarm in state.open or key_of(found) in state.current:
        raise ImpossibleError(f"alarm {event.alarm} is raised and open already")
    last = Last(what="raised", at_ms=at_ms)
    alarm = Alarm(
        id=event.alarm,
        last=last,
        changes=0,
        raised_at_ms=found.at_ms,
        updated_at_ms=found.at_ms,
        waiting_since_ms=at_ms,
        uncertain_since_ms=_silent_since_ms(state, found),
        **_fields(found, OF_WHAT + TOLD),
    )
    alarm = _worse(state, _turned(state, alarm, at_ms), last)
    state.put(replace(alarm, revision=1, unseen=bool(alarm.covers)))
    state.closed.discard(event.alarm)  # only where one event time opened, ended and opens again


def _worse(state: State, alarm: Alarm, last: Last) -> Alarm:
    """Return one that is raised or has risen: no shelf holds what is worse than it was made for."""
    shelf = state.shelf(alarm)
    if shelf is not None and alarm.level < shelf.level:
        state.drop_cover(shelf)
    return covered(state, alarm, last)


def _turned(state: State, alarm: Alarm, at_ms: int) -> Alarm:
    """Return an alarm whose condition begins or ends once more."""
    key = key_of(alarm)
    since_ms = at_ms - chattering.LONGEST_MS
    times = (*(one for one in state.restless.get(key, ()) if one >= since_ms), at_ms)[-chattering.REMEMBERED :]
    state.restless.discard(key)
    state.restless[key] = times
    for other in [one for one, seen in _first(state.restless.items()) if seen[-1] < since_ms]:
        del state.restless[other]
    calm_ms = chattering.calm_at_ms(times)
    if calm_ms is not None and alarm.calm_at_ms is not None:
        calm_ms = max(calm_ms, alarm.calm_at_ms)
    return replace(alarm, changes=alarm.changes + 1, calm_at_ms=calm_ms or alarm.calm_at_ms)


def _first(rows: Iterable[tuple[Key, tuple[int, ...]]]) -> Iterable[tuple[Key, tuple[int, ...]]]:
    """Yield the two that have changed least recently: so many are forgotten for each that comes."""
    return [one for one, _ in zip(rows, range(2), strict=False)]


def _let_return(state: State, alarm: Alarm, at_ms: int) -> None:
    """End the condition of an alarm, which nothing holds active any more."""
    happening = Happening.LATCH if alarm.latches else Happening.RETURN
    if alarm.unseen and not alarm.latches:
        happening = Happening.PASS
    step = step_of(alarm, happening)
    over = replace(alarm, returned_at_ms=alarm.over_at_ms, over_at_ms=None)
    put(state, moved(over, step, Last(what="cleared", at_ms=at_ms)), step)


def _hear(state: State, found: Detection) -> None:
    """Note whether something is heard, and what is not known for sure any more."""
    of = (found.city, found.entity)
    if found.level == 0:
        state.silent.discard(of)
    else:
        state.silent[of] = min(found.at_ms, state.silent.get(of, found.at_ms))
    for alarm in _about(state, found):
        since_ms = _silent_since_ms(state, alarm)
        if alarm.kind not in SILENCES and alarm.uncertain_since_ms != since_ms:
            state.put(replace(alarm, uncertain_since_ms=since_ms))


def _about(state: State, found: Detection) -> list[Alarm]:
    if found.kind != "feed_silent":
        return [state.open[one] for one in state.of_entity.get((found.city, found.entity), ())]
    return [one for one in state.open.values() if found.entity in _feeds(one)]


def _silent_since_ms(state: State, one: Detection | Alarm) -> int | None:
    """Return since when nothing is heard of what it is about, None = it is heard."""
    if one.kind in SILENCES:
        return None
    times = [state.silent.get((one.city, of)) for of in (one.entity, *_feeds(one))] if state.silent else []
    return min((time for time in times if time is not None), default=None)


def _feeds(one: Detection | Alarm) -> tuple[str, str]:
    return f"{FEED_PREFIX}{one.domain}", f"{FEED_PREFIX}{one.domain}:{one.zone}"


# --- refusals, time, versions -----------------------------------------------------------------------------------------


def _refuse(state: State, event: Refused, at_ms: int) -> None:
    state.outcomes[event.id] = Outcome(
        id=event.id,
        state="refused",
        alarm=event.alarm,
        reason=event.reason,
        by=event.by or "",
        by_desk=event.by_desk or "",
        did=event.did,
        did_at_ms=event.did_at_ms,
        at_ms=at_ms,
    )


def _reach(state: State, event: TimeReached) -> None:
    if event.cover:
        _reach_cover(state, event)
        return
    alarm = opened_one(state, event.alarm)
    if alarm.due_ms != event.at_ms:
        raise ImpossibleError(f"nothing of alarm {alarm.id} was due at {event.at_ms}")
    if event.what == "closed":
        if alarm.closing is None:
            raise ImpossibleError(f"alarm {alarm.id} was not closing")
        if _stands(alarm):
            state.muted[key_of(alarm)] = Muted(alarm.id, alarm.level)
        state.close(replace(alarm, closing=None, ended=alarm.closing))
    elif event.what == "calmed":
        calm = replace(alarm, calm_at_ms=None)
        if alarm.over_at_ms is None:
            state.put(calm)
        else:
            _let_return(state, calm, event.at_ms)
    else:
        step = step_of(alarm, Happening.LAPSE)
        state.put(moved(alarm, step, Last(what="lapsed", at_ms=event.at_ms)))


def _reach_cover(state: State, event: TimeReached) -> None:
    cover = state.covers.get(event.cover)
    if cover is None or cover.due_ms != event.at_ms:
        raise ImpossibleError(f"nothing of {event.cover}, which covers alarms, was due at {event.at_ms}")
    if is_over(cover, event.at_ms, state.clock):
        state.drop_cover(cover)
    else:
        state.put_cover(as_of(cover, event.at_ms, state.clock))
    recover_within(state, cover, Last(what=event.what, at_ms=event.at_ms))


def _set_clock(state: State, event: ClockSet, at_ms: int) -> None:
    state.clocks[NOW] = event.setting
    for cover in [one for one in state.covers.values() if one.window is not None]:
        changed = as_of(cover, at_ms, state.clock)
        if is_over(cover, at_ms, state.clock):
            state.drop_cover(cover)
        elif changed != cover:
            state.put_cover(changed)
        recover_within(state, cover, Last(what="uncovered" if cover.in_force else "covered", at_ms=at_ms))


def _retire(state: State, event: Retired) -> None:
    alarm = opened_one(state, event.alarm)
    key = key_of(alarm)
    if alarm.process == "active":
        if _stands(alarm):
            state.latent.discard(key)
            state.latent[key] = _finding_of(alarm, state.newest[key].known_ms)
        alarm = replace(alarm, process="returned", returned_at_ms=event.at_ms, updated_at_ms=event.at_ms)
    state.close(replace(alarm, retired=event.lack, over_at_ms=None))
    if alarm.kind in SILENCES:
        state.silent.discard(key[:2])


def _stands(alarm: Alarm) -> bool:
    """Tell whether its condition stands; one that is held because it chatters may be over."""
    return alarm.process == "active" and alarm.over_at_ms is None


def _finding_of(alarm: Alarm, known_ms: int) -> Detection:
    """Return the finding that opens the alarm as it stands."""
    return Detection(at_ms=alarm.raised_at_ms, known_at_ms=known_ms, **_fields(alarm, OF_WHAT + TOLD))


def _fields(of: Detection | Alarm, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
