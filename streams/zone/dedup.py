"""De-duplication by (sensor, event time, column), in log order: the first value of each in the zone's log wins.

Which times were taken, and with which columns, is remembered as runs (`streams.kernel.runs`), at most 64 a sensor; what
the newest 32 times brought, as digests (`streams.kernel.values`). Above a sensor's `floor_ms` every time that was taken
is known; up to it all is forgotten. Rows are judged one after the other, so no cut of the log changes a verdict.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.kernel import blocks, memory, packing, values
from streams.kernel.runs import LAST, MOST_RUNS
from streams.kernel.verdicts import NEW, REMEMBERED
from streams.zone import rising
from streams.zone.seen import Seen, ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rows: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.int64]]"
    """(n,) place of the sensor and event time of each row."""
    Judge: TypeAlias = (
        "Callable[[Seen, Rows, Mapping[str, NDArray[np.float64]], int], tuple[NDArray[np.int8], NDArray[np.int64]]]"
    )
    """See `judge`."""

FEW_SENSORS = 4
"""The rows of so few that do not rise are judged one by one, with all that follow."""


def read(
    seen: Seen, columns: Mapping[str, NDArray[np.float64]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (count,) the columns that each row has (not NaN), a bit each, and the digests of their values."""
    sets, digest = np.zeros(count, np.int64), np.full(count, values.NO_VALUE)
    for name, column in columns.items():
        bit = seen.bit(name)
        missing = np.isnan(column)
        hashed = _hashes(name, column) << np.int64(bit % values.FIELDS * values.FIELD_BITS)
        if missing.any():
            sets |= np.where(missing, np.int64(0), np.int64(1 << bit))
            hashed[missing] = 0
        else:
            sets |= np.int64(1 << bit)
        digest ^= hashed
    return sets, digest


