"""The life of an alarm as data: (state, event) → next state and effects, or why not. Every pair is there.

A state is the process (normal, active, returned, latched) and whether somebody has acknowledged it.

source: ISA-18.2 / IEC 62682 (alarm states); that every rise needs a new acknowledgement, that what closes an alarm
waits for its undo, and all else that they leave open: own choice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple


class Standing(StrEnum):
    """Process and acknowledgement, by one name."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"


PROCESS: dict[Standing, Literal["active", "returned", "latched"]] = {
    Standing.UNACKNOWLEDGED: "active",
    Standing.ACKNOWLEDGED: "active",
    Standing.RETURNED_UNACKNOWLEDGED: "returned",
    Standing.LATCHED_UNACKNOWLEDGED: "latched",
    Standing.LATCHED_ACKNOWLEDGED: "latched",
}
"""State of an open alarm → its process."""


class Happening(StrEnum):
    """What comes to an alarm: of a finding, of a person, of time, of a version of the city."""

    RAISE = "raise"
    RISE = "rise"
    SAME = "same"
    FALL = "fall"
    RETURN = "return"
    PASS = "pass"  # noqa: S105 - no password
    """The same of one that was covered all along: nobody was told that it was, so nobody is told that it is over."""
    LATCH = "latch"
    """The same of a kind whose alarms stay until a person resets them."""
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    LAPSE = "lapse"
    """The time of an acknowledgement is over."""
    RESET = "reset"
    END = "end"
    """A person ends it, whatever the condition."""
    RETIRE = "retire"


class Effect(StrEnum):
    """What a transition does beside it."""

    OPEN = "open"
    COUNT = "count"
    """One more finding with a level."""
    WAIT = "wait"
    """Somebody has to look at it, from now on."""
    TAKE = "take"
    """It is acknowledged by that person."""
    RELEASE = "release"
    """Nobody has acknowledged it any more."""
    REVISE = "revise"
    """What a person saw before is no longer so."""
    CLOSE_LATER = "close later"
    """It closes when the time for an undo of what a person did is over."""
    CLOSE = "close"


class Step(NamedTuple):
    """Where it leads."""

    to: Standing
    effects: frozenset[Effect] = frozenset()


class No(NamedTuple):
    """It leads nowhere, and why: the reason that a person is told."""

    reason: str


N, U, A, R, LU, LA = Standing
OPEN, COUNT, WAIT, TAKE, RELEASE, REVISE, CLOSE_LATER, CLOSE = Effect


def _to(to: Standing, *effects: Effect) -> Step:
    return Step(to, frozenset(effects))


_NO_ALARM, _OPEN_ALREADY = No("unknown_alarm"), No("open_already")
_NOT_ACKNOWLEDGED, _ALREADY = No("not_acknowledged"), No("already_acknowledged")
_NOT_LATCHED, _ACKNOWLEDGE_FIRST, _OVER = No("not_latched"), No("acknowledge_first"), No("returned_already")

_BACK: dict[Happening, Step | No] = {
    Happening.RAISE: _OPEN_ALREADY,
    Happening.RISE: _to(U, COUNT, RELEASE, WAIT, REVISE),
    Happening.RETIRE: _to(N, CLOSE),
    Happening.END: _to(N, REVISE, CLOSE_LATER),
}
"""The same in every state of an open alarm: what rises must be looked at again, whoever has."""

TABLE: dict[Standing, dict[Happening, Step | No]] = {
    N: {one: _NO_ALARM for one in Happening} | {Happening.RAISE: _to(U, OPEN, COUNT, WAIT, REVISE)},
    U: {
        **_BACK,
        Happening.SAME: _to(U, COUNT),
        Happening.FALL: _to(U, COUNT),
        Happening.RETURN: _to(R),
        Happening.PASS: _to(N, CLOSE_LATER),
        Happening.LATCH: _to(LU),
        Happening.ACKNOWLEDGE: _to(A, TAKE, REVISE),
        Happening.UNACKNOWLEDGE: _NOT_ACKNOWLEDGED,
        Happening.LAPSE: _NOT_ACKNOWLEDGED,
        Happening.RESET: _NOT_LATCHED,
    },
    A: {
        **_BACK,
        Happening.SAME: _to(A, COUNT),
        Happening.FALL: _to(A, COUNT),
        Happening.RETURN: _to(N, CLOSE_LATER),
        Happening.PASS: _to(N, CLOSE_LATER),
        Happening.LATCH: _to(LA),
        Happening.ACKNOWLEDGE: _ALREADY,
        Happening.UNACKNOWLEDGE: _to(U, RELEASE, WAIT, REVISE),
        Happening.LAPSE: _to(U, RELEASE, WAIT, REVISE),
        Happening.RESET: _NOT_LATCHED,
    },
    R: {
        **_BACK,
        Happening.SAME: _to(U, COUNT),
        Happening.FALL: _to(U, COUNT),
        Happening.RETURN: _OVER,
        Happening.PASS: _OVER,
        Happening.LATCH: _OVER,
        Happening.ACKNOWLEDGE: _to(N, TAKE, REVISE, CLOSE_LATER),
        Happening.UNACKNOWLEDGE: _NOT_ACKNOWLEDGED,
        Happening.LAPSE: _NOT_ACKNOWLEDGED,
        Happening.RESET: _NOT_LATCHED,
    },
    LU: {
        **_BACK,
        Happening.SAME: _to(U, COUNT),
        Happening.FALL: _to(U, COUNT),
        Happening.RETURN: _OVER,
        Happening.PASS: _OVER,
        Happening.LATCH: _OVER,
        Happening.ACKNOWLEDGE: _to(LA, TAKE, REVISE),
        Happening.UNACKNOWLEDGE: _NOT_ACKNOWLEDGED,
        Happening.LAPSE: _NOT_ACKNOWLEDGED,
        Happening.RESET: _ACKNOWLEDGE_FIRST,
    },
    LA: {
        **_BACK,
        Happening.SAME: _to(U, COUNT, RELEASE, WAIT, REVISE),
        Happening.FALL: _to(U, COUNT, RELEASE, WAIT, REVISE),
        Happening.RETURN: _OVER,
        Happening.PASS: _OVER,
        Happening.LATCH: _OVER,
        Happening.ACKNOWLEDGE: _ALREADY,
        Happening.UNACKNOWLEDGE: _to(LU, RELEASE, WAIT, REVISE),
        Happening.LAPSE: _to(LU, RELEASE, WAIT, REVISE),
        Happening.RESET: _to(N, REVISE, CLOSE_LATER),
    },
}
"""State → what comes → where it leads. Complete: `tests/alerts/test_transitions.py`."""
