"""Which sensors repeat themselves: as a whole, or in one column beside others that move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import channels
from processors.maths.findings import Finding
from streams.contract.durations import MINUTE_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from processors.maths.channels import Channels, Frozen
    from processors.maths.digests import Runs


class Limits(NamedTuple):
    """Readings with the same values, over how long; minutes with one value of one column, over how long.

    Named as they are in the configuration.
    """

    stuck_count: int
    stuck_s: float
    channel_count: int
    channel_s: float
    steady_columns: tuple[str, ...]
    coarse_columns: tuple[str, ...]


class Stuck(NamedTuple):
    """(m,) whether a sensor is stuck; by what: runs of all its values, or of one column of some; the limits."""

    flag: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    runs: Runs
    single: Frozen | None
    columns: list[str]
    limits: Limits


def judge(runs: Runs, columns: Channels, end_ms: int, limits: Limits) -> Stuck:
    """Judge all sensors at the end of a minute. One that is stuck as a whole is not told by its column."""
    whole = runs.count >= limits.stuck_count
    if np.count_nonzero(whole):
        whole &= end_ms - runs.since_ms >= limits.stuck_s * 1000
    least = (limits.channel_count, limits.channel_s)
    single = channels.frozen(columns, end_ms, least, (*limits.steady_columns, *limits.coarse_columns))
    flag = whole
    if single is not None:
        flag = whole.copy()
        flag[single.place] = True
    return Stuck(flag, whole, runs, single, columns.columns, limits)


def finding(kind: str, found: Stuck, place: int, start_ms: int) -> Finding:
    """Return that a sensor is stuck now, or has moved in the minute that began then."""
    on, known_ms = bool(found.flag[place]), start_ms + MINUTE_MS
    one = found.single
    if one is None or not on or found.whole[place]:
        at_ms = int(found.runs.since_ms[place]) if on else start_ms
        return Finding(
            kind, place, at_ms, known_ms, on, float(found.runs.count[place]), float(found.limits.stuck_count)
        )
    at = int(np.searchsorted(one.place, place))
    times, limit = float(one.times[at]), float(found.limits.channel_count)
    column = found.columns[int(one.column[at])]
    return Finding(kind, place, int(one.since_ms[at]), known_ms, on, times, limit, column=column)
