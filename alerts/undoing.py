"""What an undo finds changed: an incident that an alarm comes back to may have ended, or gone into another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.desks import back_at

if TYPE_CHECKING:
    from alerts.state import State


def again(state: State, incident_id: str | None) -> str | None:
    """Return the incident that an alarm comes back to: one that ended meanwhile is open again, or what took it over."""
    while incident_id is not None and incident_id not in state.incidents:
        ended = state.ended.get(incident_id)
        if ended is None or ended.merged_into is None:
            break
        incident_id = ended.merged_into
    ended = state.ended.get(incident_id or "")
    if ended is not None:
        state.ended.discard(ended.id)
        state.groups.put(replace(ended, end=None, desk=back_at(state.desks, ended)))
    left = state.incidents.get(incident_id or "")
    if left is not None:
        state.groups.put(replace(left, alarms_count=left.alarms_count - 1))  # it counts as one that came but once
    return incident_id
