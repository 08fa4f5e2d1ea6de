"""Incidents as the list shows them: one open alarm of each speaks for all that do not stand for themselves. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.incident import ALONE
from dashboard.alarm_list import ASIDE, standing_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Alarm = Mapping[str, Any]
    Incident = Mapping[str, Any]


def named_by(incident: Incident) -> Iterator[str]:
    """Yield the ids of the alarms that may speak for an incident, the one that does if it can first."""
    yield incident["cause"]
    yield from incident["alarms"]


def speaker(incident: Incident, alarms: Mapping[str, Alarm]) -> str | None:
    """Return the id of the alarm that speaks for an incident, None = each of it stands for itself, or is set aside."""
    return next((one for one in named_by(incident) if _can_speak(alarms.get(one), incident)), None)


def _can_speak(alarm: Alarm | None, incident: Incident) -> bool:
    if alarm is None or alarm.get("incident") != incident["id"]:
        return False
    return bool(alarm["level"] > ALONE) and standing_of(alarm) not in ASIDE


def card_of(alarm: Alarm, incidents: Mapping[str, Incident], alarms: Mapping[str, Alarm]) -> dict[str, Any] | None:
    """Return what an alarm shows for the incident that it speaks for, None = it speaks for itself, or another does."""
    incident = incidents.get(alarm.get("incident") or "")
    if incident is None or speaker(incident, alarms) != alarm["id"]:
        return None
    levels = [level for level, count in enumerate(incident["levels"], 1) if count and level > ALONE]
    return {
        "id": incident["id"],
        "count": sum(incident["levels"][ALONE:]),
        "level": min(levels, default=alarm["level"]),
        "acknowledged": incident["asking"] == 0,
        "waiting_since_ms": incident["waiting_since_ms"],
        "presented": incident["presented"],
        "why": incident.get("why"),
    }
