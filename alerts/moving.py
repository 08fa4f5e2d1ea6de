"""An alarm behind a step of the table of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from alerts.alarm import Closing, Last
from alerts.earlier import STEADIED
from alerts.transitions import PROCESS, TABLE, Effect, Standing, Step

if TYPE_CHECKING:
    from alerts.alarm import Alarm, Taken
    from alerts.commands import Base
    from alerts.state import State
    from alerts.transitions import Happening


UNDO_MS = 5_000
"""So long a person may take back what they did; what closes an alarm waits for it."""

REMEMBERED = 20
"""What was done to an alarm with its incident, or to its place, is told of the newest times."""

RETURN = "return"
"""What closes an alarm whose condition is over and that somebody acknowledged: nobody has ended it."""


class ImpossibleError(Exception):
    """The chain tells of something that cannot be; the message says what."""


def opened_one(state: State, alarm_id: str) -> Alarm:
    """Return an open alarm. Raises ImpossibleError where it is not."""
    alarm = state.open.get(alarm_id)
    if alarm is None:
        raise ImpossibleError(f"alarm {alarm_id} is not open")
    return alarm


def step_of(alarm: Alarm, happening: Happening) -> Step:
    """Return where it leads. Raises ImpossibleError where it leads nowhere."""
    step = TABLE[alarm.standing][happening]
    if not isinstance(step, Step):
        raise ImpossibleError(f"alarm {alarm.id} is {alarm.standing}: {happening} leads nowhere ({step.reason})")
    return step


def moved(alarm: Alarm, step: Step, last: Last, taken: Taken | None = None) -> Alarm:
    """Return the alarm behind a step; `last` is what made its revision, if there is a new one."""
    if Effect.TAKE in step.effects:
        alarm = replace(alarm, taken=taken)
    elif Effect.RELEASE in step.effects:
        alarm = replace(alarm, taken=None)
    if Effect.WAIT in step.effects:
        alarm = replace(alarm, waiting_since_ms=last.at_ms)
    if Effect.REVISE in step.effects:
        alarm = revised(alarm, last)
    if step.to is not Standing.NORMAL and alarm.process != PROCESS[step.to]:
        alarm = replace(alarm, process=PROCESS[step.to])
    return alarm


def of_whole(alarm: Alarm, last: Last) -> Alarm:
    """Return an alarm that tells what somebody did to it with its incident."""
    return replace(alarm, of_whole=(*alarm.of_whole, last)[-REMEMBERED:])


def revised(alarm: Alarm, last: Last) -> Alarm:
    """Return the alarm in a new revision: what a person saw before is no longer so."""
    return replace(alarm, revision=alarm.revision + 1, last=last)


def put(state: State, alarm: Alarm, step: Step, at_ms: int) -> None:
    """Keep an alarm behind a step that a finding made at an engine time, or let it go."""
    if step.to is not Standing.NORMAL:
        state.put(alarm)
        return
    over = alarm if alarm.process != "active" else replace(alarm, process="returned")
    closing = _closing(over) if Effect.CLOSE_LATER in step.effects and state.version >= STEADIED else None
    if closing is None or closing.at_ms <= at_ms:
        state.close(over)
    else:
        state.put(replace(over, closing=closing))


def _closing(alarm: Alarm) -> Closing | None:
    """Return what closes an alarm that is over, and when: what somebody did of late can be undone till then."""
    taken = alarm.taken
    if alarm.closing is not None or taken is None:
        return alarm.closing
    return Closing(action=RETURN, who=taken.who, at_ms=taken.at_ms + UNDO_MS)


def last_of(command: Base, at_ms: int) -> Last:
    """Return what makes the revision that a command leads to."""
    return Last(what=command.action, who=command.who, desk=command.desk, at_ms=at_ms)
