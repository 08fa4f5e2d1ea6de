"""What a person's command changes, once it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts import incidents
from alerts.alarm import Closing, Handed, Last, Taken
from alerts.commands import (
    Acknowledge,
    Assign,
    Escalate,
    Fold,
    Note,
    OfCommand,
    OfPlace,
    Shelve,
    Split,
    Suppress,
    Unacknowledge,
    Undo,
    Unshelve,
    Warn,
    Where,
)
from alerts.covering import covered, recover_within
from alerts.covers import Cover, as_of
from alerts.desks import Held
from alerts.earlier import GIVEN_BACK, SEEN_TO
from alerts.moving import UNDO_MS, ImpossibleError, last_of, moved, of_whole, opened_one, revised, step_of
from alerts.outcomes import Outcome
from alerts.state import Was
from alerts.transitions import Effect, Happening
from alerts.undoing import undo

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.commands import AlarmCommand, PlaceCommand
    from alerts.events import Done
    from alerts.state import State


def do(state: State, event: Done, at_ms: int) -> None:
    """Do what was commanded, at an engine time. Raises ImpossibleError where it cannot be."""
    command = event.command
    if command.key:
        state.keys[command.key] = command.id
    revision = count = 0
    if isinstance(command, OfPlace):
        count = _cover(state, command, at_ms)
    elif isinstance(command, Undo):
        revision = undo(state, command, at_ms)
    elif isinstance(command, Acknowledge | Unacknowledge) and command.incident:
        count = _to_incident(state, command, at_ms)
    elif isinstance(command, OfCommand):
        count = _uncover(state, command, at_ms)
    elif isinstance(command, Warn) and event.alarm in state.closed:
        revision = state.closed[event.alarm].revision
    else:
        changed = _to_alarm(state, opened_one(state, event.alarm), command, at_ms)
        state.put(changed)
        revision = changed.revision
    state.outcomes[command.id] = Outcome(
        id=command.id, state="done", alarm=event.alarm, revision=revision, covers_count=count, at_ms=at_ms
    )


def _to_alarm(state: State, alarm: Alarm, command: AlarmCommand, at_ms: int) -> Alarm:
    if isinstance(command, Note):
        return replace(alarm, notes_count=alarm.notes_count + 1)
    last = last_of(command, at_ms)
    made, took_away, held = "", None, None
    spoke = alarm.incident is not None and state.incidents[alarm.incident].cause == alarm.id
    if isinstance(command, Shelve):
        made = _shelve(state, alarm, command, at_ms).id
        changed = covered(state, alarm, last)
    elif isinstance(command, Unshelve):
        took_away = _unshelve(state, alarm)
        changed = covered(state, alarm, last)
    elif isinstance(command, Fold):
        changed = revised(incidents.fold(state, alarm, command, at_ms), last)
    elif isinstance(command, Split):
        changed = revised(incidents.split(state, alarm), last)
    elif isinstance(command, Assign | Escalate):
        given, held = _handed(state, alarm, command, at_ms)
        changed = revised(given, last)
    else:
        changed = _step(alarm, command, last)
    was = replace(_was(alarm, changed, last), made=made, took_away=took_away, held=held)
    if isinstance(command, Unacknowledge) and state.version >= GIVEN_BACK:
        was = replace(was, whole=incidents.give_back(state, alarm))
    if isinstance(command, Fold | Split):
        was = replace(was, group=(alarm.incident, alarm.under), spoke=spoke and state.version >= SEEN_TO)
    state.undoable[command.id] = was
    return changed


def _handed(state: State, alarm: Alarm, command: Assign | Escalate, at_ms: int) -> tuple[Alarm, Held | None]:
    """Return an alarm as it was handed over, and whose it was if it is another desk's now.

    With it goes its incident. The other desk is shown anew what still calls for somebody.
    """
    handed = Handed(to=command.to, who=command.who, desk=command.desk, at_ms=at_ms)
    given = replace(alarm, **{"assigned" if isinstance(command, Assign) else "escalated": handed})
    if not state.desks or handed.to == alarm.desk:
        return given, None
    incident = state.incidents.get(alarm.incident or "")
    if incident is None:
        held = Held(alarm.desk, "", alarm.presented_at_ms)
        return (replace(given, presented_at_ms=None) if alarm.asks else given), held
    shown_ms = None if incident.asking else incident.presented_at_ms
    incidents.hand(state, incident, handed.to, handed.to, shown_ms)
    return given, Held(incident.desk, incident.handed, incident.presented_at_ms)


def _was(alarm: Alarm, changed: Alarm, last: Last) -> Was:
    """Return what an undo puts back of an alarm."""
    return Was(
        who=last.who,
        at_ms=last.at_ms,
        alarm=alarm.id,
        revision=changed.revision,
        taken=alarm.taken,
        closing=alarm.closing,
        assigned=alarm.assigned,
        escalated=alarm.escalated,
    )


def _to_incident(state: State, command: Acknowledge | Unacknowledge, at_ms: int) -> int:
    """Acknowledge what an incident has now, or give back what of it is acknowledged → how many alarms."""
    incident = state.incidents.get(command.incident)
    if incident is None:
        raise ImpossibleError(f"incident {command.incident} is not open")
    gives = isinstance(command, Unacknowledge)
    found = (incidents.members_to_give_back if gives else incidents.members_to_take)(state, incident)
    last, others = last_of(command, at_ms), []
    for alarm in found:
        changed = of_whole(_step(alarm, command, last), last)
        others.append(_was(alarm, changed, last))
        state.put(changed)
    whole = None if not gives or incident.taken is None else (incident.taken, incident.taken_level)
    incidents.take(state, incident, None if isinstance(command, Unacknowledge) else _taken(command, at_ms))
    was = Was(who=command.who, at_ms=at_ms, incident=incident.id, others=tuple(others), gave=gives, whole=whole)
    state.undoable[command.id] = was
    return len(found)


def _step(alarm: Alarm, command: AlarmCommand, last: Last) -> Alarm:
    """Return the alarm behind the step that the table has for the command."""
    step = step_of(alarm, Happening(command.action))
    taken = _taken(command, last.at_ms) if isinstance(command, Acknowledge) else None
    found = moved(alarm, step, last, taken)
    if Effect.CLOSE_LATER not in step.effects:
        return replace(found, closing=None)
    return replace(found, closing=Closing(action=command.action, who=command.who, at_ms=last.at_ms + UNDO_MS))


def _taken(command: Acknowledge, at_ms: int) -> Taken:
    until_ms = None if command.for_ms is None else at_ms + command.for_ms
    return Taken(who=command.who, desk=command.desk, why=command.why, at_ms=at_ms, until_ms=until_ms)


# --- covers -----------------------------------------------------------------------------------------------------------


def _shelve(state: State, alarm: Alarm, command: Shelve, at_ms: int) -> Cover:
    cover = Cover(
        id=command.id,
        what="shelved",
        city=alarm.city,
        where=Where(kind=alarm.kind, entity=alarm.entity),
        who=command.who,
        desk=command.desk,
        why=command.why,
        at_ms=at_ms,
        until_ms=at_ms + command.for_ms,
        level=alarm.level,
    )
    state.put_cover(as_of(cover, at_ms, state.clock))
    return cover


def _unshelve(state: State, alarm: Alarm) -> Cover:
    shelf = state.shelf(alarm)
    if shelf is None:
        raise ImpossibleError(f"alarm {alarm.id} was not shelved")
    state.drop_cover(shelf)
    return shelf


def _cover(state: State, command: PlaceCommand, at_ms: int) -> int:
    """Cover a place → how many open alarms it has."""
    cover = Cover(
        id=command.id,
        what="suppressed" if isinstance(command, Suppress) else "out_of_service",
        city=command.city,
        where=command.where,
        who=command.who,
        desk=command.desk,
        why=command.why,
        at_ms=at_ms,
        window=command.window if isinstance(command, Suppress) else None,
    )
    state.put_cover(as_of(cover, at_ms, state.clock))
    state.undoable[command.id] = Was(who=command.who, at_ms=at_ms, made=command.id)
    return recover_within(state, cover, last_of(command, at_ms))


def _uncover(state: State, command: OfCommand, at_ms: int) -> int:
    cover = state.covers.get(command.command)
    if cover is None:
        raise ImpossibleError(f"{command.command} covers nothing")
    state.drop_cover(cover)
    state.undoable[command.id] = Was(who=command.who, at_ms=at_ms, took_away=cover)
    return recover_within(state, cover, last_of(command, at_ms))
