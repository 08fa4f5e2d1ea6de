"""The life of alarms by hand: inputs in, a second each, and what they did."""

from alerts.apply import apply
from alerts.judge import judge_detection, judge_time
from alerts.judge_commands import judge_command
from alerts.state import State
from streams.contract.records import Detection

BEGUN_MS = 1_000_000


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
        event = judge_detection(state, one) if isinstance(one, Detection) else judge_command(state, one, now_ms)
        if event is not None:
            apply(state, event, now_ms)
        did.append(event and (getattr(event, "change", None) or getattr(event, "reason", None) or event.command.action))
    return state, did


def standing(state: State) -> list[tuple]:
    return [(one.id, one.process, one.level, one.taken is not None, one.count) for one in state.open.values()]
