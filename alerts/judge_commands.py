"""Which event a person's command makes of the alarms as they stand: done, or refused with who was first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.alarm import Alarm, Last
from alerts.commands import (
    Acknowledge,
    Assign,
    Escalate,
    Fold,
    Lift,
    Note,
    OfAlarm,
    OfPlace,
    Restore,
    Shelve,
    Split,
    Suppress,
    Unacknowledge,
    Undo,
    Unshelve,
    Warn,
)
from alerts.covers import OF_RULE
from alerts.desks import is_desk
from alerts.events import Done, Refused
from alerts.incidents import members_to_give_back, members_to_take
from alerts.kinds import kinds
from alerts.moving import UNDO_MS
from alerts.reading import UNSIGNED
from alerts.roles import ACKNOWLEDGE_MS, may
from alerts.transitions import TABLE, Happening, No
from processors.maths.measures import FEED_PREFIX
from streams.city.windows import holds, next_change_ms

if TYPE_CHECKING:
    from alerts.commands import AlarmCommand, Command, PlaceCommand
    from alerts.incident import Incident
    from alerts.state import State
    from streams.city.scope import Scope

OF_TABLE = frozenset(Happening)
KEY_USED = "key_used"
"""The reason of a refusal: the request's key names another command, which another wall may have sent."""
UNKNOWN_DESK = "unknown_desk"
LAST: dict[str, set[str] | None] = {
    "closed": None,
    "closing": None,
    "changed": None,
    "not_yours": None,
    "level_risen": {"risen"},
    "not_acknowledged": {"unacknowledge", "undo", "lapsed", "risen"},
    "not_shelved": {"unshelve", "uncovered", "undo"},
    "not_folded": {"split", "undo"},
    "folded_already": {"fold", "undo"},
}
"""Reason → what of an alarm's last change accounts for it, None = anything: whoever is refused is told who that was."""


def judge_command(state: State, command: Command, now_ms: int, scope: Scope | None = None) -> Done | Refused | None:
    """Return the answer to the command, None for a repeat. `scope` is the newest version of the city."""
    answered = state.outcomes.get(command.id)
    if answered is not None and answered.reason != UNSIGNED:  # a stranger who named its id first has not answered it
        return None
    if command.key and state.keys.get(command.key, command.id) != command.id:
        return refused(command, KEY_USED)
    if not may(command.role, command.action, command.for_ms if isinstance(command, Shelve) else 0):
        return refused(command, "role_may_not")
    if isinstance(command, Acknowledge) and (command.for_ms or 0) > ACKNOWLEDGE_MS:
        return refused(command, "too_long")
    if isinstance(command, Undo):
        return _judge_undo(state, command, now_ms)
    if isinstance(command, OfPlace):
        return _judge_place(state, command, now_ms, scope)
    if isinstance(command, Lift | Restore):
        return _judge_uncover(state, command)
    if isinstance(command, Acknowledge | Unacknowledge) and command.incident:
        return _judge_incident(state, command)
    return _judge_alarm(state, command)


def _judge_incident(state: State, command: Acknowledge | Unacknowledge) -> Done | Refused:
    incident = state.incidents.get(command.incident)
    if incident is None or incident.city != command.city:
        return refused(command, "closed" if command.incident in state.ended else "unknown_incident")
    if isinstance(command, Unacknowledge):
        gives = members_to_give_back(state, incident)
        return Done(alarm="", command=command) if gives else refused(command, "not_acknowledged")
    if command.seen_level is not None and incident.folded_level < command.seen_level:
        return refused(command, "level_risen")
    return Done(alarm="", command=command) if members_to_take(state, incident) else _taken_already(command, incident)


def _taken_already(command: Acknowledge, incident: Incident) -> Refused:
    taken = incident.taken
    by = None if taken is None else Last(what=command.action, who=taken.who, desk=taken.desk, at_ms=taken.at_ms)
    return refused(command, "already_acknowledged", by=by)


def _judge_alarm(state: State, command: AlarmCommand) -> Done | Refused:
    alarm = state.open.get(command.alarm)
    if alarm is None or alarm.city != command.city:
        closed = state.closed.get(command.alarm)
        if isinstance(command, Warn) and closed is not None and closed.city == command.city:
            return Done(alarm=closed.id, command=command)  # a warning is called off when all is over
        return refused(command, "unknown_alarm" if closed is None else "closed", closed)
    if not isinstance(command, Note):
        reason = _why_not(state, alarm, command)
        if reason:
            known = tuple(one.id for one in state.desks) if reason == UNKNOWN_DESK else ()
            shelf = state.shelf(alarm) if reason == "already_shelved" else None
            by = None if shelf is None else Last(what="shelve", who=shelf.who, desk=shelf.desk, at_ms=shelf.at_ms)
            return replace(refused(command, reason, alarm, by), known=known)
    return Done(alarm=alarm.id, command=command)


def _why_not(state: State, alarm: Alarm, command: AlarmCommand) -> str:
    if alarm.closing is not None:
        return "closing"
    reason = _no_step(state, alarm, command)
    if reason:
        return reason
    if isinstance(command, Acknowledge) and command.seen_level is not None and alarm.level < command.seen_level:
        return "level_risen"
    if command.revision is not None and command.revision != alarm.revision:
        return "level_risen" if alarm.last.what == "risen" else "changed"
    return ""


