"""The life of alarms by hand: inputs in, a second each, and what they did."""

from msgspec.structs import replace

from alerts.apply import apply
from alerts.events import ClockSet, Event
from alerts.judge import judge_detection, judge_time
from alerts.judge_commands import judge_command
from alerts.state import State
from streams.city.clock import ClockSetting
from streams.city.scope import Scope
from streams.contract.records import Detection

BEGUN_MS = 1_000_000

SCOPE = Scope(0, "c", latching=frozenset({"gas_leak"}))
"""Of a city of which it is not said what it has, but that leaks latch."""


def live(*inputs: object) -> tuple[State, list[str | None]]:
    """Fold the inputs, one a second → the state and, for each, what it did (None = nothing); a number waits so long."""
    state = State()
    did: list[str | None] = []
    now_ms = BEGUN_MS
    for one in inputs:
        now_ms += one if isinstance(one, int) else 1000
        while (due := judge_time(state, now_ms)) is not None:
            apply(state, due, due.at_ms)
            did.append(due.what)
        if isinstance(one, int):
            continue
        event = _judged(state, one, now_ms)
        if event is not None:
            apply(state, event, now_ms)
        did.append(event and _name(event))
    return state, did


def _judged(state: State, one: object, now_ms: int) -> Event | None:
    if isinstance(one, Detection):
        return judge_detection(state, one, SCOPE, now_ms)
    if isinstance(one, ClockSetting):
        return ClockSet(setting=replace(one, wall_ms=now_ms))
    return judge_command(state, one, now_ms, SCOPE)


def _name(event: Event) -> str:
    if isinstance(event, ClockSet):
        return "clock"
    return getattr(event, "change", None) or getattr(event, "reason", None) or event.command.action


def standing(state: State) -> list[tuple]:
    return [(one.id, one.process, one.level, one.taken is not None, one.count) for one in state.open.values()]
