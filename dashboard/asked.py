"""The commands that this wall was asked for, and what became of each.

A command is pending until its outcome comes through the live state; after a while without one its state says so, unless
the history knows: the live state has the newest outcomes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.refusals import why
from dashboard.iso_times import iso
from dashboard.orders import key_of
from streams.contract.name import Name

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping, Sequence

    from dashboard.mirror import Mirror
    from streams.contract.alarm_events import AlarmEvent

MOST = 10_000
"""So many of the newest are known here."""
UNCONFIRMED = "unconfirmed"


@dataclass(slots=True)
class Asked:
    """A command on its way."""

    id: str
    browser: str
    """Which browser asked; "" = none that listens."""
    alarm: str
    since_ms: int
    """Wall clock."""
    sending: asyncio.Task[None]
    told_late: bool = False
    """Whether the browser knows that nobody has confirmed it."""


class Commands:
    """Invariant: at most `MOST`, newest last."""

    def __init__(self, mirror: Mirror, limit_s: float) -> None:
        self._mirror = mirror
        self._limit_ms = limit_s * 1000
        self._asked: dict[str, Asked] = {}

    def note(self, asked: Asked) -> None:
        """Take a command that is on its way now."""
        self._asked.pop(asked.id, None)
        self._asked[asked.id] = asked
        while len(self._asked) > MOST:
            del self._asked[next(iter(self._asked))]

    def find(self, command: str) -> Asked | None:
        """Return a command that was asked for here."""
        return self._asked.get(command)

    def has_other_of(self, command: str) -> bool:
        """Tell whether another command of the same key is known."""
        key = key_of(command)
        known = (*self._asked, *self._mirror.outcomes)
        return any(one.startswith(key) and one != command for one in known)

    def late(self, now_ms: int) -> Iterator[Asked]:
        """Yield, once each, the commands that nobody has confirmed in time."""
        for one in list(self._asked.values()):
            if not one.told_late and one.id not in self._mirror.outcomes and self._is_late(one, now_ms):
                one.told_late = True
                yield one

    def state(self, command: str, now_ms: int) -> dict[str, Any] | None:
        """Return what became of a command, None = nobody here knows of it."""
        outcome, asked = self._mirror.outcomes.get(command), self._asked.get(command)
        if outcome is not None:
            return _said(outcome)
        if asked is None:
            return None
        reason = UNCONFIRMED if self._is_late(asked, now_ms) else ""
        pending = {"id": command, "state": "pending", "alarm": asked.alarm, "reason": reason, "at_ms": asked.since_ms}
        return _said(pending)

    def _is_late(self, asked: Asked, now_ms: int) -> bool:
        return now_ms - asked.since_ms > self._limit_ms


def of_events(command: str, events: Sequence[AlarmEvent]) -> dict[str, Any] | None:
    """Return what became of a command, as the history tells it: its events, the newest first. None = nothing yet."""
    own = next((one for one in reversed(events) if one.command == command and one.outcome), None)
    if own is None:
        return None
    undo = next((one for one in events if one.what == "undo" and one.command != command), None)
    refusal = own.event if own.outcome == "refused" else {}
    first = {name: refusal.get(name) or default for name, default in FIRST.items()}
    if undo is not None:
        first = {"by": undo.who, "by_desk": undo.desk, "did": undo.what, "did_at_ms": undo.at_ms}
    state = own.outcome if undo is None else "superseded"
    return _said({"id": command, "state": state, "reason": own.reason, "alarm": own.alarm, "at_ms": own.at_ms, **first})


FIRST: dict[str, Any] = {"known": (), "by": "", "by_desk": "", "did": "", "did_at_ms": None}
"""What a refusal says of who was first."""


def _said(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": outcome["id"],
        "state": outcome["state"],
        "reason": outcome.get("reason", ""),
        "by": outcome.get("by", ""),
        "by_desk": outcome.get("by_desk", ""),
        "did": outcome.get("did", ""),
        "did_at": iso(outcome.get("did_at_ms")),
        "did_at_ms": outcome.get("did_at_ms"),
        "known": list(outcome.get("known") or ()),
        "alarm": outcome.get("alarm", ""),
        "revision": outcome.get("revision", 0),
        "covers_count": outcome.get("covers_count", 0),
        "at": iso(outcome["at_ms"]),
        "at_ms": outcome["at_ms"],
    }


def sentence(state: Mapping[str, Any]) -> Name:
    """Say in words why a command was refused, and who was first; empty where there is nothing to explain."""
    if not state["reason"]:
        return Name("", "")
    said, known = why(state["reason"], state["by"], state["by_desk"]), state["known"]
    if not known:
        return said
    return Name(f"{said.zh}（现有：{'、'.join(known)}）", f"{said.en} There are: {', '.join(known)}.")
