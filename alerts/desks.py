"""Whose an alarm is: the desk that was handed it, else the first of the city's desks that watches its domain and zone.

What no desk watches is the first one's: nothing is nobody's. Where a city has no desks there is one, `ONLY`.
An incident is of one desk, with all that is in it; what comes together by itself is of one desk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Handed
    from alerts.incident import Incident
    from alerts.state import State
    from streams.city.parts import Desk
    from streams.contract.records import Detection

ONLY = ""
"""The desk of a city that has none of its own; and all of them together."""
WATCHED = "watched"
"""The one key of `State.manned`."""


class Held(NamedTuple):
    """Whose an alarm or incident was, and when it was shown there."""

    desk: str
    handed: str
    presented_at_ms: int | None


def home(desks: tuple[Desk, ...], one: Detection | Alarm | Incident) -> str:
    """Return the desk that watches what something is of."""
    if not desks:
        return ONLY
    return next((desk.id for desk in desks if desk.watches(one.domain, one.zone)), desks[0].id)


def desk_of(desks: tuple[Desk, ...], alarm: Alarm) -> str:
    """Return the desk of an alarm that stands alone."""
    handed = newest(alarm)
    return handed.to if handed is not None and is_desk(desks, handed.to) else home(desks, alarm)


def newest(alarm: Alarm) -> Handed | None:
    """Return how it was handed over last, None = it was not."""
    if alarm.assigned is None or alarm.escalated is None:
        return alarm.assigned or alarm.escalated
    return alarm.assigned if alarm.assigned.at_ms > alarm.escalated.at_ms else alarm.escalated


def is_desk(desks: tuple[Desk, ...], name: str) -> bool:
    """Tell whether there is such a desk."""
    return any(desk.id == name for desk in desks)


def at_desk(state: State, alarm: Alarm) -> Alarm:
    """Return the alarm at the desk where it belongs: its incident's, else its own."""
    incident = None if alarm.incident is None else state.incidents.get(alarm.incident)
    desk = desk_of(state.desks, alarm) if incident is None else incident.desk
    return alarm if desk == alarm.desk else replace(alarm, desk=desk)


def back_at(desks: tuple[Desk, ...], incident: Incident) -> str:
    """Return the desk of an incident as it was before: its own, if that is still there."""
    return incident.desk if is_desk(desks, incident.desk) else _given(desks, incident)


def _given(desks: tuple[Desk, ...], incident: Incident) -> str:
    return incident.handed if is_desk(desks, incident.handed) else home(desks, incident)


def man(state: State, desks: tuple[Desk, ...]) -> None:
    """Have the city's desks be these; what stands goes over to them, and stays as it was shown."""
    state.manned[WATCHED] = desks
    for incident in list(state.incidents.values()):
        desk = _given(desks, incident)
        if desk != incident.desk:
            state.groups.put(replace(incident, desk=desk))
    for alarm in list(state.open.values()):
        if at_desk(state, alarm) is not alarm:
            state.put(alarm)
