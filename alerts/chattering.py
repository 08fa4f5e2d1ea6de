"""When an alarm chatters: its condition begins and ends too often for anybody to follow. Pure.

source: ANSI/ISA-18.2 and EEMUA 191 call an alarm chattering that comes three times in a minute; that slower flapping
is damped alike, and how long it must be calm: own choice.
"""

from __future__ import annotations

from typing import NamedTuple

MINUTE_MS = 60_000


class Pace(NamedTuple):
    """So many changes within so long chatter."""

    changes: int
    within_ms: int


PACES = (Pace(3, MINUTE_MS), Pace(6, 10 * MINUTE_MS))
REMEMBERED = max(pace.changes for pace in PACES)
LONGEST_MS = max(pace.within_ms for pace in PACES)


def calm_at_ms(changed_at_ms: tuple[int, ...]) -> int | None:
    """Return when it is calm if nothing changes any more, None = these changes do not chatter.

    That is a minute later, or twice the mean time between the changes where that is longer.

    >>> calm_at_ms((0, 30_000, 60_000)), calm_at_ms((0, 30_000, 61_000))
    (120000, None)
    >>> calm_at_ms((0, 100_000, 200_000, 300_000, 400_000, 500_000))
    700000
    """
    newest_ms = changed_at_ms[-1]
    found = []
    for pace in PACES:
        span_ms = newest_ms - changed_at_ms[-pace.changes] if len(changed_at_ms) >= pace.changes else None
        if span_ms is not None and span_ms <= pace.within_ms:
            found.append(newest_ms + max(MINUTE_MS, 2 * span_ms // (pace.changes - 1)))
    return max(found, default=None)
