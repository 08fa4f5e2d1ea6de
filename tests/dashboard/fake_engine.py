"""Plays the alarm engine for a fake wall: one command in, a new projection and an outcome out."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.dashboard.fake_feed import FakeFeed

CLOSES_AFTER_MS = 5000


class FakeEngine:
    """`outcomes`: command → what became of it; `before`: command → the alarms that it changed, as they were."""

    def __init__(self, feed: FakeFeed) -> None:
        self.feed = feed
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.before: dict[str, dict[str, dict[str, Any]]] = {}

    async def play(self, command: bytes, delay_s: float = 0.15) -> None:
        """Answer a command."""
        order = json.loads(command)
        await asyncio.sleep(delay_s)
        now_ms, back = self.feed.now_ms(), self.before.get(order.get("command"), {})
        meant = {name: self.feed.alarms[name] for name in back} or self.meant(order)
        one = next(iter(meant.values()), None)
        told = {"id": order["id"], "alarm": order.get("alarm", ""), "at_ms": now_ms}
        reason = refusal(order, one)
        if reason:
            last = (one or {}).get("changed_by", {"who": "", "desk": "", "what": "", "at_ms": None})
            first = {"by": last["who"], "by_desk": last["desk"], "did": last["what"], "did_at_ms": last["at_ms"]}
            await self.tell(told | {"state": "refused", "reason": reason} | first)
            return
        self.before[order["id"]] = {name: dict(alarm) for name, alarm in meant.items()}
        by = {"what": order["action"], "who": order["who"], "desk": order["desk"], "at_ms": now_ms}
        for name, alarm in meant.items():
            changes = back[name] if order["action"] == "undo" else changed(order, now_ms)
            alarm |= changes | {"revision": alarm["revision"] + 1, "changed_by": by}
        await self.tell(told | {"state": "done"}, {f"a:{name}": alarm for name, alarm in meant.items()})

    def meant(self, order: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the alarms that a command is about: one by its id, or all of a place."""
        where = order.get("where")
        if where is None:
            return {name: alarm for name, alarm in self.feed.alarms.items() if name == order.get("alarm")}
        fits = [
            alarm for alarm in self.feed.alarms.values() if all(of in ("", alarm[key]) for key, of in where.items())
        ]
        return {alarm["id"]: alarm for alarm in fits}

    async def tell(self, outcome: dict[str, Any], fields: dict[str, Any] | None = None) -> None:
        """Publish an outcome, and what else has changed."""
        self.outcomes[outcome["id"]] = outcome
        await self.feed.change((fields or {}) | {f"o:{outcome['id']}": outcome})


def refusal(order: dict[str, Any], alarm: dict[str, Any] | None) -> str:
    """Return why a command is refused, "" if it is not."""
    if alarm is None:
        return "unknown_alarm"
    if order["action"] == "acknowledge" and alarm["acknowledged"]:
        return "already_acknowledged"
    return "changed" if order.get("revision") not in (None, alarm["revision"]) else ""


def changed(order: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return what a command changes of its alarm."""
    why, who = order.get("why", ""), order["who"]
    taken = {"acknowledged_by": who, "acknowledged_desk": order["desk"], "acknowledged_at_ms": now_ms, "why": why}
    waits = {"standing": "unacknowledged", "acknowledged": False, "waiting_since_ms": now_ms}
    until_ms = now_ms + (order.get("for_ms") or 60_000)
    return {
        "acknowledge": taken | {"standing": "acknowledged", "acknowledged": True},
        "unacknowledge": waits,
        "note": {"notes_count": 1},
        "assign": {"assigned_to": order.get("to")},
        "shelve": {"standing": "shelved", "shelved_by": who, "shelved_until_ms": until_ms, "shelved_why": why},
        "unshelve": waits,
        "suppress": {"standing": "suppressed", "suppressed_by": order["id"], "suppressed_until_ms": until_ms},
        "lift": waits,
        "take_out": {"standing": "out_of_service", "out_of_service_command": order["id"]},
        "restore": waits,
        "end": {"closing_at_ms": now_ms + CLOSES_AFTER_MS, "closing_by": who},
    }[order["action"]]
