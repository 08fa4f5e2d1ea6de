"""When an alarm chatters: its condition begins and ends too often for anybody to follow. Pure.

source: ANSI/ISA-18.2 and EEMUA 191 call an alarm chattering that comes three times in a minute; that slower flapping
is damped alike, and how long it must be calm: own choice.
"""

from __future__ import annotations

from typing import NamedTuple

MINUTE_MS = 60_000


class Pace(NamedTuple):
    """So many changes within so long chatter, until nothing changes for that long."""

    changes: int
    within_ms: int
    calm_ms: int


PACES = (Pace(3, MINUTE_MS, MINUTE_MS), Pace(6, 10 * MINUTE_MS, 3 * MINUTE_MS))
REMEMBERED = max(pace.changes for pace in PACES)
LONGEST_MS = max(pace.within_ms for pace in PACES)


def calm_at_ms(changed_at_ms: tuple[int, ...]) -> int | None:
    """Return when it is calm if nothing changes any more, None = these changes do not chatter.

    >>> calm_at_ms((0, 30_000, 60_000)), calm_at_ms((0, 30_000, 61_000))
    (120000, None)
    """
    newest_ms = changed_at_ms[-1]
    found = [
        newest_ms + pace.calm_ms
        for pace in PACES
        if len(changed_at_ms) >= pace.changes and newest_ms - changed_at_ms[-pace.changes] <= pace.within_ms
    ]
    return max(found, default=None)
