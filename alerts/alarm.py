"""An alarm as parts, so that none forgets another: its process, who acknowledged it, what is about to close it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from alerts.covers import RANK, Cover, What
from alerts.rules.record import Words
from alerts.transitions import Standing
from streams.city.scope import Lack  # at run time: msgspec reads the types of the fields
from streams.city.surroundings import Ear
from streams.contract.level import Level

UNACKNOWLEDGED = (Standing.UNACKNOWLEDGED, Standing.RETURNED_UNACKNOWLEDGED, Standing.LATCHED_UNACKNOWLEDGED)


class Taken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An acknowledgement."""

    who: str
    desk: str
    why: str = ""
    at_ms: int
    """Engine time; so `until_ms`, None = until it rises."""
    until_ms: int | None = None


class Closing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What closes it, unless it is undone before."""

    action: str
    """`acknowledge` of what has returned, `end` or `reset`; `return` of what somebody had just acknowledged."""
    who: str
    at_ms: int
    """Engine time at which it closes."""


class Last(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What made the revision: whoever saw an older one is told it."""

    what: str
    """`raised`, `risen`, `lapsed`, `covered`, `uncovered` or the action of a command."""
    who: str = ""
    desk: str = ""
    at_ms: int


class Handed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """To which desk it was handed, and by whom."""

    to: str
    who: str
    desk: str
    at_ms: int


class Covering(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A time in which a place's suppression or out-of-service mark covered it."""

    cover: str
    """Id of the command, or `rule:` and the kind whose schedule it is."""
    what: What
    who: str = ""
    """Who gave the command; so `desk` and `why`."""
    desk: str = ""
    why: str = ""
    since_ms: int
    """Engine time."""
    ended: Last | None = None
    """What ended it, None = it covers the alarm still, or did when that closed."""


Because: TypeAlias = Literal["feed", "feeds", "drains", "powers", "carries", "queue", "place", "burst", "part", "hand"]
"""What ties an alarm to another: its feed is silent; a relation of the city; a jam down the road; the same place and
time; many of its kind in its zone; a person."""


class Under(msgspec.Struct, frozen=True, kw_only=True):
    """A fold: the alarm under which another one came, and why."""

    of: str
    because: Because
    why: Words


class Alarm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An open alarm, or how it ended."""

    id: str
    city: str
    domain: str
    kind: str
    entity: str
    zone: str
    level: Level
    """1 = I (highest) … 4 = IV; one that has returned keeps its last one."""
    process: Literal["active", "returned", "latched"] = "active"
    taken: Taken | None = None
    closing: Closing | None = None
    covers: tuple[Cover, ...] = ()
    """What covers it now, the one that names it first."""
    coverings: tuple[Covering, ...] = ()
    """The newest of what has covered its place, the oldest first; shelves are commands of its own."""
    unseen: bool = False
    """It has been covered ever since it was raised: nobody was told of it."""
    of_whole: tuple[Last, ...] = ()
    """The newest of what people did to it with its incident, oldest first; what it joined under, too."""
    assigned: Handed | None = None
    escalated: Handed | None = None
    revision: int = 1
    """Rises with the raise, each rise of level and each change by a person or by expiry; never with a finding else."""
    last: Last
    raised_at_ms: int
    """Event time; so `updated_at_ms`, of the newest finding that changed it, and `returned_at_ms`."""
    updated_at_ms: int
    returned_at_ms: int | None = None
    waiting_since_ms: int
    """Engine time since which somebody should look at it."""
    value: float | None
    """As the newest finding with a level gave it; so `limit`, `unit`, `basis` and `evidence`."""
    limit: float | None
    unit: str
    basis: str
    evidence: dict[str, float | str]
    count: int = 1
    """Findings with a level that it has taken."""
    changes: int = 1
    """How often its condition began or ended, or its level fell and came back."""
    fell_at_ms: int | None = None
    """Engine time at which its level fell, None = it has not since it came back, or was raised."""
    newest_level: Level | None = None
    """What the newest finding gave, while it is held at a worse level because it chatters; None = it is at its own."""
    over_at_ms: int | None = None
    """Event time of the condition's end, while it is held active because it chatters; None = it is not over."""
    latches: bool = False
    """It stays until somebody resets it, once its condition is over."""
    calm_at_ms: int | None = None
    """Engine time at which it no longer chatters if nothing changes, None = it does not chatter."""
    ears: tuple[Ear, ...] = ()
    """The sensors by which something is known of it, where it is of none itself, as they were at its raise."""
    uncertain_since_ms: int | None = None
    """Event time since which nothing is heard of what it is about; None = it is heard."""
    notes_count: int = 0
    processor: str = ""
    """Who found it, as the newest finding says; "" = nobody said so."""
    ended: Closing | None = None
    """What closed it, where a person did."""
    incident: str | None = None
    """Id of the incident that it belongs to, None = it stands alone."""
    under: Under | None = None
    """Why it came into its incident, None = it began it."""
    equipment: bool = False
    """It is of a device and has blinded nobody: it stands on the list of equipment, not on the operators'."""
    desk: str = ""
    """Whose it is, as `alerts.desks` says; "" = of the one desk."""
    presented_at_ms: int | None = None
    """Engine time at which the operators were shown it by itself, None = they were not."""
    retired: Lack | None = None
    """It ended because the city has no such entity, or no such kind of alarm, any more."""

    @property
    def standing(self) -> Standing:
        """Its process and acknowledgement by one name; one that is closing stands as it did."""
        if self.process == "active":
            return Standing.UNACKNOWLEDGED if self.taken is None else Standing.ACKNOWLEDGED
        if self.process == "returned":
            return Standing.RETURNED_UNACKNOWLEDGED
        return Standing.LATCHED_UNACKNOWLEDGED if self.taken is None else Standing.LATCHED_ACKNOWLEDGED

    @property
    def shown(self) -> str:
        """The one name that people read: what covers it, else its standing."""
        return self.covers[0].what if self.covers else self.standing.value

    @property
    def asks(self) -> bool:
        """Whether somebody should look at it: nobody has said that they do, and nothing covers it."""
        return self.standing in UNACKNOWLEDGED and self.closing is None and not self.covers

    @property
    def cover(self) -> dict[str, Cover]:
        """What covers it → the first of those."""
        return {one.what: one for one in reversed(self.covers)}

    @property
    def due_ms(self) -> int | None:
        """Engine time at which something happens to it by itself, None = nothing does."""
        if self.closing is not None:
            return self.closing.at_ms
        times = (None if self.taken is None else self.taken.until_ms, self.calm_at_ms)
        return min((one for one in times if one is not None), default=None)


def ranked(covers: list[Cover]) -> tuple[Cover, ...]:
    """Return covers in the order in which they name an alarm; of one rank, the oldest first."""
    return tuple(sorted(covers, key=lambda one: (RANK.index(one.what), one.at_ms, one.id)))
