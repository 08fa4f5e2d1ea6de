"""What one route has been told of one alarm, and what the alarm's row makes news. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from alerts.notifiers.letters import Face, What, face  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.notifiers.letters import Item
    from alerts.notifiers.routes import Route

COVERED = frozenset({"shelved", "suppressed", "out_of_service"})
"""Standings in which an alarm is nobody's business outside."""
AWAITED = frozenset({"unacknowledged", "latched_unacknowledged"})
"""Standings in which somebody should act, unless the condition is over and nothing latches."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Of one alarm, to one route."""

    face: Face
    count: int
    """Items made so far."""
    waiting_since_ms: int
    """Of the newest of them."""
    state: Literal["open", "over", "untold"]
    """`open`: a raise was told, or is to be, and no end since; `untold`: that raise was taken back or given up."""


class News(NamedTuple):
    """What a row makes of it."""

    told: Told
    what: What | None
    """None = nothing to say."""
    after_ms: int = 0
    """When an item of it is due, by the engine's time; 0 = at once."""
    silent: bool = False
    """Nobody needs to be told what is not due yet: it was taken, covered, is over, or is no longer for this route."""


def news(route: Route, before: Told | None, row: Mapping[str, Any]) -> News | None:
    """Judge an alarm's row for a route; None = it never concerned it.

    News is: it waits for a person and did not before, or waits anew; it is over, and was told to stand. One that is
    latched is not over before somebody resets it.
    """
    stands, standing, since_ms = row["process"] != "returned", row["standing"], row["waiting_since_ms"]
    waits = stands and standing in AWAITED and route.takes(row)
    if before is None and not waits:
        return None
    seen = face(row)
    told = unheard(seen) if before is None else _seen(before, seen)
    if waits and (told.state == "over" or since_ms > told.waiting_since_ms):
        what: What = "waiting" if told.state == "open" else "raised"
        if before is not None and what == "waiting" and seen.level < before.face.level:
            what = "risen"
        told = msgspec.structs.replace(told, count=told.count + 1, waiting_since_ms=since_ms, state="open")
        return News(told, what, since_ms + round(route.after_s * 1000) if route.after_s > 0 else 0)
    if stands or standing in COVERED:
        return News(told, None, silent=not waits)
    return over(told)


def _seen(told: Told, seen: Face) -> Told:
    """Take how the alarm looks now; another value alone is not worth keeping."""
    alike = msgspec.structs.replace(seen, value=told.face.value) == told.face
    return told if alike else msgspec.structs.replace(told, face=seen)


def over(told: Told) -> News:
    """Say that an alarm is over, where it was told to stand."""
    if told.state != "open":
        return News(msgspec.structs.replace(told, state="over"), None)
    return News(msgspec.structs.replace(told, count=told.count + 1, state="over"), "ended", silent=True)


def unheard(seen: Face) -> Told:
    """Return what stands where nothing was told yet."""
    return Told(face=seen, count=0, waiting_since_ms=-1, state="over")


def taken_over(told: Told, item: Item) -> Told | None:
    """Return what a route has been told once it tells another's item, None = it was told as much itself."""
    if (told.state != "open") if item.is_over else (item.waiting_since_ms <= told.waiting_since_ms):
        return None
    since_ms = max(told.waiting_since_ms, item.waiting_since_ms)
    state: Literal["open", "over"] = "over" if item.is_over else "open"
    return Told(face=item.face, count=told.count + 1, waiting_since_ms=since_ms, state=state)
