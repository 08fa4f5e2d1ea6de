"""Records of the journal of earlier versions: what these did not know; those of before version 4 in shapes of today."""

from __future__ import annotations

from typing import Any

ENGINE_TIMES = 4
"""From this version on a record says at which engine time each event was; before it there was one command."""
LIMITED = 5
"""From this version on what is too much for a desk waits to be shown, and what chatters is held active; before it all
was shown at once, and returned at once."""
SPOKEN_FOR = 7
"""From this version on the rest speaks for an incident whose cause was folded elsewhere; before it, it was released."""

SEEN_TO = 8
"""From this version on all that an event touches is seen to at once: what covers an alarm that has moved, the cause of
an incident that it leaves, what a silence that is gone has made uncertain, windows that a clock sets."""
GIVEN_BACK = 9
"""From this version on what a person gives back holds for nothing more: the acknowledgement of an incident ends with
that of a member, and an undo of it takes back what had joined under it."""
STEADIED = 10
"""From this version on what comes and goes does not shake what people did. A level that flaps is held at its worst;
What closes an alarm waits for the undo of what somebody did just before. An incident that a split ended is there again
when that is undone. A latched alarm that comes back calls for somebody. What is covered is no load until it shows."""


def upgraded(record: Any) -> Any:  # noqa: ANN401 - whatever JSON the record is
    """Return a record in today's shape; one that is not of the shape of its time stays as it is, to be refused."""
    try:
        return {**record, "events": [_event(one) for one in record["events"]], "times_ms": _times_ms(record)}
    except (KeyError, TypeError, AttributeError):
        return record


def _event(one: dict[str, Any]) -> dict[str, Any]:
    if one["type"] == "acknowledged":
        return {"type": "done", "alarm": one["alarm"], "command": one["command"]}
    if one["type"] == "refused":
        command = one["command"]
        known = command if command["action"] == "acknowledge" else None
        return {**one, "id": command["id"], "command": known}
    return one


def _times_ms(record: dict[str, Any]) -> list[int]:
    """Return when each event was: event times, for want of better; commands gave them by the city clock."""
    return [_time_ms(one) for one in record["events"]]


def _time_ms(one: dict[str, Any]) -> int:
    if "command" in one:
        return int(one["command"]["at_ms"])
    if "detection" in one:
        found = one["detection"]
        return int(found["at_ms"] if found.get("known_at_ms") is None else found["known_at_ms"])
    return int(one.get("at_ms", 0))
