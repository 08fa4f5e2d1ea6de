"""What became of messages, for the record: without any secret. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.notifiers.letters import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.notifiers.letters import Item, Letter
    from alerts.notifiers.verdicts import Failed, Retry

NOTED_MOST = 100
"""Alarms that a note names."""
NOBODY = "nobody_on_duty"


def tried(one: Letter, state: str, now_ms: int, verdict: Retry | Failed | None = None) -> Mapping[str, Any]:
    """Say what became of a try."""
    return {
        **_of(one.items, one.route, state, now_ms),
        "message": one.id,
        "reason": None if verdict is None else verdict.reason,
        "detail": "" if verdict is None else verdict.detail,
        "tries": one.tries,
        "made_ms": one.made_ms,
    }


def withdrawn(item: Item, row: Mapping[str, Any], now_ms: int) -> Mapping[str, Any]:
    """Say why something was not told: how the alarm stands now, and who has it."""
    return {
        **_of([item], item.route, "withdrawn", now_ms),
        "reason": row.get("standing", "closed"),
        "detail": row.get("acknowledged_by") or "",
        "made_ms": item.due_ms,
    }


def unattended(items: Sequence[Item], route: str, now_ms: int) -> Mapping[str, Any]:
    """Say that the next was told, as there is nobody to tell."""
    return {**_of(items, route, "passed_on", now_ms), "reason": NOBODY, "made_ms": now_ms}


def _of(items: Sequence[Item], route: str, state: str, now_ms: int) -> Mapping[str, Any]:
    return {
        "message": "",
        "route": route,
        "state": state,
        "detail": "",
        "tries": 0,
        "count": len(items),
        "level": min((item.face.level for item in items), default=HIGHEST),
        "alarms": [item.face.alarm for item in items[:NOTED_MOST]],
        "at_ms": now_ms,
    }
