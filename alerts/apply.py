"""What each event of the journal changes: the only place that changes the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from msgspec.structs import replace

from alerts.alarm import Alarm, Closing, Last, Taken
from alerts.commands import Acknowledge, Note, Undo
from alerts.events import Done, Finding, Refused, Retired, TimeReached, Unreadable
from alerts.outcomes import Outcome
from alerts.state import LATEST, Muted, Newest
from alerts.transitions import PROCESS, TABLE, Effect, Happening, Standing, Step
from streams.contract.records import Detection

if TYPE_CHECKING:
    from alerts.commands import Command
    from alerts.events import Event
    from alerts.state import Key, State

UNDO_MS = 5_000
"""So long a person may take back what they did; what closes an alarm waits for it."""

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
}


class ImpossibleError(Exception):
    """The chain tells of something that cannot be; the message says what."""


def apply(state: State, event: Event, at_ms: int) -> None:
    """Change the state as the event says, at an engine time. Raises ImpossibleError before anything is changed."""
    if isinstance(event, Finding):
        _find(state, event, at_ms)
    elif isinstance(event, Done):
        _do(state, event, at_ms)
    elif isinstance(event, Refused):
        _refuse(state, event, at_ms)
    elif isinstance(event, TimeReached):
        _reach(state, event)
    elif isinstance(event, Retired):
        _retire(state, event)
    elif not isinstance(event, Unreadable):
        assert_never(event)
    name = event.change if isinstance(event, Finding) else str(event.__struct_config__.tag)
    state.counts[name] = state.counts.get(name, 0) + 1


def key_of(one: Detection | Alarm) -> Key:
    """Return what may have one open alarm."""
    return (one.city, one.entity, one.kind)


def _find(state: State, event: Finding, at_ms: int) -> None:
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


def _with(newest: Newest | None, detection: Detection) -> Newest:
    found = (detection.at_ms, detection.level)
    if newest is None or newest.known_ms != detection.known_ms:
        return Newest(detection.known_ms, frozenset((found,)))
    return Newest(newest.known_ms, newest.found | {found})


def _to_alarm(state: State, event: Finding, at_ms: int) -> None:
    found, happening = event.detection, OF_CHANGE[event.change]
    if happening is Happening.RAISE:
        if event.alarm in state.open or key_of(found) in state.current:
            raise ImpossibleError(f"alarm {event.alarm} is raised and open already")
        state.put(_opened(event, at_ms))
        state.closed.discard(event.alarm)  # only where one event time opened, ended and opens again
        return
    alarm = _open(state, event.alarm)
    if event.change == "returned" and found.level < alarm.level:
        happening = Happening.RISE
    step = _step(alarm, happening)
    if Effect.COUNT in step.effects:
        told = replace(alarm, returned_at_ms=None, count=alarm.count + 1, **_fields(found, TOLD))
        ends = alarm.closing is not None and alarm.closing.action == "end" and happening is not Happening.RISE
        closing = alarm.closing if ends else None
    else:
        told, closing = replace(alarm, returned_at_ms=found.at_ms), alarm.closing
    told = replace(told, updated_at_ms=found.at_ms, closing=closing)
    _put(state, moved(told, step, Last(what=event.change, at_ms=at_ms)), step)


def moved(alarm: Alarm, step: Step, last: Last, taken: Taken | None = None) -> Alarm:
    """Return the alarm behind a step; `last` is what made its revision, if there is a new one."""
    if Effect.TAKE in step.effects:
        alarm = replace(alarm, taken=taken)
    elif Effect.RELEASE in step.effects:
        alarm = replace(alarm, taken=None)
    if Effect.WAIT in step.effects:
        alarm = replace(alarm, waiting_since_ms=last.at_ms)
    if Effect.REVISE in step.effects:
        alarm = replace(alarm, revision=alarm.revision + 1, last=last)
    if step.to is not Standing.NORMAL:
        alarm = replace(alarm, process=PROCESS[step.to])
    return alarm


def _put(state: State, alarm: Alarm, step: Step) -> None:
    """Keep an alarm behind a step, or let it go."""
    if Effect.CLOSE in step.effects:
        state.close(alarm if alarm.process != "active" else replace(alarm, process="returned"))
    else:
        state.put(alarm)


def _opened(event: Finding, at_ms: int) -> Alarm:
    found = event.detection
    return Alarm(
        id=event.alarm,
        last=Last(what="raised", at_ms=at_ms),
        raised_at_ms=found.at_ms,
        updated_at_ms=found.at_ms,
        waiting_since_ms=at_ms,
        **_fields(found, OF_WHAT + TOLD),
    )


def _do(state: State, event: Done, at_ms: int) -> None:
    command = event.command
    alarm = _open(state, event.alarm)
    if isinstance(command, Undo):
        changed = _undone(state, alarm, command, at_ms)
    elif isinstance(command, Note):
        changed = replace(alarm, notes_count=alarm.notes_count + 1)
    else:
        changed = commanded(alarm, command, at_ms)
    state.put(changed)
    state.outcomes[command.id] = Outcome(
        id=command.id, state="done", alarm=alarm.id, revision=changed.revision, at_ms=at_ms
    )


def commanded(alarm: Alarm, command: Command, at_ms: int) -> Alarm:
    """Return the alarm as a person's command leaves it. Raises ImpossibleError where the table has no such step."""
    step = _step(alarm, Happening(command.action))
    taken = None
    if isinstance(command, Acknowledge):
        until_ms = None if command.for_ms is None else at_ms + command.for_ms
        taken = Taken(who=command.who, desk=command.desk, why=command.why, at_ms=at_ms, until_ms=until_ms)
    last = Last(
        what=command.action,
        who=command.who,
        desk=command.desk,
        at_ms=at_ms,
        command=command.id,
        before=(alarm.taken, alarm.closing),
    )
    found = moved(alarm, step, last, taken)
    if Effect.CLOSE_LATER not in step.effects:
        return replace(found, closing=None)
    return replace(found, closing=Closing(action=command.action, who=command.who, at_ms=at_ms + UNDO_MS))


