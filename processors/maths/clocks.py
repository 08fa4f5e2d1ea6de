"""Whose clock is ahead: how far a sensor's times are before its source's mark, beside those of its neighbours.

A mark says how far a source has come, by the times of all that it brings or by the marks of its feed, whatever the
clock of one sensor says. Who is much further ahead of it than half of the zone's sensors has a wrong clock. One that is
behind cannot be told from one that is slow: that is `sensor_late`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.findings import Finding
from processors.maths.minutes import AHEAD, READINGS
from processors.maths.places import grown
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.contract.records import Frame

QUARTER_MS = 15 * MINUTE_MS
ENDS_BELOW = 0.5
"""Share of the limit below which a clock is right again."""


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Clocks:
    """A quarter of an hour, (m,): readings, the sum of how far ahead they were; 1 = an alarm of its own."""

    quarter_ms: int = NO_TIME_MS
    count: NDArray[np.int64] = field(default_factory=_none)
    ahead_ms: NDArray[np.int64] = field(default_factory=_none)
    wrong: NDArray[np.int64] = field(default_factory=_none)


class Limits(NamedTuple):
    """What it is called, how far ahead a clock is wrong, and how many readings it takes to say so."""

    kind: str
    ahead_s: float
    least_count: int


def ahead_ms(frame: Frame) -> NDArray[np.int64]:
    """Return (n,) how far each reading's time and its sensor's lag are ahead of its source's mark; 0 = not known."""
    if frame.behind_ms is None:
        return np.zeros(len(frame), np.int64)
    if frame.behind_ms.min(initial=0) >= -DAY_MS:
        return -frame.behind_ms
    return np.where(frame.behind_ms < -DAY_MS, 0, -frame.behind_ms)


def add(
    of: Clocks, start_ms: int, minute: NDArray[np.int64] | None, present: NDArray[np.bool_], limits: Limits
) -> Iterator[Finding]:
    """Take a minute, in their order; where it begins another quarter of an hour, judge that before."""
    quarter_ms, places = start_ms - start_ms % QUARTER_MS, len(present)
    if not len(of.count) == len(of.ahead_ms) == len(of.wrong) == places:
        of.count, of.ahead_ms, of.wrong = (grown(one, places) for one in (of.count, of.ahead_ms, of.wrong))
    if quarter_ms > of.quarter_ms:
        yield from _judge(of, present, limits)
        of.quarter_ms, of.count, of.ahead_ms = quarter_ms, np.zeros(places, np.int64), np.zeros(places, np.int64)
    if minute is not None:
        of.count += minute[READINGS]
        of.ahead_ms += minute[AHEAD]


def _judge(of: Clocks, present: NDArray[np.bool_], limits: Limits) -> Iterator[Finding]:
    spoke = np.flatnonzero(present & (of.count >= limits.least_count))
    if len(spoke) < 2:  # noqa: PLR2004 - nobody to compare it with
        return
    mean_s = of.ahead_ms[spoke] / of.count[spoke] / 1000
    further_s = mean_s - np.sort(mean_s)[(len(spoke) - 1) // 2]
    before = of.wrong[spoke]
    begins, ends = (
        (further_s > limits.ahead_s) & (before == 0),
        (further_s < ENDS_BELOW * limits.ahead_s) & (before == 1),
    )
    of.wrong[spoke] = np.where(begins, 1, np.where(ends, 0, before))
    for row in np.flatnonzero(begins | ends).tolist():
        value, known_ms = float(further_s[row]), of.quarter_ms + QUARTER_MS
        yield Finding(
            limits.kind, int(spoke[row]), of.quarter_ms, known_ms, bool(begins[row]), value, limits.ahead_s, "s"
        )
