"""De-duplication by (sensor, event time), over the last `REMEMBERED` event times of each sensor, in log order.

The first of equal (sensor, event time) wins. A row older than all that is remembered of a full sensor cannot be judged
and counts as too late. Rows are judged one after the other, so no cut of the log changes a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streams.contract.records import NO_TIME_MS
from streams.kernel.verdicts import CONFLICT, DUPLICATE, FORGOTTEN, NEW, REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass
class Seen:
    """Event times and digests of k sensors. Invariant: row i belongs to sensor i; order within a row is free."""

    at_ms: NDArray[np.int64]
    """(k, REMEMBERED), NO_TIME_MS = free place."""
    digest: NDArray[np.uint64]
    newest_ms: NDArray[np.int64]
    """(k,)"""
    count: NDArray[np.int64]
    """(k,) event times taken so far: the next goes to place count % REMEMBERED while times rise."""

    @staticmethod
    def empty() -> Seen:
        """Know no sensor."""
        return Seen(
            np.empty((0, REMEMBERED), np.int64),
            np.empty((0, REMEMBERED), np.uint64),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
        )

    def grow(self, sensors: int) -> None:
        """Make room for `sensors` sensors in all."""
        more = sensors - len(self.newest_ms)
        if more > 0:
            self.at_ms = np.concatenate([self.at_ms, np.full((more, REMEMBERED), NO_TIME_MS)])
            self.digest = np.concatenate([self.digest, np.zeros((more, REMEMBERED), np.uint64)])
            self.newest_ms = np.concatenate([self.newest_ms, np.full(more, NO_TIME_MS)])
            self.count = np.concatenate([self.count, np.zeros(more, np.int64)])


def digests(columns: Mapping[str, NDArray[np.float64]], count: int) -> NDArray[np.uint64]:
    """Return (count,) digests of the rows' values; columns that a row does not have (NaN) do not matter."""
    digest = np.zeros(count, np.uint64)
    for name in sorted(columns):
        values = columns[name]
        bits = (values + 0.0).view(np.uint64) ^ _seed(name)  # + 0.0: -0.0 and 0.0 are one value
        digest += np.where(np.isnan(values), np.uint64(0), (bits ^ (bits >> np.uint64(29))) * _MULTIPLIER)
    return digest


@cache
def _seed(name: str) -> np.uint64:
    return np.uint64(sum(name.encode()))


def judge(
    seen: Seen, sensor: NDArray[np.intp], at_ms: NDArray[np.int64], digest: NDArray[np.uint64]
) -> NDArray[np.int8]:
    """Judge (n,) rows in order and remember the new ones → (n,) verdicts. `seen` changes in place."""
    verdict = np.zeros(len(at_ms), np.int8)
    if not len(at_ms):
        return verdict
    order = np.argsort(sensor, kind="stable")
    code, at, values = sensor[order], at_ms[order], digest[order]
    first = np.flatnonzero(np.diff(code, prepend=-1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(code)))
    rising = at > _newest_before(seen, code, at, first, group)
    in_order = np.logical_and.reduceat(rising, first)
    plain = in_order[group]
    _remember(seen, code[plain], at[plain], values[plain], (np.arange(len(at)) - first[group])[plain])
    ends = np.append(first[1:], len(at))
    for one in np.flatnonzero(~in_order):
        rows = slice(first[one], ends[one])
        verdict[order[rows]] = _judge_sensor(seen, int(code[first[one]]), at[rows], values[rows], rising[rows])
    return verdict


def _newest_before(
    seen: Seen, code: NDArray[np.intp], at: NDArray[np.int64], first: NDArray[np.intp], group: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return (n,) the newest time of each row's sensor before that row; rows are grouped by sensor."""
    low = at.min()
    lift = group * (at.max() - low + 1)  # so that one running maximum serves all groups
    running = np.maximum.accumulate(at - low + lift) - lift + low
    before: NDArray[np.int64] = np.concatenate([[NO_TIME_MS], running[:-1]])
    before[first] = NO_TIME_MS
    return np.maximum(before, seen.newest_ms[code], out=before)


def _remember(
    seen: Seen, code: NDArray[np.intp], at: NDArray[np.int64], digest: NDArray[np.uint64], rank: NDArray[np.intp]
) -> None:
    """Take rows whose times rise sensor by sensor; `rank` counts a sensor's rows."""
    if not len(code):
        return
    # The oldest lies at `count`: rising times overwrite it in turn; out-of-order rows re-sort their sensor.
    place = (seen.count[code] + rank) % REMEMBERED
    seen.at_ms[code, place] = at
    seen.digest[code, place] = digest
    last = np.flatnonzero(np.diff(code, append=-1))
    seen.newest_ms[code[last]] = at[last]
    seen.count[code[last]] += rank[last] + 1


def _judge_sensor(
    seen: Seen, sensor: int, at: NDArray[np.int64], digest: NDArray[np.uint64], rising: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Judge the rows of one sensor of which some do not rise. Rising ones are new; the few others are looked up."""
    verdict = np.zeros(len(at), np.int8)
    known_at, known_digest = seen.at_ms[sensor], seen.digest[sensor]
    for row in np.flatnonzero(~rising):
        taken = np.flatnonzero(verdict[:row] == NEW)
        times = np.concatenate([known_at, at[taken]])
        same = np.flatnonzero(times == at[row])
        if np.count_nonzero(times > at[row]) >= REMEMBERED:
            verdict[row] = FORGOTTEN
        elif len(same):
            values = np.concatenate([known_digest, digest[taken]])
            verdict[row] = DUPLICATE if values[same[0]] == digest[row] else CONFLICT
    new = verdict == NEW
    times, values = np.concatenate([known_at, at[new]]), np.concatenate([known_digest, digest[new]])
    kept = np.argsort(times, kind="stable")[-REMEMBERED:]
    seen.at_ms[sensor], seen.digest[sensor] = times[kept], values[kept]
    seen.newest_ms[sensor] = times[kept[-1]]
    seen.count[sensor] = 0  # sorted: place 0 is the oldest, the next to go
    return verdict


def compiled_judge() -> Callable[[Seen, NDArray[np.intp], NDArray[np.int64], NDArray[np.uint64]], NDArray[np.int8]]:
    """Return `judge`, compiled."""
    from streams.kernel import repeats  # numba takes half a second to import

    def judged(
        seen: Seen, sensor: NDArray[np.intp], at_ms: NDArray[np.int64], digest: NDArray[np.uint64]
    ) -> NDArray[np.int8]:
        return repeats.judge((seen.at_ms, seen.digest, seen.newest_ms, seen.count), sensor, at_ms, digest)

    return judged
