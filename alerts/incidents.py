"""What makes, joins and ends incidents in the state. Who belongs with whom was decided before: `alerts.causes`.

An incident keeps its id for as long as one alarm of it is open. Its cause may change to a better one; a cause that
ended stays what it was. When the cause is over its members are not told at once, for they may end as well: what still
stands `RELEASE_MS` later stands by itself, as one incident that the operators are shown anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts import figures
from alerts.alarm import Last, Under
from alerts.desks import back_at, home
from alerts.earlier import STEADIED
from alerts.events import Released
from alerts.incident import ALONE, End, Incident, about, asks_on_card
from alerts.moving import ImpossibleError, moved, of_whole, step_of
from alerts.rules.record import Words
from alerts.transitions import Happening

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Taken
    from alerts.commands import Fold
    from alerts.events import Placed
    from alerts.state import State, Was

BURST = 3
"""So many alarms of a kind in a zone, raised within the time in which a desk is shown ten items, come thick."""
RELEASE_MS = 5 * 60_000
"""Own choice: as long as a sensor's silence takes to be told, by which one that stays silent would have been."""


def place(state: State, alarm: Alarm, placed: Placed | None, at_ms: int) -> None:
    """Put a new alarm where it belongs; one that joins what somebody has acknowledged is acknowledged with it."""
    alarm = replace(alarm, equipment=placed is not None and placed.equipment, desk=home(state.desks, alarm))
    figures.note(state, alarm, at_ms)
    of = (alarm.city, alarm.kind, alarm.zone)
    state.bursts[of] = (*state.bursts.get(of, ()), (at_ms, alarm.id))[1 - BURST :]
    if placed is None or not placed.incident:
        state.put(alarm if placed is None else replace(alarm, under=placed.elsewhere))
        return
    before = state.incidents.get(placed.incident)
    _join(state, alarm, placed, at_ms)
    taken = None if before is None or alarm.covers else _taken_for(before, alarm, at_ms)
    if taken is not None:
        last = Last(what="acknowledge", who=taken.who, desk=taken.desk, at_ms=at_ms)
        state.put(of_whole(moved(state.open[alarm.id], step_of(alarm, Happening.ACKNOWLEDGE), last, taken), last))


def unhide(state: State, device: Alarm, at_ms: int) -> None:
    """Have an alarm of equipment call for somebody from now on: it hides something grave."""
    shown = replace(device, equipment=False, waiting_since_ms=at_ms)
    figures.note(state, shown, at_ms)
    state.put(shown)


def _taken_for(incident: Incident, alarm: Alarm, at_ms: int) -> Taken | None:
    """Return the acknowledgement of an incident that holds for what joins it, too."""
    taken = incident.taken
    if taken is None or incident.asking or (taken.until_ms is not None and taken.until_ms <= at_ms):
        return None
    return taken if alarm.level > ALONE and alarm.level >= incident.taken_level else None


def members_to_take(state: State, incident: Incident) -> list[Alarm]:
    """Return what an acknowledgement of the whole acknowledges; what is of level I stands for itself."""
    return [one for one in _folded(state, incident) if one.asks]


def members_to_give_back(state: State, incident: Incident) -> list[Alarm]:
    """Return what a person gives back with the whole."""
    return [one for one in _folded(state, incident) if one.taken is not None and one.closing is None]


def _folded(state: State, incident: Incident) -> list[Alarm]:
    members = [state.open[one] for one in sorted(state.groups.members.of(incident.id))]
    return [one for one in members if one.level > ALONE]


def take(state: State, incident: Incident, taken: Taken | None, level: int | None = None) -> None:
    """Note who has acknowledged the whole, None = nobody; for what is no worse than a level, None = as it is now."""
    incident = state.incidents[incident.id]
    state.groups.put(replace(incident, taken=taken, taken_level=incident.folded_level if level is None else level))


def give_back(state: State, alarm: Alarm) -> tuple[Taken, int] | None:
    """Have nobody hold an incident any more by the acknowledgement that a member gives back → what it was."""
    incident = state.incidents.get(alarm.incident or "")
    if incident is None or incident.taken is None or incident.taken != alarm.taken:
        return None
    take(state, incident, None)
    return incident.taken, incident.taken_level


