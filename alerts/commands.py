"""What a person decides, and what the engine tells itself: JSON on `city.commands.v1`, one shape for each action."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

TIME_END_MS = 2**53
"""Times are below: every reader of JSON holds them exactly."""

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Who: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\S")]
"""A name or a desk; blanks alone are none."""
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
Reason: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=r"\S")]
Time: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=TIME_END_MS)]
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=1, lt=TIME_END_MS)]
Duration: TypeAlias = Annotated[int, msgspec.Meta(ge=1, lt=TIME_END_MS)]


class Base(msgspec.Struct, frozen=True, kw_only=True, tag_field="action"):
    """What every command says. A repeat has the same `id`."""

    id: Id
    city: Id
    who: Who
    desk: Who
    why: Text = ""
    verified: bool = False
    """Whether somebody proved who gave it; nobody does yet, so the journal says false whatever came."""
    signature: str = ""
    """Of the wall over all else that it says: `alerts.signing`."""

    @property
    def action(self) -> str:
        """What it asks for, by the name in its record."""
        return str(self.__struct_config__.tag)


class OfAlarm(Base, frozen=True, kw_only=True):
    """A command about one alarm."""

    alarm: Id
    revision: Revision | None = None
    """Of the alarm as the person saw it; None = of a console of before 0.3.0, which says `seen_level`."""


class Acknowledge(OfAlarm, frozen=True, kw_only=True, tag="acknowledge"):
    """I have seen it and act on it."""

    seen_level: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    for_ms: Duration | None = None
    """So long; then it must be acknowledged again. None = until it rises."""


class Unacknowledge(OfAlarm, frozen=True, kw_only=True, tag="unacknowledge"):
    """Nobody acts on it any more."""


class Note(OfAlarm, frozen=True, kw_only=True, tag="note"):
    """Something to know about it; never in conflict with anything."""

    why: Reason


class End(OfAlarm, frozen=True, kw_only=True, tag="end"):
    """It is over, whatever the readings say."""

    why: Reason


class Undo(Base, frozen=True, kw_only=True, tag="undo"):
    """Take back one's own command, soon after it."""

    command: Id


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="tick"):
    """Time has passed: what is due at its arrival happens. The engine's own."""

    id: str = ""
    signature: str = ""


Command: TypeAlias = Acknowledge | Unacknowledge | Note | End | Undo
