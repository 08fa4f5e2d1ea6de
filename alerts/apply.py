"""What each event of the journal changes, with `alerts.found` for findings and `alerts.done` for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from alerts import figures, hearing, incidents, load
from alerts.alarm import Alarm, Last
from alerts.covering import recover_within
from alerts.covers import OF_RULE, as_of, is_over
from alerts.desks import man
from alerts.done import do
from alerts.earlier import ENGINE_TIMES, LIMITED, SEEN_TO, SPOKEN_FOR
from alerts.events import (
    ClockSet,
    DesksSet,
    Done,
    Finding,
    Presented,
    Refused,
    Released,
    Retired,
    Scheduled,
    TimeReached,
    Unreadable,
)
from alerts.found import find, finding_of, key_of, let_be
from alerts.judge_commands import KEY_USED
from alerts.moving import RETURN, ImpossibleError, moved, opened_one, step_of
from alerts.outcomes import Outcome
from alerts.reading import UNSIGNED
from alerts.state import NOW, Muted
from alerts.transitions import Happening

if TYPE_CHECKING:
    from alerts.covers import Cover
    from alerts.events import Event
    from alerts.state import State


def apply(state: State, event: Event, at_ms: int) -> None:
    """Change the state as the event says, at an engine time. Raises ImpossibleError before anything is changed."""
    if isinstance(event, Finding):
        find(state, event, at_ms)
    elif isinstance(event, Done):
        do(state, event, at_ms)
    elif isinstance(event, Refused):
        _refuse(state, event, at_ms)
    elif isinstance(event, TimeReached):
        _reach(state, event)
    elif isinstance(event, Presented):
        load.present(state, event)
    elif isinstance(event, Released):
        incidents.release(state, event)
    elif isinstance(event, ClockSet):
        _set_clock(state, event, at_ms)
    elif isinstance(event, Scheduled):
        _schedule(state, event, at_ms)
    elif isinstance(event, DesksSet):
        man(state, event.desks)
    elif isinstance(event, Retired):
        _retire(state, event)
    elif not isinstance(event, Unreadable):
        assert_never(event)
    hearing.settle(state)
    incidents.follow(state, at_ms)
    figures.follow(state, at_ms)
    load.settle(state, at_ms)
    name = event.change if isinstance(event, Finding) else str(event.__struct_config__.tag)
    state.counts[name] = state.counts.get(name, 0) + 1


def as_before(state: State, event: Event, version: int) -> None:
    """Put back, ahead of an event of an earlier version, what this one has let go of: the release of an incident."""
    if version < SPOKEN_FOR and isinstance(event, Released) and event.incident in state.incidents:
        state.groups.put(replace(state.incidents[event.incident], release_at_ms=event.at_ms))


def as_then(state: State, event: Event, at_ms: int, version: int) -> None:
    """Do at once, behind an event of an earlier version, what this one leaves to time: show alarms, and close them."""
    if version < LIMITED:
        load.show_all(state, at_ms)
    if version < ENGINE_TIMES and isinstance(event, Done):
        closing = state.open[event.alarm].closing
        if closing is not None:
            apply(state, TimeReached(alarm=event.alarm, what="closed", at_ms=closing.at_ms), 0)


def _refuse(state: State, event: Refused, at_ms: int) -> None:
    if event.command is not None and event.command.key and event.reason not in {KEY_USED, UNSIGNED}:
        state.keys[event.command.key] = event.id
    state.outcomes[event.id] = Outcome(
        id=event.id,
        state="refused",
        alarm=event.alarm,
        reason=event.reason,
        by=event.by or "",
        by_desk=event.by_desk or "",
        did=event.did,
        did_at_ms=event.did_at_ms,
        known=event.known,
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
        ended = None if alarm.closing.action == RETURN else alarm.closing
        state.close(replace(alarm, closing=None, ended=ended))
    elif event.what == "calmed":
        let_be(state, replace(alarm, calm_at_ms=None), event.at_ms)
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
    """Have all windows be as the new clock says, before any alarm is: where one follows another there is no gap."""
    state.clocks[NOW] = event.setting
    moved_ones = [one for one in state.covers.values() if one.window is not None]
    rounds = [sorted(moved_ones, key=_ending_first)] if state.version >= SEEN_TO else [[one] for one in moved_ones]
    for covers in rounds:
        for cover in covers:
            changed = as_of(cover, at_ms, state.clock)
            if is_over(cover, at_ms, state.clock):
                state.drop_cover(cover)
            elif changed != cover:
                state.put_cover(changed)
        for cover in covers:
            recover_within(state, cover, Last(what="uncovered" if cover.in_force else "covered", at_ms=at_ms))


def _ending_first(cover: Cover) -> tuple[bool, str]:
    return not cover.in_force, cover.id


def _schedule(state: State, event: Scheduled, at_ms: int) -> None:
    standing = state.covers.get(OF_RULE + event.kind)
    if standing is not None:
        state.drop_cover(standing)
    if event.cover is not None:
        state.put_cover(as_of(event.cover, at_ms, state.clock))
    of = event.cover or standing
    if of is not None:
        recover_within(state, of, Last(what="covered" if event.cover else "uncovered", at_ms=at_ms))


def _retire(state: State, event: Retired) -> None:
    alarm = opened_one(state, event.alarm)
    key = key_of(alarm)
    if alarm.process == "active":
        if _stands(alarm):
            state.latent.discard(key)
            state.latent[key] = finding_of(alarm, state.newest[key].known_ms)
        alarm = replace(alarm, process="returned", returned_at_ms=event.at_ms, updated_at_ms=event.at_ms)
    state.close(replace(alarm, retired=event.lack, over_at_ms=None))
    if alarm.kind in hearing.SILENCES:
        hearing.forget(state, alarm)


def _stands(alarm: Alarm) -> bool:
    """Tell whether its condition stands; one that is held because it chatters may be over."""
    return alarm.process == "active" and alarm.over_at_ms is None