def _undone(state: State, alarm: Alarm, command: Undo, at_ms: int) -> Alarm:
    if alarm.last.command != command.command or alarm.last.before is None:
        raise ImpossibleError(f"{command.command} was not the last thing done to alarm {alarm.id}")
    taken, closing = alarm.last.before
    done = state.outcomes.get(command.command)
    if done is not None:
        undone = replace(done, state="superseded", by=command.who, by_desk=command.desk, did="undo", did_at_ms=at_ms)
        state.outcomes[command.command] = undone
    last = Last(what="undo", who=command.who, desk=command.desk, at_ms=at_ms, command=command.id)
    return replace(alarm, taken=taken, closing=closing, revision=alarm.revision + 1, last=last)


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
    alarm = _open(state, event.alarm)
    if alarm.due_ms != event.at_ms:
        raise ImpossibleError(f"nothing of alarm {alarm.id} was due at {event.at_ms}")
    if event.what == "closed":
        if alarm.closing is None:
            raise ImpossibleError(f"alarm {alarm.id} was not closing")
        if alarm.process == "active":
            state.muted[key_of(alarm)] = Muted(alarm.id, alarm.level)
        state.close(replace(alarm, closing=None, ended=alarm.closing))
        return
    step = _step(alarm, Happening.LAPSE)
    state.put(moved(alarm, step, Last(what="lapsed", at_ms=event.at_ms)))


def _retire(state: State, event: Retired) -> None:
    alarm = _open(state, event.alarm)
    if alarm.process == "active":
        key = key_of(alarm)
        state.latent.discard(key)
        state.latent[key] = _finding_of(alarm, state.newest[key].known_ms)
        alarm = replace(alarm, process="returned", returned_at_ms=event.at_ms, updated_at_ms=event.at_ms)
    state.close(replace(alarm, retired=event.lack))


def _finding_of(alarm: Alarm, known_ms: int) -> Detection:
    """Return the finding that opens the alarm as it stands."""
    return Detection(at_ms=alarm.raised_at_ms, known_at_ms=known_ms, **_fields(alarm, OF_WHAT + TOLD))


def _open(state: State, alarm_id: str) -> Alarm:
    alarm = state.open.get(alarm_id)
    if alarm is None:
        raise ImpossibleError(f"alarm {alarm_id} is not open")
    return alarm


def _step(alarm: Alarm, happening: Happening) -> Step:
    step = TABLE[alarm.standing][happening]
    if not isinstance(step, Step):
        raise ImpossibleError(f"alarm {alarm.id} is {alarm.standing}: {happening} leads nowhere ({step.reason})")
    return step


def _fields(of: Detection | Alarm, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
