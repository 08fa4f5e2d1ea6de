"""Alarms as what covers them begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.moving import revised

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
    return revised(replace(alarm, covers=covers), last)


def recover_within(state: State, cover: Cover, last: Last) -> int:
    """Have each alarm of a place know what covers it now → how many there are."""
    found = state.within(cover.city, cover.where)
    for alarm in found:
        changed = covered(state, alarm, last)
        if changed != alarm:
            state.put(changed)
    return len(found)
