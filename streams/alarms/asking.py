"""Gives the alarm engine a command from outside of any wall, and waits for what becomes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streams.broker.arrivals import now_ms
from streams.broker.outside import backwards, forwards
from streams.broker.topics import ALARMS, COMMANDS, OUTCOMES
from streams.contract.records import ENDED
from streams.errors import UnreachableError
from streams.feeds.producer import connected

if TYPE_CHECKING:
    from collections.abc import Callable

SEND_S = 30.0
LOOK_EVERY_S = 0.2


def row_of(bootstrap: str, alarm: str) -> bytes | None:
    """Return an alarm's newest row, or as it ended if that is not long ago; None = there is none.

    Raises UnreachableError when no broker answers.
    """
    found = None
    for one in forwards(bootstrap, ALARMS):
        if one.key == alarm.encode():
            found = one.value or dict(one.headers).get(ENDED)
    return found


def ask(bootstrap: str, name: str, command: bytes, within_s: float, clock: Callable[[], int] = now_ms) -> bytes:
    """Send a command, signed, and return its outcome.

    Raises UnreachableError when nobody answers in time: whether it was taken shows in the alarm's course.
    """
    since_ms = clock()
    with connected(bootstrap, batch_bytes=2**14) as producer:
        producer.send(COMMANDS, command, name.encode(), partition=0).get(SEND_S)
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        for one in backwards(bootstrap, OUTCOMES, since_ms):
            if one.key == name.encode() and one.value is not None:
                return bytes(one.value)
        time.sleep(LOOK_EVERY_S)
    raise UnreachableError(
        f"the alarm engine did not answer within {within_s:g} s; does the city run? `citywall status`"
    )
