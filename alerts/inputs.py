"""What an input is, by its topic, and which event it makes of the alarms as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import reading
from alerts.commands import Tick
from alerts.events import ClockSet, Refused, Unreadable
from alerts.judge import judge_detection
from alerts.judge_commands import judge_command
from streams.broker.topics import CLOCK, DETECTIONS

if TYPE_CHECKING:
    from alerts.events import Event
    from alerts.state import State
    from streams.alarms.order import Input
    from streams.city.scope import Scope


def event_of(state: State, one: Input, scope: Scope | None, key: bytes, now_ms: int) -> Event | None:
    """Return what a finding, a setting of the city clock or a command does, None = nothing.

    Args:
        state: as it stands.
        one: the input.
        scope: the newest version of the city, None = none is known.
        key: by which commands are signed.
        now_ms: engine time.
    """
    if one.topic == DETECTIONS:
        found = reading.detection(one.value)
        return Unreadable(reason="bad_detection") if found is None else judge_detection(state, found, scope, now_ms)
    if one.topic == CLOCK:
        setting = reading.clock(one.value, one.arrived_ms)
        return Unreadable(reason="bad_clock") if setting is None else ClockSet(setting=setting)
    return _of_command(state, one, scope, key, now_ms)


def _of_command(state: State, one: Input, scope: Scope | None, key: bytes, now_ms: int) -> Event | None:
    found = reading.command(one.value, key)
    if found is None:
        return Unreadable(reason="bad_command")
    if isinstance(found, Tick):
        return None
    if isinstance(found, Refused):
        return None if found.id in state.outcomes else found
    return judge_command(state, found, now_ms, scope)
