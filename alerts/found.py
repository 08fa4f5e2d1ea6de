"""What a finding changes: the alarm it is of, what it says of others, and what is news from now on."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from alerts import chattering, incidents
from alerts.alarm import Alarm, Last
from alerts.covering import covered
from alerts.earlier import LIMITED, SEEN_TO, STEADIED
from alerts.hearing import SILENCES, follow, hear, uncertain_since_ms
from alerts.moving import ImpossibleError, moved, opened_one, put, step_of
from alerts.state import LATEST, Newest
from alerts.transitions import Effect, Happening, Standing, Step
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.events import Finding
    from alerts.state import Key, State
    from streams.contract.level import Level

OF_WHAT = ("city", "domain", "kind", "entity")
"""What a finding and its alarm both say, and no later finding of it changes …"""
TOLD = ("zone", "level", "value", "limit", "unit", "basis", "evidence", "processor")
_told = attrgetter(*TOLD)
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
LATCHED_ONCE = Step(Standing.ACKNOWLEDGED, frozenset({Effect.COUNT}))
"""Where the condition of a latched, acknowledged alarm led that came back, before version 10."""


def key_of(one: Detection | Alarm) -> Key:
    """Return what may have one open alarm."""
    return (one.city, one.entity, one.kind)


def find(state: State, event: Finding, at_ms: int) -> None:
    """Change the state as a finding says, at an engine time. Raises ImpossibleError where it cannot be."""
    if event.change == "future":
        return
    found, key = event.detection, key_of(event.detection)
    if event.change in OF_CHANGE:
        _to_alarm(state, event, at_ms)
        if (alarm := state.open.get(state.current.get(key, ""))) is not None:
            follow(state, alarm)
    for device in event.blinding:
        incidents.unhide(state, opened_one(state, device), at_ms)
    state.newest[key] = _with(state.newest.get(key), found)
    state.times[LATEST] = max(state.latest_ms, found.known_ms)
    state.latent.discard(key)
    if event.change == "evidence":
        state.latent[key] = found
    if event.change != "ended":
        state.muted.discard(key)
    if found.kind in SILENCES and event.change != "evidence":
        hear(state, found)


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
        latches = happening is Happening.LATCH
        over = replace(alarm, over_at_ms=found.at_ms, updated_at_ms=found.at_ms, latches=latches, newest_level=None)
        over = _turned(state, over, at_ms)
        if over.calm_at_ms is None:
            let_return(state, over, at_ms)
        else:
            state.put(over)
        return
    if event.change == "returned" and found.level < alarm.level:
        happening = Happening.RISE
    if event.change == "returned" or alarm.over_at_ms is not None:
        alarm = _turned(state, alarm, at_ms)
    elif alarm.fell_at_ms is not None and found.level < (alarm.newest_level or alarm.level):
        alarm = _turned(state, alarm, alarm.fell_at_ms, at_ms)
    step = _step(state, alarm, happening)
    ends = alarm.closing is not None and alarm.closing.action == "end" and happening is not Happening.RISE
    told = replace(
        alarm,
        returned_at_ms=None,
        over_at_ms=None,
        count=alarm.count + 1,
        updated_at_ms=found.at_ms,
        closing=alarm.closing if ends else None,
        **dict(zip(TOLD, _told(found), strict=True)) | _levels(state, alarm, found.level, at_ms),
    )
    last = Last(what=_what(state, event.change, happening), at_ms=at_ms)
    changed = moved(told, step, last)
    if happening is Happening.RISE:
        changed = _worse(state, changed, last)
    put(state, _where_it_is(state, changed, at_ms) if state.version >= SEEN_TO else changed, step, at_ms)


def _step(state: State, alarm: Alarm, happening: Happening) -> Step:
    """Return where a finding with a level leads; what was latched and acknowledged once stayed so."""
    stays = state.version < STEADIED and happening is not Happening.RISE
    if stays and alarm.standing is Standing.LATCHED_ACKNOWLEDGED:
        return LATCHED_ONCE
    return step_of(alarm, happening)


def _what(state: State, change: str, happening: Happening) -> str:
    """Name what makes a revision, if there is one: a condition that comes back is raised, or has risen."""
    if change != "returned" or state.version < STEADIED:
        return change
    return "risen" if happening is Happening.RISE else "raised"


def _levels(state: State, alarm: Alarm, level: Level, at_ms: int) -> dict[str, int | None]:
    """Return what a finding makes of an alarm's levels: one that is active and chatters does not fall."""
    if state.version < STEADIED:
        return {"level": level}
    falls = level > (alarm.newest_level or alarm.level)
    chatters = alarm.process == "active" and alarm.calm_at_ms is not None
    holds = chatters and level > alarm.level
    return {
        "level": alarm.level if holds else level,
        "newest_level": level if holds else None,
        "fell_at_ms": at_ms if falls else alarm.fell_at_ms,
    }


