"""How what a person did is taken back: what was, is put back where nothing has changed it since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts import incidents
from alerts.alarm import Closing
from alerts.covering import recover_within
from alerts.covers import as_of, is_over
from alerts.desks import back_at
from alerts.earlier import GIVEN_BACK, SEEN_TO, STEADIED
from alerts.incident import about
from alerts.moving import RETURN, UNDO_MS, ImpossibleError, last_of, of_whole, opened_one, revised

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Last
    from alerts.commands import Undo
    from alerts.state import State, Was


def undo(state: State, command: Undo, at_ms: int) -> int:
    """Put back what was → the revision of its alarm."""
    was, done = state.undoable.get(command.command), state.outcomes.get(command.command)
    if was is None:
        raise ImpossibleError(f"{command.command} cannot be undone")
    del state.undoable[command.command]
    if done is not None:
        undone = replace(done, state="superseded", by=command.who, by_desk=command.desk, did="undo", did_at_ms=at_ms)
        state.outcomes[command.command] = undone
    last = last_of(command, at_ms)
    if was.made in state.covers:
        cover = state.covers[was.made]
        state.drop_cover(cover)
        recover_within(state, cover, last)
    gone = was.took_away is not None and state.version >= SEEN_TO and is_over(was.took_away, at_ms, state.clock)
    if was.took_away is not None and not gone:
        state.put_cover(as_of(was.took_away, at_ms, state.clock))
        recover_within(state, was.took_away, last)
    for one in was.others:
        alarm = state.open.get(one.alarm)
        if alarm is not None and alarm.revision == one.revision:
            _put_back(state, of_whole(alarm, last), one, last)
    if was.gave:
        _take_again(state, was.incident, was)
    elif was.incident in state.incidents and state.version >= GIVEN_BACK:
        incidents.untake(state, state.incidents[was.incident], was, last)
    elif was.incident in state.incidents:
        incidents.take(state, state.incidents[was.incident], None)
    return _put_back(state, opened_one(state, was.alarm), was, last) if was.alarm else 0


def _put_back(state: State, alarm: Alarm, was: Was, last: Last) -> int:
    taken = was.taken
    if taken is not None and taken.until_ms is not None and state.version >= SEEN_TO and taken.until_ms <= last.at_ms:
        taken = None
    back = replace(alarm, taken=taken, closing=was.closing, assigned=was.assigned, escalated=was.escalated)
    if state.version >= STEADIED and back.process == "returned" and taken is not None and back.closing is None:
        back = replace(back, closing=Closing(action=RETURN, who=taken.who, at_ms=last.at_ms + UNDO_MS))
    incident = state.incidents.get(alarm.incident or "")
    if was.held is not None and incident is not None:
        incidents.hand(state, incident, *was.held)
    elif was.held is not None:
        back = replace(back, presented_at_ms=was.held.presented_at_ms)
    if was.group is not None:
        group, under = was.group
        if state.version >= SEEN_TO:
            incidents.leave(state, alarm)
        if state.version >= STEADIED:
            group = _again(state, group)
        back = replace(back, incident=group if group in state.incidents else None, under=under)
    if alarm.revision == was.revision:
        back = revised(back, last)
    state.put(back)
    _take_again(state, alarm.incident or "", was)
    if was.spoke and back.incident is not None:
        _speak_again(state, back, last.at_ms)
    return back.revision


def _take_again(state: State, incident_id: str, was: Was) -> None:
    """Have an incident be acknowledged as it was, where nobody has acknowledged it since."""
    incident = state.incidents.get(incident_id)
    if was.whole is not None and incident is not None and incident.taken is None:
        incidents.take(state, incident, *was.whole)


def _again(state: State, incident_id: str | None) -> str | None:
    """Return the incident that an alarm comes back to: one that ended meanwhile is open again, or what took it over."""
    while incident_id is not None and incident_id not in state.incidents:
        ended = state.ended.get(incident_id)
        if ended is None or ended.merged_into is None:
            break
        incident_id = ended.merged_into
    ended = state.ended.get(incident_id or "")
    if ended is not None and ended.id not in state.incidents:  # one may have begun anew under its id
        state.ended.discard(ended.id)
        state.groups.put(replace(ended, end=None, desk=back_at(state.desks, ended)))
    left = state.incidents.get(incident_id or "")
    if left is not None:
        state.groups.put(replace(left, alarms_count=left.alarms_count - 1))  # it counts as one that came but once
    return incident_id


def _speak_again(state: State, alarm: Alarm, at_ms: int) -> None:
    """Have an alarm that is back in its incident be the cause of it once more."""
    incident = state.incidents[alarm.incident or ""]
    release_ms = None if alarm.process == "active" else at_ms + incidents.RELEASE_MS
    state.groups.put(replace(incident, release_at_ms=release_ms, **about(alarm)))
