"""How many alarms each desk is shown: ten items in ten minutes, and every alarm of level I at once besides.

An item is an alarm that stands alone, or an incident: one card for all of its alarms. An alarm of level I is shown by
itself wherever it belongs. What has to wait is counted, listed and found all the same, and is shown as soon as the ten
minutes allow, the worst first, of those the one that waits longest. What somebody acknowledges meanwhile has been seen.

source  EEMUA 191, ISA-18.2 (a flood: more than ten in ten minutes); which ten: own choice
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from alerts.events import Presented
from alerts.incident import ALONE, Incident
from alerts.moving import ImpossibleError

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.state import State
    from alerts.tables import Queue

MOST = 10
IN_MS = 10 * 60_000


class Rank(NamedTuple):
    """What should be shown, by what comes first."""

    level: int
    since_ms: int
    item: str
    """Id of the alarm or incident."""
    is_incident: bool
    desk: str


def rank(one: Alarm | Incident | None) -> Rank | None:
    """Return with which rank it should be shown, None = it need not be, or was."""
    if one is None or one.presented_at_ms is not None:
        return None
    if isinstance(one, Incident):
        return Rank(one.folded_level, one.waiting_since_ms, one.id, True, one.desk) if one.asking else None
    folded = one.level > ALONE and (one.incident is not None or one.equipment)
    return Rank(one.level, one.waiting_since_ms, one.id, False, one.desk) if not folded and one.asks else None


def places(alarm: Alarm) -> tuple[str, ...]:
    """Return where an open alarm is counted: what covers it, else how the operators come by it; and if it chatters."""
    if alarm.covers:
        place: str = alarm.covers[0].what
    elif alarm.incident is not None and alarm.level > ALONE:
        place = "folded"
    elif alarm.equipment and alarm.level > ALONE:
        place = "equipment"
    else:
        place = "shown" if rank(alarm) is None else "waiting"
    return (place,) if alarm.calm_at_ms is None else (place, "chattering")


def settle(state: State, at_ms: int) -> None:
    """Show what the present event has made worth showing, or have it wait."""
    alarms = [(before, state.open.get(one)) for one, before in state.groups.touched_alarms.items()]
    incidents = [(before, state.incidents.get(one)) for one, before in state.groups.touched_incidents.items()]
    new = [found for before, one in (*alarms, *incidents) if (found := rank(one)) is not None and found != rank(before)]
    state.groups.settled()
    for one in sorted(new):
        if one.level == ALONE or free_at_ms(state, one.desk, at_ms) <= at_ms:
            show(state, one, at_ms)
        else:
            state.groups.wait(one)
    if new:
        state.groups.settled()


def queue(state: State) -> None:
    """Have all wait that should be shown and was not: a state that was read back."""
    ranks = [*map(rank, state.open.values()), *map(rank, state.incidents.values())]
    for one in ranks:
        if one is not None:
            state.groups.wait(one)


def show_all(state: State, at_ms: int) -> None:
    """Show all that waits, as was done before there was a limit."""
    for queue in list(state.groups.waiting.values()):
        while (first := _first(state, queue)) is not None:
            show(state, first, at_ms)
    state.groups.settled()


def due(state: State, now_ms: int) -> Presented | None:
    """Return what is to be shown next, and when; None = nothing is yet."""
    found = [one for desk in state.groups.waiting if (one := _next(state, desk, now_ms)) is not None]
    if not found:
        return None
    at_ms, first = min(found)
    return Presented(**{"incident" if first.is_incident else "alarm": first.item}, at_ms=at_ms)


def _next(state: State, desk: str, now_ms: int) -> tuple[int, Rank] | None:
    """Return what a desk is to be shown next, and when; None = nothing is yet."""
    at_ms = free_at_ms(state, desk, state.now_ms)
    first = _first(state, state.groups.waiting[desk]) if at_ms <= now_ms else None
    return None if first is None else (at_ms, first)


def present(state: State, event: Presented) -> None:
    """Show what has waited. Raises ImpossibleError where it did not."""
    found = rank(state.incidents.get(event.incident) if event.incident else state.open.get(event.alarm))
    if found is None:
        raise ImpossibleError(f"{event.alarm or event.incident} did not wait to be shown")
    show(state, found, event.at_ms)


def show(state: State, one: Rank, at_ms: int) -> None:
    """Note that the desk is shown it."""
    item = _item(state, one)
    if isinstance(item, Incident):
        state.groups.put(replace(item, presented_at_ms=at_ms))
    elif item is not None:
        state.put(replace(item, presented_at_ms=at_ms))
    if one.level > ALONE:
        state.shown[one.desk] = (*state.shown.get(one.desk, ()), at_ms)[-MOST:]


def _first(state: State, queue: Queue[Rank]) -> Rank | None:
    return queue.first(lambda one: rank(_item(state, one)) == one)


def _item(state: State, one: Rank) -> Alarm | Incident | None:
    return state.incidents.get(one.item) if one.is_incident else state.open.get(one.item)


def free_at_ms(state: State, desk: str, now_ms: int) -> int:
    """Return from when on a desk may be shown one more; times after `now_ms` are of no engine time and do not count."""
    lately = [one for one in state.shown.get(desk, ()) if now_ms - IN_MS <= one <= now_ms]
    return now_ms if len(lately) < MOST else lately[0] + IN_MS + 1
