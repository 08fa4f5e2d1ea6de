"""Remember rows whose times rise, of many sensors at once: what `streams.kernel.runs.rise` does, a sensor at a time.

Each turn takes one row of every sensor, and with it all that go on at its run's step: one turn for a sensor that keeps
its step, one or two more for each gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel.runs import FIRST, FREE_SET, LAST, MOST_RUNS, NEVER_MS, SET, STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.zone.dedup import Seen

    Ints = NDArray[np.int64] | NDArray[np.intp]

NOTHING = (0, 2**63 - 1, 0, FREE_SET)
"""A run that nothing fits, and that is never the oldest."""


def rise(seen: Seen, groups: tuple[Ints, Ints], rows: tuple[Ints, Ints, Ints], keep_ms: int) -> None:
    """Take (n,) sensor, time and columns, sorted by sensor and time, newer than all; `groups` are [first, end)."""
    code, at, columns = rows
    row, end = groups
    step = _steps(row, at, columns)
    changes = np.flatnonzero(step[1:] != step[:-1]) + 1
    while len(row):
        _take(seen, code[row], at[row], columns[row], keep_ms)
        last = row
        wanted, head = step[row], seen.start[code[row]]
        have = seen.runs[head, STEP]
        goes_on = np.flatnonzero((wanted > 0) & ((have == 0) | (have == wanted)))
        if len(goes_on):
            last = row.copy()
            last[goes_on] = changes[np.searchsorted(changes, row[goes_on], side="right")]
            seen.runs[head[goes_on], LAST] = at[last[goes_on]]
            seen.runs[head[goes_on], STEP] = wanted[goes_on]
        left = last + 1 < end
        row, end = last[left] + 1, end[left]


def _steps(first: Ints, at: Ints, columns: Ints) -> Ints:
    """Return (n,) the step from each row to its sensor's next of the same columns, 0 = there is none."""
    step = np.zeros(len(at), np.int64)
    np.subtract(at[1:], at[:-1], out=step[:-1], where=columns[1:] == columns[:-1])
    step[first[1:] - 1] = 0
    return step


def _take(seen: Seen, code: Ints, at: Ints, columns: Ints, keep_ms: int) -> None:
    """Take a row of each of (a,) sensors."""
    head = seen.start[code]
    run = seen.runs[head]
    last, step = run[:, LAST], run[:, STEP]
    goes_on = (run[:, SET] == columns) & ((step == 0) | (last + step == at))
    if not goes_on.all():
        begins = last == NEVER_MS
        seen.runs[head[begins]] = _lone(at[begins], columns[begins])
        other = ~goes_on & ~begins
        if other.any():
            _another_run(seen, code[other], (at[other], columns[other]), run[other], keep_ms)
        head, at, last = head[goes_on], at[goes_on], last[goes_on]
    seen.runs[head, STEP] = at - last
    seen.runs[head, LAST] = at


def _another_run(seen: Seen, code: Ints, rows: tuple[Ints, Ints], run: Ints, keep_ms: int) -> None:
    """Go on with a run that is not the newest, `run`, or begin one: for that the oldest may be forgotten."""
    at, columns = rows
    others = _others(seen, code)
    last = others[:, :, LAST]
    fits = (last + others[:, :, STEP] == at[:, None]) & (others[:, :, SET] == columns[:, None])
    found = fits.any(axis=1)
    if found.any():
        place = fits[found].argmax(axis=1)
        head = seen.start[code[found]]
        seen.runs[head] = others[found, place]
        seen.runs[head, LAST] = at[found]
        seen.runs[head + 1 + place] = run[found]
        if found.all():
            return
        code, at, columns, run, last = code[~found], at[~found], columns[~found], run[~found], last[~found]
    oldest = last.argmin(axis=1)
    oldest_ms = last[np.arange(len(last)), oldest]
    room = seen.room[code]
    small = (room == 1) | ((room < MOST_RUNS) & (oldest_ms >= at - keep_ms))
    if small.any():
        oldest[small] = room[small] - 1
        oldest_ms[small] = NEVER_MS
        for one in code[small].tolist():
            seen.enlarge(one)
    seen.floor_ms[code] = np.maximum(seen.floor_ms[code], oldest_ms)
    head = seen.start[code]
    seen.runs[head + 1 + oldest] = run
    seen.runs[head] = _lone(at, columns)


def _others(seen: Seen, code: Ints) -> Ints:
    """Return (a, r, 4) the sensors' runs but the newest; where a block is shorter, runs that nothing fits."""
    room = seen.room[code]
    most, least = int(room.max()), int(room.min())
    place = seen.start[code][:, None] + np.arange(1, max(most, 2))
    runs: Ints
    if most == least > 1:
        runs = seen.runs[place]
        return runs
    beyond = np.arange(1, max(most, 2)) >= room[:, None]
    runs = seen.runs[np.where(beyond, 0, place)]
    runs[beyond] = NOTHING
    return runs


def _lone(at: Ints, columns: Ints) -> Ints:
    """Return (a, 4) runs of one time each."""
    run = np.zeros((len(at), 4), np.int64)
    run[:, FIRST] = run[:, LAST] = at
    run[:, SET] = columns
    return run
