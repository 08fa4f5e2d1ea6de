"""An incident: alarms that have one cause, which speaks for all of them but those of level I."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from alerts.alarm import Taken, Under  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from alerts.alarm import Alarm

LISTED = 50
"""Alarms that an incident names; all others name it."""
ALONE = 1
"""The level whose alarms stand for themselves, in an incident too."""

OF_CAUSE = ("domain", "kind", "entity", "zone")
"""What an incident says as its cause does, also when that has ended."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How an incident ended: with what took its last open alarm."""

    at_ms: int
    """Engine time."""
    because: Literal["returned", "ended", "retired", "moved", "merged"]
    """Its condition was over; a person ended it; the city has no such thing any more; a person took it elsewhere;
    another incident took it over."""
    who: str = ""
    """Who did that, "" = nobody."""
    taken: Taken | None = None
    """The acknowledgement of that alarm."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One that has open alarms, or how it ended. Invariant: its numbers are those of its members as they stand."""

    id: str
    city: str
    cause: str
    """Id of the alarm; it may have ended."""
    domain: str
    kind: str
    entity: str
    zone: str
    newest: Under | None = None
    """Why the newest of the others came into it."""
    opened_at_ms: int
    """Engine time; so `waiting_since_ms`: since when the operators should be shown it."""
    waiting_since_ms: int
    levels: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Members of level I, II, III, IV."""
    worst_level: int | None = None
    """The worst level that a member ever had."""
    alarms_count: int = 0
    """Alarms that ever came into it."""
    asking: int = 0
    """Members that somebody should look at, but those of level I and of equipment."""
    listed: tuple[str, ...] = ()
    """The first `LISTED` of its members that are still open."""
    taken: Taken | None = None
    """The newest acknowledgement of the whole; it holds for what joins and is no worse than …"""
    taken_level: int = ALONE
    """… the worst that was there then."""
    desk: str = ""
    """Whose it is, with all of its members."""
    handed: str = ""
    """The desk that it was handed to, "" = it is where its first cause was."""
    presented_at_ms: int | None = None
    """Engine time at which the operators were last shown it, None = they were not."""
    release_at_ms: int | None = None
    """Engine time at which its members stand by themselves, because the cause is over; None = it is not."""
    merged_into: str | None = None
    """The incident that took its members over."""
    end: End | None = None
    """None = it is open."""

    @property
    def count(self) -> int:
        """Its members."""
        return sum(self.levels)

    @property
    def level(self) -> int | None:
        """The worst level of its members, None = it has none."""
        return next((level for level, count in enumerate(self.levels, 1) if count), None)

    @property
    def folded_level(self) -> int:
        """The worst level of those that do not stand for themselves."""
        return next((level for level, count in enumerate(self.levels, 1) if count and level > ALONE), len(self.levels))


def recounted(incident: Incident, before: Alarm | None, alarm: Alarm | None) -> Incident:
    """Return the incident with a member that joined (no `before`), changed, or left (no `alarm`)."""
    if before is not None and alarm is not None and _counts_as(before) == _counts_as(alarm):
        return incident
    levels = list(incident.levels)
    asking, listed = incident.asking, incident.listed
    if before is not None:
        levels[before.level - 1] -= 1
        asking -= asks_on_card(before)
    if alarm is not None:
        levels[alarm.level - 1] += 1
        asking += asks_on_card(alarm)
        worst = min(alarm.level, incident.worst_level or alarm.level)
        incident = replace(incident, worst_level=worst, alarms_count=incident.alarms_count + (before is None))
    if before is None and alarm is not None and len(listed) < LISTED:
        listed = (*listed, alarm.id)
    elif before is not None and alarm is None:
        listed = tuple(one for one in listed if one != before.id)
    return replace(incident, levels=tuple(levels), asking=asking, listed=listed)


def _counts_as(alarm: Alarm) -> tuple[int, bool]:
    return alarm.level, asks_on_card(alarm)


def asks_on_card(alarm: Alarm) -> bool:
    """Tell whether somebody should look at the card because of this member; level I stands for itself."""
    return alarm.level > ALONE and not alarm.equipment and alarm.asks


def about(alarm: Alarm) -> dict[str, Any]:
    """Return what an incident says of its cause."""
    return {"cause": alarm.id, **{name: getattr(alarm, name) for name in OF_CAUSE}}
