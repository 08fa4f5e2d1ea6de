"""What a person decides, and what the engine tells itself: JSON on `city.commands.v1`, one shape for each action."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from alerts.roles import Role  # at run time: msgspec reads the types of the fields
from streams.city.windows import Window

TIME_END_MS = 2**53
"""Times are below: every reader of JSON holds them exactly."""

ID_MOST = 200
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MOST)]
NoId: TypeAlias = Annotated[str, msgspec.Meta(max_length=ID_MOST)]
"""An id, or "" = none."""
Who: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\S")]
"""A name or a desk; blanks alone are none."""
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
Reason: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=r"\S")]
Time: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=TIME_END_MS)]
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=1, lt=TIME_END_MS)]
Duration: TypeAlias = Annotated[int, msgspec.Meta(ge=1, lt=TIME_END_MS)]


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alarms by what they are of; what is "" may be anything."""

    zone: Text = ""
    domain: Text = ""
    kind: Text = ""
    entity: Text = ""


class Base(msgspec.Struct, frozen=True, kw_only=True, tag_field="action"):
    """What every command says. A repeat has the same `id`."""

    id: Id
    city: Id
    who: Who
    desk: Who
    role: Role | Literal[""] = ""
    """In which they do it; `alerts.roles` says whether they may."""
    why: Text = ""
    verified: bool = False
    """Whether somebody proved who gave it; nobody does yet, so the journal says false whatever came."""
    key: NoId = ""
    """By which whoever asked knows the request: it names one command, whichever wall is asked; "" = they gave none."""
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
    """I have seen it and act on it, or on a whole incident but for its alarms of level I."""

    alarm: NoId = ""
    """Its id, or that of …"""
    incident: NoId = ""
    seen_level: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    for_ms: Duration | None = None
    """So long; then it must be acknowledged again. None = until it rises."""


class Unacknowledge(OfAlarm, frozen=True, kw_only=True, tag="unacknowledge"):
    """Nobody acts on it any more, or on a whole incident but for its alarms of level I."""

    alarm: NoId = ""
    """Its id, or that of …"""
    incident: NoId = ""


class Note(OfAlarm, frozen=True, kw_only=True, tag="note"):
    """Something to know about it; never in conflict with anything."""

    why: Reason


class Warn(Note, frozen=True, kw_only=True, tag="warn"):
    """The public is warned of it; `why` says with which message. `citywall warn` gives it before the message leaves."""

    message: Id
    """Identifier of the CAP message."""
    status: Literal["Actual", "Exercise", "Test"]


class End(OfAlarm, frozen=True, kw_only=True, tag="end"):
    """It is over, whatever the readings say."""

    why: Reason


class Assign(OfAlarm, frozen=True, kw_only=True, tag="assign"):
    """That desk sees to it."""

    to: Who


class Escalate(OfAlarm, frozen=True, kw_only=True, tag="escalate"):
    """It is beyond us: that desk has to know."""

    to: Who
    why: Reason


class Reset(OfAlarm, frozen=True, kw_only=True, tag="reset"):
    """Let go of one that is over and latched."""


class Shelve(OfAlarm, frozen=True, kw_only=True, tag="shelve"):
    """I know it; show it again after so long, or as soon as it is worse."""

    why: Reason
    for_ms: Duration


class Unshelve(OfAlarm, frozen=True, kw_only=True, tag="unshelve"):
    """Show it again now."""


class Fold(OfAlarm, frozen=True, kw_only=True, tag="fold"):
    """It has the cause of that alarm or incident."""

    into: Id


class Split(OfAlarm, frozen=True, kw_only=True, tag="split"):
    """It does not belong to its incident."""


class OfPlace(Base, frozen=True, kw_only=True):
    """A command about all alarms of a place, a domain, a kind or an entity, those to come too."""

    where: Where
    why: Reason


class Suppress(OfPlace, frozen=True, kw_only=True, tag="suppress"):
    """Work is done there: what alarms in that time is by design."""

    window: Window


class TakeOut(OfPlace, frozen=True, kw_only=True, tag="take_out"):
    """It is out of service until somebody puts it back."""


class OfCommand(Base, frozen=True, kw_only=True):
    """A command about an earlier one."""

    command: Id


class Lift(OfCommand, frozen=True, kw_only=True, tag="lift"):
    """That suppression is over."""


class Restore(OfCommand, frozen=True, kw_only=True, tag="restore"):
    """What that command took out of service is back."""


class Undo(OfCommand, frozen=True, kw_only=True, tag="undo"):
    """Take back one's own command, soon after it."""


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="tick"):
    """Time has passed: what is due at its arrival happens. The engine's own."""

    id: str = ""
    signature: str = ""


AlarmCommand: TypeAlias = (
    Acknowledge | Unacknowledge | Note | Warn | End | Assign | Escalate | Reset | Shelve | Unshelve | Fold | Split
)  # fmt: skip
PlaceCommand: TypeAlias = Suppress | TakeOut
Command: TypeAlias = AlarmCommand | PlaceCommand | Lift | Restore | Undo