def _no_step(state: State, alarm: Alarm, command: AlarmCommand) -> str:
    """Say why an alarm as it stands cannot be changed so, "" = it can."""
    if isinstance(command, Shelve):
        return "" if state.shelf(alarm) is None else "already_shelved"
    if isinstance(command, Unshelve):
        return "not_shelved" if state.shelf(alarm) is None else ""
    if isinstance(command, Fold):
        return _no_fold(state, alarm, command)
    if isinstance(command, Split):
        return "not_folded" if alarm.incident is None else ""
    if isinstance(command, Assign | Escalate):
        return UNKNOWN_DESK if state.desks and not is_desk(state.desks, command.to) else ""
    if command.action not in OF_TABLE:
        return ""
    step = TABLE[alarm.standing][Happening(command.action)]
    return step.reason if isinstance(step, No) else ""


def _no_fold(state: State, alarm: Alarm, command: Fold) -> str:
    target = state.open.get(command.into) or state.incidents.get(command.into)
    if target is None or target.city != alarm.city:
        return "unknown_incident"
    incident = target.incident if isinstance(target, Alarm) else target.id
    return "folded_already" if target.id == alarm.id or (incident is not None and incident == alarm.incident) else ""


def _judge_place(state: State, command: PlaceCommand, now_ms: int, scope: Scope | None) -> Done | Refused:
    reason = _odd_place(state, command, scope)
    if reason or not isinstance(command, Suppress):
        return refused(command, reason) if reason else Done(alarm="", command=command)
    window = replace(command.window, time_zone="" if scope is None else scope.time_zone)
    if window.fault:
        return refused(command, window.fault)
    city_ms = state.city_ms(now_ms)
    if not holds(window, city_ms) and next_change_ms(window, city_ms) is None:
        return refused(command, "over_already")
    return Done(alarm="", command=replace(command, window=window))


def _odd_place(state: State, command: PlaceCommand, scope: Scope | None) -> str:
    """Say what of a place nobody knows, "" = all of it is known."""
    where = command.where
    if not any((where.zone, where.domain, where.kind, where.entity)):
        return "no_place"
    if where.kind and where.kind not in kinds() and (scope is None or not scope.has_kind(where.kind)):
        return "unknown_kind"
    if scope is None or scope.entities is None:
        return ""
    for name, entity in (
        ("zone", f"zone:{where.zone}"),
        ("domain", f"{FEED_PREFIX}{where.domain}"),
        ("entity", where.entity),
    ):
        if getattr(where, name) and not scope.has(entity) and (command.city, entity) not in state.of_entity:
            return f"unknown_{name}"
    return ""


def _judge_uncover(state: State, command: Lift | Restore) -> Done | Refused:
    cover = state.covers.get(command.command)
    if cover is None:
        return _uncovered_already(state, command)
    wanted = "suppressed" if isinstance(command, Lift) else "out_of_service"
    if cover.what != wanted or cover.city != command.city or cover.id.startswith(OF_RULE):
        return refused(command, "unknown_command")
    return Done(alarm="", command=command)


def _uncovered_already(state: State, command: Lift | Restore) -> Refused:
    """Refuse to take away what covers nothing any more; whoever took it away is named as long as it is remembered."""
    made = state.outcomes.get(command.command)
    if made is None or made.alarm or made.state == "refused":  # of an alarm, or nothing: it never covered a place
        return refused(command, "unknown_command")
    if made.state == "superseded":
        undone = Last(what=made.did, who=made.by, desk=made.by_desk, at_ms=made.did_at_ms or made.at_ms)
        return refused(command, "lifted_already", by=undone)
    done = reversed(state.undoable.values())
    was = next((one for one in done if one.took_away is not None and one.took_away.id == command.command), None)
    by = None if was is None else Last(what=command.action, who=was.who, at_ms=was.at_ms)
    return refused(command, "lifted_already", by=by)


def _judge_undo(state: State, command: Undo, now_ms: int) -> Done | Refused:
    done, was = state.outcomes.get(command.command), state.undoable.get(command.command)
    if done is None:
        return refused(command, "unknown_command")
    alarm = state.open.get(done.alarm)
    if done.alarm and alarm is None:
        return refused(command, "closed", state.closed.get(done.alarm))
    if was is None and done.state != "superseded":  # a note stays, and of what was refused there is nothing to undo
        return refused(command, "too_late" if now_ms > done.at_ms + UNDO_MS else "no_undo", alarm)
    changed = was is None or (alarm is not None and alarm.revision != was.revision)
    if was is None or changed or (was.made and was.made not in state.covers):
        return refused(command, "changed", alarm)
    if was.who != command.who:
        return refused(command, "not_yours", alarm)
    if now_ms > was.at_ms + UNDO_MS:
        return refused(command, "too_late", alarm)
    return Done(alarm=done.alarm, command=command)


def refused(command: Command, reason: str, alarm: Alarm | None = None, by: Last | None = None) -> Refused:
    """Refuse a command; where somebody was first, that is said, with what they did and when."""
    named = command.alarm if isinstance(command, OfAlarm) else ""
    of = named if alarm is None else alarm.id
    said = Refused(id=command.id, alarm=of, command=command, reason=reason)
    if alarm is not None and by is None:
        by = _accounts_for(alarm, reason)
    return said if by is None else replace(said, by=by.who, by_desk=by.desk, did=by.what, did_at_ms=by.at_ms)


def _accounts_for(alarm: Alarm, reason: str) -> Last | None:
    """Return what somebody did to an alarm, or what became of it, that a command is refused for; None = nothing did."""
    if reason == "already_acknowledged" and alarm.taken is not None:
        taken = alarm.taken
        return Last(what="acknowledge", who=taken.who, desk=taken.desk, at_ms=taken.at_ms)
    if reason not in LAST:
        return None
    whats = LAST[reason]
    return alarm.last if whats is None or alarm.last.what in whats else None
