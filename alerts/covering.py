"""Alarms as what covers them begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.alarm import Covering
from alerts.earlier import SEEN_TO
from alerts.moving import REMEMBERED, revised

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Last
    from alerts.covers import Cover
    from alerts.state import State


def covered(state: State, alarm: Alarm, last: Last) -> Alarm:
    """Return the alarm with what covers it now; `last` made the difference, if there is one.

    What nothing covers any more calls for somebody, from now on.
    """
    covers = state.over(alarm)
    if covers == alarm.covers:
        return alarm
    if [one.id for one in covers] == [one.id for one in alarm.covers]:
        return replace(alarm, covers=covers)
    if not covers:
        alarm = replace(alarm, waiting_since_ms=last.at_ms, unseen=False)
    return revised(replace(alarm, covers=covers, coverings=_told(alarm, covers, last)), last)


def _told(alarm: Alarm, covers: tuple[Cover, ...], last: Last) -> tuple[Covering, ...]:
    """Return when what covered the alarm's place did, with what begins and ends now."""
    before, now = ({one.id for one in of} for of in (alarm.covers, covers))
    told = [replace(one, ended=last) if one.ended is None and one.cover not in now else one for one in alarm.coverings]
    told += [
        Covering(cover=one.id, what=one.what, who=one.who, desk=one.desk, why=one.why, since_ms=last.at_ms)
        for one in covers
        if one.id not in before and one.what != "shelved"
    ]
    return tuple(told[-REMEMBERED:])


def recover_within(state: State, cover: Cover, last: Last) -> int:
    """Have each alarm of a place know what covers it now → how many there are."""
    found = state.within(cover.city, cover.where)
    for alarm in [*found, *(_left(state, cover, found) if cover.where.zone and state.version >= SEEN_TO else ())]:
        changed = covered(state, alarm, last)
        if changed != alarm:
            state.put(changed)
    return len(found)


def _left(state: State, cover: Cover, found: list[Alarm]) -> list[Alarm]:
    """Return the alarms that a cover is said to be over, but that are elsewhere."""
    here = {one.id for one in found}
    alarms = state.open.values()
    return sorted(
        (one for one in alarms if one.id not in here and any(of.id == cover.id for of in one.covers)),
        key=lambda one: one.id,
    )
