"""An alarm as the rest of the house reads it, on `city.alarms.v1`, and an incident, on `city.incidents.v1`: JSON."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.incident import ALONE, Incident

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Covering, Last

AS_IT_IS = (
    *("id", "city", "domain", "kind", "entity", "zone", "level", "newest_level", "process", "revision"),
    *("raised_at_ms", "updated_at_ms", "waiting_since_ms", "uncertain_since_ms", "value", "limit", "unit", "basis"),
    *("evidence", "notes_count", "processor", "retired", "incident", "under", "equipment", "desk", "presented_at_ms"),
)
_as_it_is = attrgetter(*AS_IT_IS)

TAKEN = {"acknowledged_by": "who", "acknowledged_desk": "desk", "acknowledged_at_ms": "at_ms"}
"""Field of the row → of what there may not be; so …"""
OF_ALARM = {
    "taken": TAKEN | {"acknowledged_until_ms": "until_ms", "why": "why"},
    "closing": {"closing_at_ms": "at_ms", "closing_by": "who"},
    "ended": {"ended_by": "who"},
    "shelved": {"shelved_by": "who", "shelved_until_ms": "until_ms", "shelved_why": "why"},
    "suppressed": {"suppressed_by": "id", "suppressed_until_ms": "due_ms", "suppressed_why": "why"},
    "out_of_service": {"out_of_service_by": "who", "out_of_service_command": "id"},
    "assigned": {"assigned_to": "to", "assigned_by": "who"},
    "escalated": {"escalated_to": "to"},
}
"""… of an alarm, by what that is; of most alarms there is none of it."""
COVERED = {"ended": "what", "ended_by": "who", "ended_desk": "desk", "until_ms": "at_ms"}
"""… of the end of a time in which something covered an alarm."""
NOTHING = dict.fromkeys(field for fields in OF_ALARM.values() for field in fields)


def projected(one: Alarm | Incident) -> bytes:
    """Return the row of an alarm or an incident."""
    return msgspec.json.encode(incident_row(one) if isinstance(one, Incident) else row(one))


def row(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as plain values: `standing` by its name, what a person did in fields of its own."""
    last, chatters = alarm.last, alarm.calm_at_ms is not None
    found = {
        **dict(zip(AS_IT_IS, _as_it_is(alarm), strict=True)),
        "standing": alarm.shown,
        "coverings": [_covering(one) for one in alarm.coverings],
        "count": max(alarm.count, alarm.changes) if chatters else alarm.count,
        "chattering": chatters,
        "state": "active" if alarm.process == "active" else "cleared",
        "presented": alarm.presented_at_ms is not None and (alarm.incident is None or alarm.level == ALONE),
        "cleared_at_ms": alarm.returned_at_ms,
        "acknowledged": alarm.taken is not None,
        **NOTHING,
        "changed_by": _last(last),
        "of_whole": [_last(one) for one in alarm.of_whole],
    }
    people: dict[str, object] = {"taken": alarm.taken, "closing": alarm.closing, "ended": alarm.ended, **alarm.cover}
    people |= {"assigned": alarm.assigned, "escalated": alarm.escalated}
    for name, one in people.items():
        if one is not None:
            found |= _of(one, OF_ALARM[name])
    return found


def _last(one: Last) -> dict[str, Any]:
    """Return what somebody or something did as plain values."""
    return {"what": one.what, "who": one.who, "desk": one.desk, "at_ms": one.at_ms}


def _covering(one: Covering) -> dict[str, Any]:
    """Return a time in which something covered an alarm as plain values."""
    told = {name: getattr(one, name) for name in ("cover", "what", "who", "desk", "why", "since_ms")}
    return told | (dict.fromkeys(COVERED) if one.ended is None else _of(one.ended, COVERED))


def _of(one: object, names: dict[str, str]) -> dict[str, Any]:
    """Return fields of what there is, each by another name."""
    return {field: getattr(one, name) for field, name in names.items()}


OF_INCIDENT = (
    *("id", "city", "cause", "domain", "kind", "entity", "zone", "level", "count", "asking", "levels", "worst_level"),
    *("alarms_count", "desk"),
    *("opened_at_ms", "waiting_since_ms", "presented_at_ms", "release_at_ms", "merged_into"),
)


END = {"ended_at_ms": "at_ms", "ended_because": "because", "ended_by": "who"}


def incident_row(incident: Incident) -> dict[str, Any]:
    """Return an incident as plain values: what its cause is and where, how many, why the newest belongs to it.

    Of one that has ended, who acknowledged it, or else its last alarm.
    """
    end, newest = incident.end, incident.newest
    taken = incident.taken if incident.taken is not None or end is None else end.taken
    return {
        **{name: getattr(incident, name) for name in OF_INCIDENT},
        **(dict.fromkeys(END) if end is None else _of(end, END)),
        "alarms": incident.listed,
        "presented": incident.presented_at_ms is not None,
        "why": None if newest is None else newest.why,
        "because": None if newest is None else newest.because,
        "acknowledged": taken is not None and incident.asking == 0,
        **(dict.fromkeys(TAKEN) if taken is None else _of(taken, TAKEN)),
    }