def untake(state: State, incident: Incident, was: Was, last: Last) -> None:
    """Take an acknowledgement of the whole back, and that of what joined under it; another one by now stays."""
    taken, known = incident.taken, {one.alarm for one in was.others}
    if taken is None or (taken.who, taken.at_ms) != (was.who, was.at_ms):
        return
    for one in sorted(state.groups.members.of(incident.id)):
        alarm = state.open[one]
        if alarm.taken == taken and one not in known and alarm.closing is None:
            state.put(of_whole(moved(alarm, step_of(alarm, Happening.UNACKNOWLEDGE), last), last))
    take(state, incident, None)


def fold(state: State, alarm: Alarm, command: Fold, at_ms: int) -> Alarm:
    """Return an alarm in the incident that a person named by its id or by that of an alarm."""
    target = state.open.get(command.into)
    incident_id = command.into if target is None else target.incident
    if incident_id is None and target is not None:
        incident_id = command.id
        state.groups.put(replace(_begun(incident_id, target, at_ms), presented_at_ms=target.presented_at_ms))
        state.put(replace(target, incident=incident_id))
    if incident_id is None or incident_id not in state.incidents:
        raise ImpossibleError(f"there is no incident {command.into}")
    incident = state.incidents[incident_id]
    of = incident.cause if target is None else target.id
    why = Words(zh=f"{command.who} 手动归并。", en=f"Put there by {command.who}.")
    under = Under(of=of, because="hand", why=why)
    leave(state, alarm)
    state.groups.put(replace(incident, newest=under))
    return replace(alarm, incident=incident_id, under=under)


def hand(state: State, incident: Incident, to: str, handed: str, presented_at_ms: int | None) -> None:
    """Have another desk see to an incident, and all that is in it."""
    given = replace(incident, desk=to, handed=handed, presented_at_ms=presented_at_ms)
    state.groups.put(replace(given, desk=back_at(state.desks, given)) if state.version >= STEADIED else given)
    for one in sorted(state.groups.members.of(incident.id)):
        state.put(state.open[one])


def split(state: State, alarm: Alarm) -> Alarm:
    """Return an alarm that stands alone; if it was its incident's cause, the worst and oldest of the rest is that."""
    incident = state.incidents.get(alarm.incident or "")
    if incident is None:
        raise ImpossibleError(f"alarm {alarm.id} is in no incident")
    leave(state, alarm)
    return replace(alarm, incident=None, under=None)


def leave(state: State, left: Alarm) -> None:
    """Have the worst and oldest of the rest speak for an incident whose cause leaves it."""
    incident = state.incidents.get(left.incident or "")
    if incident is None or incident.cause != left.id:
        return
    rest = [state.open[one] for one in state.groups.members.of(incident.id) if one != left.id]
    if rest:
        state.groups.put(replace(incident, release_at_ms=None, **about(min(rest, key=_order))))


def forget(state: State, alarm_id: str) -> None:
    """Have another alarm speak for an incident whose cause has ended, and is raised anew under its id, maybe elsewhere.

    What was to be released of it still is.
    """
    ended = state.closed.get(alarm_id)
    incident = None if ended is None else state.incidents.get(ended.incident or "")
    if incident is not None and incident.cause == alarm_id:
        members = [state.open[one] for one in state.groups.members.of(incident.id)]
        state.groups.put(replace(incident, **about(min(members, key=_order))))


def _order(one: Alarm) -> tuple[int, int, str]:
    return one.level, one.raised_at_ms, one.id


def _join(state: State, alarm: Alarm, placed: Placed, at_ms: int) -> None:
    """Bring a new alarm and those that belong with it into their incident."""
    others = [placed.under.of] if placed.under is not None else []
    met = [one for one in map(state.open.get, dict.fromkeys([*others, *placed.others])) if one is not None]
    before = state.incidents.get(placed.incident)
    cause = state.open.get(placed.cause, alarm)
    incident = before or _begun(placed.incident, cause, at_ms)
    speaking = [one for one in met if one.level > ALONE or not placed.apart]
    items: list[Alarm | Incident] = [*speaking, *_incidents(state, met)]
    shown = [one.presented_at_ms for one in items if one.desk == incident.desk]
    found = replace(
        incident,
        newest=placed.under or placed.over,
        release_at_ms=None if before is None or cause.process == "active" else before.release_at_ms,
        presented_at_ms=min((one for one in shown if one is not None), default=None),
        **about(cause),
    )
    state.groups.put(found)
    for one in met:
        why = placed.over if one.under is None and one.id in placed.others else one.under
        _bring(state, replace(one, under=why), placed.incident)
    _bring(state, replace(alarm, under=placed.under or placed.elsewhere), placed.incident)


