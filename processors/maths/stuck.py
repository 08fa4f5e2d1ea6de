"""Which sensors repeat themselves: as a whole, or in one column beside others that move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import channels
from processors.maths.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from processors.maths.channels import Channels
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
    """(m,) whether a sensor is stuck, since when, its readings or minutes and their limit; the column, "" = all."""

    flag: NDArray[np.bool_]
    since_ms: NDArray[np.int64]
    times: NDArray[np.int64]
    limit: NDArray[np.int64]
    column: NDArray[np.object_]


def judge(runs: Runs, columns: Channels, end_ms: int, limits: Limits) -> Stuck:
    """Judge all sensors at the end of a minute. One that is stuck as a whole is not told by its column."""
    whole = (runs.count >= limits.stuck_count) & (end_ms - runs.since_ms >= limits.stuck_s * 1000)
    least = (limits.channel_count, limits.channel_s)
    one = channels.frozen(columns, end_ms, least, (*limits.steady_columns, *limits.coarse_columns), len(whole))
    single = ~whole & (one.column >= 0)
    names = np.array([*columns.columns, ""], object)
    return Stuck(
        whole | single,
        np.where(single, one.since_ms, runs.since_ms),
        np.where(single, one.times, runs.count),
        np.where(single, limits.channel_count, limits.stuck_count),
        names[np.where(single, one.column, len(names) - 1)],
    )


def finding(kind: str, found: Stuck, place: int, start_ms: int) -> Finding:
    """Return that a sensor is stuck now, or has moved in the minute that began then."""
    on = bool(found.flag[place])
    at_ms = int(found.since_ms[place]) if on else start_ms
    count, limit = float(found.times[place]), float(found.limit[place])
    return Finding(kind, place, at_ms, start_ms + channels.MINUTE_MS, on, count, limit, column=str(found.column[place]))
