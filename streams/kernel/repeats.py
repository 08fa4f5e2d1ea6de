"""Judge repeats row by row: what `streams.zone.dedup.judge` says, in a loop over the rows as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from streams.kernel import blocks, memory, packing, runs, values
from streams.kernel.compiling import callable_compiled, compiled
from streams.kernel.runs import LAST, SET, STEP
from streams.kernel.verdicts import NEW, REMEMBERED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rings: TypeAlias = "tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint8]]"
    """By sensor: low bits of times, digests and place (`values.Ring`)."""
    Known: TypeAlias = "tuple[NDArray[np.int64], blocks.Places, Rings, NDArray[np.int64]]"
    """Table of runs, where each sensor's are, its values, and up to which time all is forgotten."""
    Given: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]"
    """(n,) sensor, time, columns and digest."""

for _module in (runs, blocks, packing, values, memory):
    callable_compiled(_module)


@compiled
def judge(known: Known, rows: Given, keep_ms: int, begin: int, verdict: NDArray[np.int8], work: packing.Work) -> int:
    """Judge rows from `begin` on, in order → the first that is not judged because the table of runs is full.

    `columns` of `rows` becomes those that are new.
    """
    table, places, ring, floor_ms = known
    start, room, _ = places
    low_times, digests, place = ring
    sensors, at_ms, columns, digest = rows
    for row in range(begin, len(at_ms)):
        sensor, at = sensors[row], at_ms[row]
        head = start[sensor]
        if table[head, LAST] + table[head, STEP] == at and table[head, STEP] and table[head, SET] == columns[row]:
            table[head, LAST] = at
            free_place = place[sensor]
            low_times[sensor, free_place] = at & values.TIME_BITS
            digests[sensor, free_place] = digest[row]
            place[sensor] = (free_place + 1) % REMEMBERED
            verdict[row] = NEW
            continue
        while True:
            block = (head, np.int64(room[sensor]))
            of = (
                table,
                block,
                (low_times[sensor], digests[sensor], place[sensor : sensor + 1]),
                floor_ms[sensor : sensor + 1],
            )
            found, new = memory.judge(of, at, columns[row], digest[row], keep_ms)
            if found >= 0:
                break
            if found == memory.PACK:
                packing.pack(table, block, work)
            elif not blocks.enlarge(table, places, sensor):
                return row
            head = start[sensor]
        verdict[row] = found
        columns[row] = new
    return len(at_ms)
