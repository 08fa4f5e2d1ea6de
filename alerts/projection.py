"""An alarm as the rest of the house reads it, on `city.alarms.v1`, and an incident, on `city.incidents.v1`: JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from alerts.incident import ALONE, Incident

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Covering

AS_IT_IS = (
    *("id", "city", "domain", "kind", "entity", "zone", "level", "process", "revision", "raised_at_ms"),
    *("updated_at_ms", "waiting_since_ms", "uncertain_since_ms", "value", "limit", "unit", "basis", "evidence"),
    *("notes_count", "processor", "retired", "incident", "under", "equipment", "presented_at_ms"),
)


def projected(one: Alarm | Incident) -> bytes:
    """Return the row of an alarm or an incident."""
    return msgspec.json.encode(incident_row(one) if isinstance(one, Incident) else row(one))


def row(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as plain values: `standing` by its name, what a person did in fields of its own."""
    taken, last, closing, cover = alarm.taken, alarm.last, alarm.closing, alarm.cover
    chatters = alarm.calm_at_ms is not None
    return {
        **{name: getattr(alarm, name) for name in AS_IT_IS},
        "standing": alarm.shown,
        "coverings": [_covering(one) for one in alarm.coverings],
        "count": max(alarm.count, alarm.changes) if chatters else alarm.count,
        "chattering": chatters,
        "state": "active" if alarm.process == "active" else "cleared",
        "presented": alarm.presented_at_ms is not None and (alarm.incident is None or alarm.level == ALONE),
        "cleared_at_ms": alarm.returned_at_ms,
        "acknowledged": taken is not None,
        **_of(taken, acknowledged_by="who", acknowledged_desk="desk", acknowledged_at_ms="at_ms"),
        **_of(taken, acknowledged_until_ms="until_ms", why="why"),
        **_of(closing, closing_at_ms="at_ms", closing_by="who"),
        **_of(alarm.ended, ended_by="who"),
        **_of(cover.get("shelved"), shelved_by="who", shelved_until_ms="until_ms", shelved_why="why"),
        **_of(cover.get("suppressed"), suppressed_by="id", suppressed_until_ms="due_ms", suppressed_why="why"),
        **_of(cover.get("out_of_service"), out_of_service_by="who", out_of_service_command="id"),
        **_of(alarm.assigned, assigned_to="to", assigned_by="who"),
        **_of(alarm.escalated, escalated_to="to"),
        "changed_by": {"what": last.what, "who": last.who, "desk": last.desk, "at_ms": last.at_ms},
    }


def _covering(one: Covering) -> dict[str, Any]:
    """Return a time in which something covered an alarm as plain values."""
    told = {name: getattr(one, name) for name in ("cover", "what", "who", "desk", "why", "since_ms")}
    ended = _of(one.ended, ended="what", ended_by="who", ended_desk="desk", until_ms="at_ms")
    return {**told, **ended}


def _of(one: object | None, **names: str) -> dict[str, Any]:
    """Return fields of what there may not be, each by another name; None where it is not."""
    return {field: None if one is None else getattr(one, name) for field, name in names.items()}


OF_INCIDENT = (
    *("id", "city", "cause", "domain", "kind", "entity", "zone", "level", "count", "asking", "levels"),
    *("opened_at_ms", "waiting_since_ms", "presented_at_ms", "release_at_ms", "merged_into"),
)


def incident_row(incident: Incident) -> dict[str, Any]:
    """Return an incident as plain values: what its cause is and where, how many, why the newest belongs to it."""
    taken, newest = incident.taken, incident.newest
    return {
        **{name: getattr(incident, name) for name in OF_INCIDENT},
        "alarms": incident.listed,
        "presented": incident.presented_at_ms is not None,
        "why": None if newest is None else newest.why,
        "because": None if newest is None else newest.because,
        "acknowledged": taken is not None and incident.asking == 0,
        **_of(taken, acknowledged_by="who", acknowledged_desk="desk", acknowledged_at_ms="at_ms"),
    }
