"""What became of a command: JSON on `city.outcomes.v1`, by the command's id."""

from __future__ import annotations

from typing import Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Said once and for all; only an undo takes a `done` back."""

    id: str
    state: Literal["done", "refused", "superseded"]
    """`superseded`: it was done, and undone since."""
    alarm: str = ""
    reason: str = ""
    """Of a refusal; the words for it are `alerts.kinds`'."""
    by: str = ""
    """Who was first, or who undid it; so `by_desk`, `did` and `did_at_ms`."""
    by_desk: str = ""
    did: str = ""
    did_at_ms: int | None = None
    known: tuple[str, ...] = ()
    """What there is, where it named what there is not."""
    revision: int = 0
    """Of the alarm behind it."""
    covers_count: int = 0
    """Open alarms that it covers, where it is of a place."""
    at_ms: int
    """Engine time."""
