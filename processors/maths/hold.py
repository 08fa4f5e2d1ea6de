"""Levels with limits, a dead band and delays: a value must hold before its level counts, and must leave clearly.

Severity 0 is normal, 1 … 4 are the levels IV … I. A run is an unbroken row of windows that ask for a higher (or a
lower) severity than the present one; when it has lasted the delay, the mildest severity it asked for is taken. A gap
in the data ends a run, and nothing but data ever lowers a severity.

Who begins anew (its state was lost, or does not fit a new version) cannot know what a first value within the dead band
means: whether an alarm of before still stands. Such a place is *unsure*: to reach a limit is news there as of a normal
one, and so is to leave the dead band. The alarm that stood ends by that; where none did, that end changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.places import grown
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from streams.contract.level import Level

NO_RUN = NO_TIME_MS
SEVERITIES = np.arange(1, 5)


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Hold:
    """Per place, (p,): present severity, what the run asks for, when the run began, and the last window of it seen."""

    severity: NDArray[np.int64] = field(default_factory=_none)
    """-1 … -4 = unsure: that severity may stand, from before anything was known."""
    asked: NDArray[np.int64] = field(default_factory=_none)
    since_ms: NDArray[np.int64] = field(default_factory=_none)
    seen_ms: NDArray[np.int64] = field(default_factory=_none)


@dataclass(frozen=True)
class Limits:
    """Limits of the severities 1 to 4 (NaN = none) and how to leave them. `below`: low values are the bad ones."""

    limits: tuple[float, float, float, float]
    below: bool
    dead_band: float
    on_delay_s: float
    off_delay_s: float

    def severity(self, value: NDArray[np.float64], dead_band: float = 0.0) -> NDArray[np.int64]:
        """Return the highest severity whose limit, eased by the dead band, each value has reached; 0 = none."""
        limits = np.array(self.limits)[:, np.newaxis]
        reached = value < limits + dead_band if self.below else value >= limits - dead_band
        highest: NDArray[np.int64] = (reached * SEVERITIES[:, np.newaxis]).max(axis=0)
        return highest


class Seen(NamedTuple):
    """Values of one window: (n,) places, (n,) values, (n,) longest gap that does not end a run; start and end."""

    place: NDArray[np.int64]
    value: NDArray[np.float64]
    gap_ms: NDArray[np.int64]
    start_ms: int
    end_ms: int


class Changes(NamedTuple):
    """Severities that changed: (c,) row of `Seen`, before, after, and when the run began."""

    row: NDArray[np.intp]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    since_ms: NDArray[np.int64]


def grow(hold: Hold, places: int) -> None:
    """Make room for new places, which are normal."""
    hold.severity = grown(hold.severity, places)
    hold.asked = grown(hold.asked, places)
    hold.since_ms = grown(hold.since_ms, places, NO_RUN)
    hold.seen_ms = grown(hold.seen_ms, places, NO_TIME_MS)


def is_busy(hold: Hold, place: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
    """Tell where there is or may be a severity, or a run: elsewhere a value that reaches no limit changes nothing."""
    found: NDArray[np.bool_] = (hold.severity[place] != 0) | (hold.since_ms[place] != NO_RUN)
    return found


def end(hold: Hold, places: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Make these (p,) places normal, whatever runs there → those that were not."""
    ended = np.flatnonzero(places & (hold.severity > 0))
    hold.severity[places] = hold.asked[places] = 0
    hold.since_ms[places] = NO_RUN
    return ended


def judge(hold: Hold, seen: Seen, limits: Limits) -> Changes:
    """Take a window's values → the severities that change now."""
    place = seen.place
    present, asked, since_ms = hold.severity[place], hold.asked[place], hold.since_ms[place]
    reached, kept = limits.severity(seen.value), limits.severity(seen.value, limits.dead_band)
    first = (hold.seen_ms[place] == NO_TIME_MS) & (present == 0) & (reached == 0)
    present = np.where(first, -kept, present)
    unsure = present < 0
    before = np.where(unsure, np.where(reached > 0, 0, -present), present)
    left = np.where(unsure & (kept > 0), before, np.minimum(kept, before))
    target = np.where(reached > before, reached, left)
    rising, falling = target > before, target < before
    unbroken = (since_ms != NO_RUN) & (seen.start_ms - hold.seen_ms[place] <= seen.gap_ms)
    rises_on, falls_on = unbroken & rising & (asked > before), unbroken & falling & (asked < before)
    asked = np.where(rises_on, np.minimum(asked, target), np.where(falls_on, np.maximum(asked, target), target))
    since_ms = np.where(rises_on | falls_on, since_ms, np.where(rising | falling, seen.start_ms, NO_RUN))
    lasted_ms = seen.end_ms - np.where(since_ms == NO_RUN, seen.end_ms, since_ms)
    changed = (rising & (lasted_ms >= limits.on_delay_s * 1000)) | (falling & (lasted_ms >= limits.off_delay_s * 1000))
    hold.severity[place] = np.where(changed, asked, present)
    hold.asked[place] = asked
    hold.since_ms[place] = np.where(changed, NO_RUN, since_ms)
    hold.seen_ms[place] = seen.start_ms
    row = np.flatnonzero(changed)
    return Changes(row, before[row], asked[row], since_ms[row])


def level(severity: int) -> Level:
    """Return the level of a severity: 1 is IV, 4 is I, 0 is normal.

    >>> [level(severity) for severity in (0, 1, 4)]
    [0, 4, 1]
    """
    levels: tuple[Level, ...] = (0, 4, 3, 2, 1)
    return levels[severity]
