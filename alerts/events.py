"""What the journal tells: the events of alarms. A record of the chain holds those of one run of inputs."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import msgspec

from alerts.alarm import Under
from alerts.commands import Command
from alerts.covers import Cover  # at run time: msgspec reads the types of the fields
from streams.city.clock import ClockSetting
from streams.city.parts import Desk
from streams.city.scope import Lack
from streams.city.surroundings import Ear
from streams.contract.records import Detection

Change: TypeAlias = Literal[
    "raised", "updated", "risen", "lowered", "cleared", "latched", "returned", "normal",
    "evidence", "ended", "future", "behind",
]  # fmt: skip
"""What a finding did. `latched`: it is over, and stays until somebody resets it; `returned`: an alarm that was over is
active again; `normal`: an end of what was not active. Nothing did: `evidence`, because the city does not have what it
speaks of any more; `ended`, because a person ended the alarm and it has not been normal since; `future`, because the
city clock is not there yet; `behind`, because it is an end of before the raise."""


class Placed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a new alarm belongs, by what the version of the city in force knows."""

    equipment: bool = False
    """It is of a device, and blinds nobody to an alarm of level I or II."""
    incident: str = ""
    """Id of the incident that it comes into or begins, "" = it stands alone."""
    cause: str = ""
    """The alarm that is the incident's cause from now on."""
    under: Under | None = None
    """What it comes under, None = it is the cause."""
    others: tuple[str, ...] = ()
    """Alarms that come into the incident with it, each with the whole of its own …"""
    over: Under | None = None
    """… and why: it is their cause."""
    apart: bool = False
    """That an alarm of level I was shown is no showing of the incident's card; before version 7 it was."""
    elsewhere: Under | None = None
    """What it comes from, where another desk sees to that: it stands alone, or begins an incident, all the same."""
    ears: tuple[Ear, ...] = ()
    """The sensors by which something is known of it, where it is of none itself."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="finding"):
    """A detection that was news."""

    change: Change
    alarm: str
    """Id of the alarm it changed; empty where there is none."""
    detection: Detection
    placed: Placed | None = None
    """Of one that is raised, None = it stands alone."""
    blinding: tuple[str, ...] = ()
    """Alarms of equipment that hide something from who acts on this one, which is of level I or II."""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="done"):
    """A person's command that took effect."""

    alarm: str
    """Id; empty where it is of a place."""
    command: Command


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """A command that changed nothing, and why."""

    id: str
    """Of the command; so `alarm`, both as it named them."""
    alarm: str
    command: Command | None
    """None = it is none that this version knows."""
    reason: str
    by: str | None = None
    """Who was first, where somebody was; so `by_desk`, `did`, `did_at_ms`."""
    by_desk: str | None = None
    did: str = ""
    did_at_ms: int | None = None
    known: tuple[str, ...] = ()
    """What there is, where it named what there is not."""


class TimeReached(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="time_reached"):
    """Something was due."""

    alarm: str
    """Empty where it was due of a cover of many."""
    cover: str = ""
    what: Literal["lapsed", "closed", "calmed", "covered", "uncovered"]
    """`lapsed`: an acknowledgement; `calmed`: it no longer chatters; `covered`: a window begins."""
    at_ms: int
    """Engine time at which it was."""


class Presented(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="presented"):
    """What had to wait was shown to the operators: they have not been shown too much lately."""

    alarm: str = ""
    """Its id, or that of …"""
    incident: str = ""
    at_ms: int
    """Engine time at which it was."""


class Released(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="released"):
    """The cause of an incident has been over for so long that what still stands there stands by itself."""

    incident: str
    at_ms: int
    """Engine time at which it was."""


class ClockSet(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="clock"):
    """The city clock goes on from another time, or at another speed."""

    setting: ClockSetting


class Scheduled(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="scheduled"):
    """A version of the city says when alarms of a kind are presented; outside of it they are suppressed."""

    kind: str
    cover: Cover | None
    """None = always again."""
    version: int


class DesksSet(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="desks"):
    """A version of the city says who watches what; what stands goes over to whom it is now."""

    desks: tuple[Desk, ...]
    """In their order; none = one, which watches all."""
    version: int


class Retired(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="retired"):
    """A version of the city does not have what the alarm is of: it has ended, and nobody needs to acknowledge it."""

    alarm: str
    lack: Lack
    version: int
    at_ms: int
    """Newest event time that the journal tells of."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="unreadable"):
    """An input record that is not what its topic carries; its bytes are found by its cause."""

    reason: Literal["bad_detection", "bad_command", "bad_clock"]


Due: TypeAlias = TimeReached | Presented | Released
"""What time makes."""
Event: TypeAlias = Finding | Done | Refused | Due | ClockSet | Scheduled | DesksSet | Retired | Unreadable


class Cause(NamedTuple):
    """The input record that an event comes from; its topic has one partition."""

    topic: str
    offset: int
