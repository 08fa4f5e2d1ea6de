"""An alarm as the rest of the house reads it: JSON on `city.alarms.v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from alerts.alarm import Alarm

AS_IT_IS = (
    *("id", "city", "domain", "kind", "entity", "zone", "level", "revision", "raised_at_ms", "updated_at_ms"),
    *(
        "waiting_since_ms",
        "value",
        "limit",
        "unit",
        "basis",
        "evidence",
        "count",
        "notes_count",
        "processor",
        "retired",
    ),
)


def projected(alarm: Alarm) -> bytes:
    """Return the row of an alarm."""
    return msgspec.json.encode(row(alarm))


def row(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as plain values: `standing` by its name, what a person did in fields of its own."""
    taken, last, closing = alarm.taken, alarm.last, alarm.closing
    return {
        **{name: getattr(alarm, name) for name in AS_IT_IS},
        "standing": alarm.standing,
        "state": "active" if alarm.process == "active" else "cleared",
        "cleared_at_ms": alarm.returned_at_ms,
        "acknowledged": taken is not None,
        "acknowledged_by": None if taken is None else taken.who,
        "acknowledged_desk": None if taken is None else taken.desk,
        "acknowledged_at_ms": None if taken is None else taken.at_ms,
        "acknowledged_until_ms": None if taken is None else taken.until_ms,
        "why": None if taken is None else taken.why,
        "closing_at_ms": None if closing is None else closing.at_ms,
        "closing_by": None if closing is None else closing.who,
        "ended_by": None if alarm.ended is None else alarm.ended.who,
        "changed_by": {"what": last.what, "who": last.who, "desk": last.desk, "at_ms": last.at_ms},
    }
