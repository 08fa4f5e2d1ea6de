"""De-duplication by (sensor, event time, column), in log order: the first value of each in the zone's log wins.

Which times were taken, and with which columns, is remembered as runs (`streams.kernel.runs`), at most 64 a sensor; what
the newest 32 times brought, as digests (`streams.kernel.values`). Above a sensor's `floor_ms` every time that was taken
is known; up to it all is forgotten. Rows are judged one after the other, so no cut of the log changes a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.kernel import blocks, memory, values
from streams.kernel.runs import FREE_SET, LAST, NEVER_MS
from streams.kernel.verdicts import NEW, REMEMBERED
from streams.zone import rising

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rows: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.int64]]"
    """(n,) place of the sensor and event time of each row."""
    Judge: TypeAlias = (
        "Callable[[Seen, Rows, Mapping[str, NDArray[np.float64]], int], tuple[NDArray[np.int8], NDArray[np.int64]]]"
    )
    """See `judge`."""

MOST_COLUMNS = 63
"""Bits of a set of columns; what comes beyond shares the last one."""

SPARE_ROWS = 64
FEW_SENSORS = 4
"""The rows of so few that do not rise are judged one by one, with all that follow."""
_FREE = (NEVER_MS, NEVER_MS, 0, FREE_SET)


@dataclass
class Seen:
    """What is remembered of k sensors. Invariant: row i belongs to sensor i; `start` and `room` name its block."""

    runs: NDArray[np.int64]
    """(p, 4) table of runs."""
    start: NDArray[np.int32]
    room: NDArray[np.uint8]
    free: NDArray[np.int64]
    """See `streams.kernel.blocks`."""
    floor_ms: NDArray[np.int64]
    """(k,) up to this time all is forgotten."""
    low_time: NDArray[np.uint32]
    """(k, REMEMBERED), as `digest`; see `streams.kernel.values`."""
    digest: NDArray[np.int64]
    place: NDArray[np.uint8]
    columns: list[str]
    """Name of each bit of a set of columns, in the order in which they came."""

    @staticmethod
    def empty() -> Seen:
        """Know no sensor."""
        free = np.full(blocks.SIZES + 1, -1)
        free[blocks.USED] = 0
        return Seen(
            runs=np.empty((0, 4), np.int64),
            start=np.empty(0, np.int32),
            room=np.empty(0, np.uint8),
            free=free,
            floor_ms=np.empty(0, np.int64),
            low_time=np.empty((0, REMEMBERED), np.uint32),
            digest=np.empty((0, REMEMBERED), np.int64),
            place=np.empty(0, np.uint8),
            columns=[],
        )

    def grow(self, sensors: int) -> None:
        """Make room for `sensors` sensors in all."""
        known = len(self.place)
        more = sensors - known
        if more <= 0:
            return
        used = int(self.free[blocks.USED])
        self.more_runs(more)
        self.free[blocks.USED] += more
        self.start = np.concatenate([self.start, np.arange(used, used + more, dtype=np.int32)])
        self.room = np.concatenate([self.room, np.ones(more, np.uint8)])
        self.floor_ms = np.concatenate([self.floor_ms, np.full(more, NEVER_MS)])
        self.low_time = np.concatenate([self.low_time, np.zeros((more, REMEMBERED), np.uint32)])
        self.digest = np.concatenate([self.digest, np.zeros((more, REMEMBERED), np.int64)])
        self.place = np.concatenate([self.place, np.zeros(more, np.uint8)])

    def more_runs(self, rows: int) -> None:
        """Make room for so many further rows of runs, and some to spare."""
        used = int(self.free[blocks.USED])
        if used + rows > len(self.runs):
            wanted = used + rows + max(SPARE_ROWS, used // 8)
            self.runs = np.concatenate([self.runs, np.tile(np.array(_FREE), (wanted - len(self.runs), 1))])

    def enlarge(self, sensor: int) -> None:
        """Give a sensor a block of runs of twice the size."""
        while not blocks.enlarge(self.runs, (self.start, self.room, self.free), sensor):
            self.more_runs(blocks.LARGEST)

    @property
    def newest_ms(self) -> int:
        """The newest time of all sensors."""
        return int(self.runs[self.start, LAST].max(initial=NEVER_MS))

    def bit(self, name: str) -> int:
        """Return the number of a column's bit; a new one gets the next."""
        if name not in self.columns and len(self.columns) < MOST_COLUMNS:
            self.columns.append(name)
        return self.columns.index(name) if name in self.columns else MOST_COLUMNS - 1


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
        taken = _ranges(row, stop)
        _rise(seen, code[taken], at[taken], (columns[order[taken]], digest[order[taken]]), keep_ms)
        row, end = stop[stop < end], end[stop < end]
        if len(row):
            until = row + 1 if len(row) > FEW_SENSORS else end
            mine = order[_ranges(row, until)]
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


def _ranges(first: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return first … end - 1 of each, one behind the other."""
    lengths = end - first
    before = np.cumsum(lengths) - lengths
    found: NDArray[np.intp] = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return found


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
    floors_ms, begins, rooms = seen.floor_ms[sensors], seen.start[sensors].tolist(), seen.room[sensors].tolist()
    verdicts: list[int] = []
    new: list[int] = []
    given = zip(*(one.tolist() for one in rows), strict=True)
    for number, (sensor, count) in enumerate(zip(sensors.tolist(), counts.tolist(), strict=True)):
        table = seen.runs[begins[number] : begins[number] + rooms[number]].tolist()
        place, floor_ms = [int(places[number])], [int(floors_ms[number])]
        ring = (low_times[number], digests[number], place)
        for at, columns, digest in islice(given, count):
            found, fresh = _judge_row((table, ring, floor_ms), at, columns, digest, keep_ms)
            verdicts.append(found)
            new.append(fresh)
        while seen.room[sensor] < len(table):
            seen.enlarge(sensor)
        base = seen.start[sensor]
        seen.runs[base : base + len(table)] = table
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
        if found != memory.GROW:
            return found, fresh
        table += [list(_FREE) for _ in table]


def compiled_judge() -> Judge:
    """Return `judge`, compiled."""
    from streams.kernel import digests, repeats  # numba takes half a second to import

    def judged(
        seen: Seen, rows: Rows, columns: Mapping[str, NDArray[np.float64]], keep_ms: int
    ) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        sensor, at_ms = rows
        verdict, begin = np.empty(len(at_ms), np.int8), 0
        sets, digest = np.zeros(len(at_ms), np.int64), np.full(len(at_ms), values.NO_VALUE)
        for name, column in columns.items():
            digests.add(column.view(np.uint64), seed(name), seen.bit(name), sets, digest)
        while True:
            places = (seen.start, seen.room, seen.free)
            known = (seen.runs, places, (seen.low_time, seen.digest, seen.place), seen.floor_ms)
            begin = repeats.judge(known, (sensor, at_ms, sets, digest), keep_ms, begin, verdict)
            if begin == len(verdict):
                return verdict, sets
            seen.more_runs(blocks.LARGEST)

    return judged
