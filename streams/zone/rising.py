"""Remember rows whose times rise, of many sensors at once: what `streams.kernel.runs.rise` does, a sensor at a time.

Each turn takes one row of every sensor, and with it all that go on at its run's step: one turn for a sensor that keeps
its step, one or two more for each gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel import packing, runs
from streams.kernel.runs import FIRST, FREE_SET, LAST, MOST_RUNS, NEVER_MS, RISEN, SET, STEP
from streams.zone.seen import FREE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.zone.seen import Seen

    Bools = NDArray[np.bool_]
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
    if goes_on.all():
        seen.runs[head, STEP] = at - last
        seen.runs[head, LAST] = at
        return
    seen.runs[head[goes_on], STEP] = (at - last)[goes_on]
    seen.runs[head[goes_on], LAST] = at[goes_on]
    begins = last == NEVER_MS
    seen.runs[head[begins]] = _lone(at[begins], columns[begins])
    other = ~goes_on & ~begins
    if other.any():  # the last: blocks may move
        _another_run(seen, code[other], (at[other], columns[other]), run[other], keep_ms)


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
        code, at, columns, run = code[~found], at[~found], columns[~found], run[~found]
        others, last = others[~found], last[~found]
    oldest = last.argmin(axis=1)
    oldest_ms = last[np.arange(len(last)), oldest]
    hard = _is_hard(others, (at, columns), oldest_ms >= at - keep_ms, (seen.room[code], oldest))
    easy = ~hard
    place = seen.start[code[easy]]
    seen.floor_ms[code[easy]] = np.maximum(seen.floor_ms[code[easy]], oldest_ms[easy])
    seen.runs[place + 1 + oldest[easy]] = run[easy]
    seen.runs[place] = _lone(at[easy], columns[easy])
    for one in np.flatnonzero(hard).tolist():  # the last: blocks may move
        _rise_alone(seen, int(code[one]), (int(at[one]), int(columns[one])), keep_ms)


def _is_hard(
    others: Ints, rows: tuple[Ints, Ints], is_full: NDArray[np.bool_], of: tuple[NDArray[np.uint8], Ints]
) -> Bools:
    """Return (a,) whether more is to be done than to begin a run; else a row is free, or the oldest run is forgotten.

    `of` are the size of the block and the place of its oldest run behind the first.
    """
    at, columns = rows
    room, oldest = of
    mine = others[:, :, SET] == columns[:, None]
    step = others[:, :, STEP]
    hard: Bools = (mine & (step > 0) & (others[:, :, LAST] + 2 * step == at[:, None])).any(axis=1)
    may_pack = (room < MOST_RUNS) | (oldest + 1 >= MOST_RUNS // RISEN)
    hard |= is_full & (may_pack | (mine & (step == 0)).any(axis=1))
    return hard


def _rise_alone(seen: Seen, sensor: int, new: tuple[int, int], keep_ms: int) -> None:
    """Take a sensor's row as `streams.kernel.memory` does."""
    table, floor_ms = seen.block(sensor).tolist(), [int(seen.floor_ms[sensor])]
    while True:
        held = runs.rise(table, (0, len(table)), new, keep_ms, floor_ms)
        if held == runs.HELD:
            break
        make_room(table, shall_pack=held == runs.UNPACKED)
    seen.put(sensor, table)
    seen.floor_ms[sensor] = floor_ms[0]


def make_room(table: list[list[int]], *, shall_pack: bool) -> None:
    """Pack a block of runs, or make it twice as large, as `streams.kernel.repeats` does."""
    if shall_pack:
        times, covered = [0] * packing.MOST_TIMES, [False] * packing.MOST_TIMES
        packing.pack(table, (0, len(table)), (times, covered, [[0] * 4 for _ in range(MOST_RUNS)]))
    else:
        table[1:1] = [list(FREE) for _ in table]


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
