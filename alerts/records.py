"""The plain data of alarms: a person's command, an alarm as it stands, and the events of the journal.

Times are event time in epoch ms: of the detection, or `at_ms` as the command gives it. No wall clock comes in.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec

from streams.city.scope import Lack  # at run time: msgspec reads the types of the fields
from streams.contract.records import Detection, Level

TIME_END_MS = 2**53
"""Times are below: every reader of JSON holds them exactly."""

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided; JSON on `city.commands.v1`. A repeat has the same `id`."""

    id: Name
    city: Name
    action: Name
    """`acknowledge`; any other is refused."""
    alarm: Name
    who: Name
    desk: Annotated[str, msgspec.Meta(max_length=200)]
    why: Annotated[str, msgspec.Meta(max_length=2000)]
    at_ms: Annotated[int, msgspec.Meta(ge=0, lt=TIME_END_MS)]
    seen_level: Literal[1, 2, 3, 4]
    """The level that the person had on screen."""
    verified: bool = False
    """Whether somebody proved who gave it; nobody does yet, so the journal says false whatever came."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An open alarm; its JSON is the projection on `city.alarms.v1`. Cleared and acknowledged is closed."""

    id: str
    city: str
    domain: str
    kind: str
    entity: str
    zone: str
    level: Level
    """1 = I (highest) … 4 = IV; a cleared alarm keeps its last one."""
    state: Literal["active", "cleared"] = "active"
    acknowledged: bool = False
    acknowledged_by: str | None = None
    acknowledged_desk: str | None = None
    acknowledged_at_ms: int | None = None
    why: str | None = None
    raised_at_ms: int
    updated_at_ms: int
    """Event time of the newest finding that changed it."""
    cleared_at_ms: int | None = None
    value: float | None
    """As the newest finding with a level gave it; so `limit`, `unit`, `basis` and `evidence`."""
    limit: float | None
    unit: str
    basis: str
    evidence: dict[str, float | str]
    count: int = 1
    """Findings with a level that it has taken."""
    processor: str = ""
    """Who found it, as the newest finding says; "" = nobody said so."""
    retired: Lack | None = None
    """It ended because the city has no such entity, or no such kind of alarm, any more."""


Change: TypeAlias = Literal["raised", "updated", "risen", "lowered", "cleared", "returned", "normal", "evidence"]
"""What a finding did. `returned`: a cleared alarm is active again; `normal`: an end of what was not active; `evidence`:
nothing, because the city does not have what it speaks of any more."""

Refusal: TypeAlias = Literal["unknown_alarm", "closed", "already_acknowledged", "level_risen", "unknown_action"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="finding"):
    """A detection that was news."""

    change: Change
    alarm: str
    """Id of the alarm it changed; empty where there is none (`normal`, `evidence`)."""
    detection: Detection


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="acknowledged"):
    """A person has taken the alarm."""

    alarm: str
    command: Command


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """A command that changed nothing, and why."""

    alarm: str
    command: Command
    reason: Refusal
    by: str | None = None
    """Who was first, where somebody was; so `by_desk`."""
    by_desk: str | None = None


class Retired(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="retired"):
    """A version of the city does not have what the alarm is of: it has ended, and nobody needs to acknowledge it."""

    alarm: str
    lack: Lack
    version: int
    at_ms: int
    """Newest event time that the journal tells of."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="unreadable"):
    """An input record that is not what its topic carries; its bytes are found by its cause."""

    reason: Literal["bad_detection", "bad_command"]


Event: TypeAlias = Finding | Acknowledged | Refused | Retired | Unreadable


class Cause(NamedTuple):
    """The input record that an event comes from; its topic has one partition."""

    topic: str
    offset: int