def _where_it_is(state: State, alarm: Alarm, at_ms: int) -> Alarm:
    """Return an alarm whose entity may be in another zone now: what covers it there, and whether it is heard there."""
    since_ms = uncertain_since_ms(state, alarm)
    if alarm.uncertain_since_ms != since_ms:
        alarm = replace(alarm, uncertain_since_ms=since_ms)
    return covered(state, alarm, Last(what="covered" if state.over(alarm) else "uncovered", at_ms=at_ms))


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
        ears=() if event.placed is None else event.placed.ears,
        **_fields(found, OF_WHAT + TOLD),
    )
    alarm = replace(alarm, uncertain_since_ms=uncertain_since_ms(state, alarm))
    alarm = _worse(state, _turned(state, alarm, at_ms), last)
    if state.version >= SEEN_TO:
        incidents.forget(state, event.alarm)
    state.closed.discard(event.alarm)  # only where one event time opened, ended and opens again
    incidents.place(state, replace(alarm, revision=1, unseen=bool(alarm.covers)), event.placed, at_ms)


def _worse(state: State, alarm: Alarm, last: Last) -> Alarm:
    """Return one that is raised or has risen: no shelf holds what is worse than it was made for."""
    shelf = state.shelf(alarm)
    if shelf is not None and alarm.level < shelf.level:
        state.drop_cover(shelf)
    return covered(state, alarm, last)


def _turned(state: State, alarm: Alarm, *at_ms: int) -> Alarm:
    """Return an alarm whose condition begins or ends once more, or whose level fell and has come back."""
    key = key_of(alarm)
    since_ms = at_ms[-1] - chattering.LONGEST_MS
    times = (*(one for one in (*state.restless.get(key, ()), *at_ms) if one >= since_ms),)[-chattering.REMEMBERED :]
    state.restless.discard(key)
    state.restless[key] = times
    for other in [one for one, seen in _first(state.restless.items()) if seen[-1] < since_ms]:
        del state.restless[other]
    calm_ms = chattering.calm_at_ms(times) if state.version >= LIMITED else None
    if calm_ms is not None and alarm.calm_at_ms is not None:
        calm_ms = max(calm_ms, alarm.calm_at_ms)
    changes = alarm.changes + len(at_ms)
    return replace(alarm, changes=changes, calm_at_ms=calm_ms or alarm.calm_at_ms, fell_at_ms=None)


def _first(rows: Iterable[tuple[Key, tuple[int, ...]]]) -> Iterable[tuple[Key, tuple[int, ...]]]:
    """Yield the two that have changed least recently: so many are forgotten for each that comes."""
    return [one for one, _ in zip(rows, range(2), strict=False)]


def let_be(state: State, alarm: Alarm, at_ms: int) -> None:
    """Have an alarm that nothing holds any more be as its newest finding says."""
    if alarm.over_at_ms is not None:
        let_return(state, alarm, at_ms)
    elif alarm.newest_level is None:
        state.put(alarm)
    else:
        state.put(_where_it_is(state, replace(alarm, level=alarm.newest_level, newest_level=None), at_ms))


def let_return(state: State, alarm: Alarm, at_ms: int) -> None:
    """End the condition of an alarm, which nothing holds active any more."""
    happening = Happening.LATCH if alarm.latches else Happening.RETURN
    if alarm.unseen and not alarm.latches:
        happening = Happening.PASS
    step = step_of(alarm, happening)
    over = replace(alarm, returned_at_ms=alarm.over_at_ms, over_at_ms=None)
    put(state, moved(over, step, Last(what="cleared", at_ms=at_ms)), step, at_ms)


def finding_of(alarm: Alarm, known_ms: int) -> Detection:
    """Return the finding that opens the alarm as it stands."""
    return Detection(at_ms=alarm.raised_at_ms, known_at_ms=known_ms, **_fields(alarm, OF_WHAT + TOLD))


def _fields(of: Detection | Alarm, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