def _hashes(name: str, column: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = (column + 0.0).view(np.uint64) ^ seed(name)  # + 0.0: -0.0 and 0.0 are one value
    bits ^= bits >> np.uint64(29)
    bits *= values.MULTIPLIER
    bits >>= np.uint64(64 - values.FIELD_BITS)
    return bits.view(np.int64)


@cache
def seed(name: str) -> np.uint64:
    """Return what sets a column's digests apart."""
    return np.uint64(sum(name.encode()))


def judge(
    seen: Seen, rows: Rows, columns: Mapping[str, NDArray[np.float64]], keep_ms: int
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Judge (n,) rows in order and remember what is new → (n,) verdicts, and the new columns of each, a bit each.

    `seen` changes in place; times are kept for at least `keep_ms`. A column that a row does not have is NaN.
    """
    sets, digest = read(seen, columns, len(rows[0]))
    return judge_sets(seen, rows, (sets, digest), keep_ms)


def judge_sets(
    seen: Seen, rows: Rows, given: tuple[NDArray[np.int64], NDArray[np.int64]], keep_ms: int
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Judge rows of which the columns and digests are known; see `judge`."""
    sensor, at_ms = rows
    columns, digest = given
    verdict = np.full(len(at_ms), NEW, np.int8)
    if not len(at_ms):
        return verdict, columns
    order = np.argsort(sensor, kind="stable")
    code, at = sensor[order], at_ms[order]
    begins = np.ones(len(at), bool)
    begins[1:] = code[1:] != code[:-1]
    row = np.flatnonzero(begins)
    end = _ends(row, len(at))
    falls = np.flatnonzero(~begins[1:] & (at[1:] <= at[:-1])) + 1
    while len(row):
        # What rises is taken at once, sensor by sensor; then the row where each does not rise is judged by itself.
        stop = np.minimum(end, np.append(falls, len(at))[np.searchsorted(falls, row, side="right")])
        stop = np.where(at[row] > seen.runs[seen.start[code[row]], LAST], stop, row)
        taken = ranges(row, stop)
        _rise(seen, code[taken], at[taken], (columns[order[taken]], digest[order[taken]]), keep_ms)
        row, end = stop[stop < end], end[stop < end]
        if len(row):
            until = row + 1 if len(row) > FEW_SENSORS else end
            mine = order[ranges(row, until)]
            of = (code[row], until - row)
            verdict[mine], columns[mine] = _one_by_one(seen, of, (at_ms[mine], columns[mine], digest[mine]), keep_ms)
            row, end = until[until < end], end[until < end]
    return verdict, columns


def _ends(first: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return where the group ends that begins at each of `first`."""
    end = np.empty(len(first), np.intp)
    end[:-1] = first[1:]
    end[-1:] = count
    return end


def _rise(
    seen: Seen,
    code: NDArray[np.intp],
    at: NDArray[np.int64],
    given: tuple[NDArray[np.int64], NDArray[np.int64]],
    keep_ms: int,
) -> None:
    """Take rows, sorted by sensor, whose times rise and are newer than all of their sensor."""
    if not len(code):
        return
    columns, digest = given
    begins = np.ones(len(at), bool)
    begins[1:] = code[1:] != code[:-1]
    first = np.flatnonzero(begins)
    end = _ends(first, len(at))
    rising.rise(seen, (first, end), (code, at, columns), keep_ms)
    rank = np.arange(len(at)) - np.repeat(first, end - first)
    place = (seen.place[code] + rank) % REMEMBERED
    seen.low_time[code, place] = at & values.TIME_BITS
    seen.digest[code, place] = digest
    last = end - 1
    seen.place[code[last]] = (place[last] + 1) % REMEMBERED


def _one_by_one(
    seen: Seen, of: tuple[NDArray[np.intp], NDArray[np.intp]], rows: tuple[NDArray[np.int64], ...], keep_ms: int
) -> tuple[list[int], list[int]]:
    """Judge rows as lists, sensor by sensor: `of` says which, and how many rows of each → verdicts, and new columns.

    Numpy would take longer for the few rows of one sensor.
    """
    sensors, counts = of
    low_times, digests, places = seen.low_time[sensors].tolist(), seen.digest[sensors].tolist(), seen.place[sensors]
    floors_ms = seen.floor_ms[sensors]
    verdicts: list[int] = []
    new: list[int] = []
    given = zip(*(one.tolist() for one in rows), strict=True)
    for number, (sensor, count) in enumerate(zip(sensors.tolist(), counts.tolist(), strict=True)):
        table = seen.block(sensor).tolist()
        place, floor_ms = [int(places[number])], [int(floors_ms[number])]
        ring = (low_times[number], digests[number], place)
        for at, columns, digest in islice(given, count):
            found, fresh = _judge_row((table, ring, floor_ms), at, columns, digest, keep_ms)
            verdicts.append(found)
            new.append(fresh)
        seen.put(sensor, table)
        places[number], floors_ms[number] = place[0], floor_ms[0]
    seen.low_time[sensors], seen.digest[sensors], seen.place[sensors] = low_times, digests, places
    seen.floor_ms[sensors] = floors_ms
    return verdicts, new


def _judge_row(
    of: tuple[list[list[int]], values.Ring, list[int]], at: int, columns: int, digest: int, keep_ms: int
) -> tuple[int, int]:
    table, ring, floor_ms = of
    while True:
        found, fresh = memory.judge((table, (0, len(table)), ring, floor_ms), at, columns, digest, keep_ms)
        if found >= 0:
            return found, fresh
        rising.make_room(table, shall_pack=found == memory.PACK)


def compiled_judge() -> Judge:
    """Return `judge`, compiled."""
    from streams.kernel import digests, repeats  # numba takes half a second to import

    def judged(
        seen: Seen, rows: Rows, columns: Mapping[str, NDArray[np.float64]], keep_ms: int
    ) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        sensor, at_ms = rows
        verdict, begin = np.empty(len(at_ms), np.int8), 0
        work = (
            np.empty(packing.MOST_TIMES, np.int64),
            np.empty(packing.MOST_TIMES, np.bool_),
            np.empty((MOST_RUNS, 4), np.int64),
        )
        sets, digest = np.zeros(len(at_ms), np.int64), np.full(len(at_ms), values.NO_VALUE)
        for name, column in columns.items():
            digests.add(column.view(np.uint64), seed(name), seen.bit(name), sets, digest)
        while True:
            places = (seen.start, seen.room, seen.free)
            known = (seen.runs, places, (seen.low_time, seen.digest, seen.place), seen.floor_ms)
            begin = repeats.judge(known, (sensor, at_ms, sets, digest), keep_ms, begin, verdict, work)
            if begin == len(verdict):
                return verdict, sets
            seen.more_runs(blocks.LARGEST)

    return judged
