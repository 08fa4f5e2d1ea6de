"""Failpoints: named places in the critical gaps where a test has a process killed, stopped or failed.

Off, and at the cost of one look at an empty dict, unless `arm` was called: the part's entry does it with what the
environment says (`deploy.config.settings`). A specification is `PLACE=ACTION@N`, several with commas between them:
at the N-th time (default: the first) that this process comes to PLACE, it does ACTION, once.

    intake:frames_acked=kill@3,zone:outputs_sent=error
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from streams.errors import ExactnessError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

Action = Literal["kill", "stop", "error"]
"""SIGKILL or SIGSTOP to oneself, or an ExactnessError."""

PLACES = (
    "intake:frames_acked",  # frames and dead letters are acknowledged, intake's state is not sent
    "intake:state_acked",  # intake's state is acknowledged, the chunk is not committed
    "zone:outputs_sent",  # metrics and detections are acknowledged, no snapshot holds their frames
    "zone:snapshot_written",  # the snapshot is acknowledged, its frames are not committed
    "second:outputs_sent",
    "second:snapshot_written",
    "alarms:journal_sent",  # the journal has the record, the engine has not read it back
    "alarms:journal_folded",  # it has read it back, the alarms' projections are not sent
    "history:stored",  # the store has all that came, Kafka has no commit of it
)


class _Armed(NamedTuple):
    action: Action
    at: int


_armed: dict[str, _Armed] = {}
_times: dict[str, int] = {}


def arm(specification: str) -> None:
    """Take a specification in the place of what was armed before; an empty one disarms.

    Raises SettingError for one that could never do what it says.
    """
    found = dict(_parse(one) for one in specification.split(",") if one.strip())
    _armed.clear()
    _times.clear()
    _armed.update(found)


def reach(place: str) -> None:
    """Say that the process has come to a place."""
    if _armed and place in _armed:
        _come(place)


def _come(place: str) -> None:
    _times[place] = _times.get(place, 0) + 1
    action, at = _armed[place]
    if _times[place] != at:
        return
    print(f"failpoint {place}: {action}", file=sys.stderr, flush=True)
    if action == "error":
        raise ExactnessError(f"the failpoint {place} was armed")
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)


def _parse(text: str) -> tuple[str, _Armed]:
    place, _, rest = text.strip().partition("=")
    action, _, number = rest.partition("@")
    if place not in PLACES:
        raise SettingError(f"failpoint {text.strip()!r}: there is no place {place!r}; {_listed(PLACES)}")
    if action not in get_args(Action):
        raise SettingError(f"failpoint {text.strip()!r}: there is no action {action!r}; {_listed(get_args(Action))}")
    if number and not (number.isdecimal() and int(number) > 0):
        raise SettingError(f"failpoint {text.strip()!r}: after @ stands a number above 0")
    return place, _Armed(action, int(number or 1))  # type: ignore[arg-type]  # checked above


def _listed(names: Iterable[str]) -> str:
    return f"there are {', '.join(names)}"