def _begun(incident_id: str, cause: Alarm, at_ms: int) -> Incident:
    return Incident(
        id=incident_id,
        city=cause.city,
        opened_at_ms=at_ms,
        waiting_since_ms=at_ms,
        desk=cause.desk,
        **about(cause),
    )


def _incidents(state: State, alarms: list[Alarm]) -> list[Incident]:
    return [state.incidents[one.incident] for one in alarms if one.incident is not None]


def _bring(state: State, alarm: Alarm, incident_id: str) -> None:
    """Have an alarm in an incident, with all that are in its own."""
    left = alarm.incident
    state.put(replace(alarm, incident=incident_id))
    if left is None or left == incident_id:
        return
    for one in sorted(state.groups.members.of(left)):
        state.put(replace(state.open[one], incident=incident_id))
    state.ended[left] = replace(state.ended[left], merged_into=incident_id)


def follow(state: State, at_ms: int) -> None:
    """See to the incidents of which the present event has changed the cause: it is over, or stands again."""
    for before in list(state.groups.touched_alarms.values()):
        incident = None if before is None or before.incident is None else state.incidents.get(before.incident)
        if before is None or incident is None or incident.cause != before.id:
            continue
        alarm = state.open.get(before.id)
        stands = alarm is not None and alarm.process == "active"
        if alarm is None and before.process != "active" and incident.release_at_ms is None:
            leave(state, before)  # what was to stand by itself stands already, or nothing does
        elif stands != (before.process == "active"):
            state.groups.put(replace(incident, release_at_ms=None if stands else at_ms + RELEASE_MS))
    for one in state.groups.touched_incidents:
        ended = state.ended.get(one)
        if ended is not None and ended.end is None:
            state.ended[one] = replace(ended, end=_end(state, ended, at_ms))


def _end(state: State, incident: Incident, at_ms: int) -> End:
    """Return how the present event has ended an incident."""
    touched = state.groups.touched_alarms.items()
    left = [name for name, before in touched if before is not None and before.incident == incident.id]
    last = left[-1] if left else ""
    alarm, gone_on = state.closed.get(last), state.open.get(last)
    if gone_on is not None:
        if incident.merged_into is not None:
            return End(at_ms=at_ms, because="merged", taken=gone_on.taken)
        who = gone_on.last.who if gone_on.last.at_ms == at_ms else ""
        return End(at_ms=at_ms, because="moved", who=who, taken=gone_on.taken)
    if alarm is None or alarm.retired is not None:
        return End(at_ms=at_ms, because="retired", taken=None if alarm is None else alarm.taken)
    by = alarm.ended
    if by is not None and by.action == "end":
        return End(at_ms=at_ms, because="ended", who=by.who, taken=alarm.taken)
    return End(at_ms=at_ms, because="returned", taken=alarm.taken)


def due(state: State, now_ms: int) -> Released | None:
    """Return the release that is due first, None = none is yet."""
    first = state.groups.releases.first(lambda one: _waits(state, one))
    return None if first is None or first[0] > now_ms else Released(incident=first[1], at_ms=first[0])


def _waits(state: State, one: tuple[int, str]) -> bool:
    incident = state.incidents.get(one[1])
    return incident is not None and incident.release_at_ms == one[0]


def release(state: State, event: Released) -> None:
    """Have what still stands in an incident stand by itself: the worst and oldest of it speaks for the rest.

    Raises ImpossibleError where nothing was to be released.
    """
    incident = state.incidents.get(event.incident)
    if incident is None or incident.release_at_ms != event.at_ms:
        raise ImpossibleError(f"nothing of incident {event.incident} was due at {event.at_ms}")
    members = [state.open[one] for one in state.groups.members.of(incident.id)]
    standing = [one for one in members if one.process == "active"]
    freed = replace(incident, release_at_ms=None)
    if members and not standing and incident.cause not in state.open:
        freed = replace(freed, **about(min(members, key=_order)))
    if standing:
        cause = min(standing, key=_order)
        is_burst = incident.newest is not None and incident.newest.because == "burst"
        told = is_burst or not any(map(asks_on_card, standing))
        shown_ms = incident.presented_at_ms if told else None
        freed = replace(
            freed,
            presented_at_ms=shown_ms,
            waiting_since_ms=event.at_ms,
            **about(cause),
        )
    state.groups.put(freed)
