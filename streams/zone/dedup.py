"""De-duplication by (sensor, event time, column), in log order: the first value of each in the zone's log wins.

Which times were taken, and with which columns, is remembered as runs (`streams.kernel.runs`), at most 64 a sensor; what
the newest 32 times brought, as digests (`streams.kernel.values`). Above a sensor's `floor_ms` every time that was taken
is known; up to it all is forgotten. Rows are judged one after the other, so no cut of the log changes a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streams.kernel import blocks, memory, values
from streams.kernel.runs import FREE_SET, LAST, NEVER_MS, SET, STEP
from streams.kernel.verdicts import NEW, REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Given: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]"
    """(n,) place of the sensor, event time, columns (a bit each) and digest of each row."""

MOST_COLUMNS = 63
"""Bits of a set of columns; what comes beyond shares the last one."""

SPARE_ROWS = 64
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
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

    @property
    def newest_ms(self) -> int:
        """The newest event time of all, NEVER_MS = none."""
        return int(self.runs[:, LAST].max(initial=NEVER_MS))

    def more_runs(self, rows: int) -> None:
        """Make room for so many further rows of runs, and some to spare."""
        used = int(self.free[blocks.USED])
        if used + rows > len(self.runs):
            wanted = used + rows + max(SPARE_ROWS, used // 8)
            self.runs = np.concatenate([self.runs, np.tile(np.array(_FREE), (wanted - len(self.runs), 1))])

    def bit(self, name: str) -> int:
        """Return the number of a column's bit; a new one gets the next."""
        if name not in self.columns and len(self.columns) < MOST_COLUMNS:
            self.columns.append(name)
        return self.columns.index(name) if name in self.columns else MOST_COLUMNS - 1


def read(
    seen: Seen, columns: Mapping[str, NDArray[np.float64]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (count,) the columns that each row has (not NaN), a bit each, and the digests of their values."""
    sets = np.zeros(count, np.int64)
    digest = np.full(count, values.TAKEN | values.KNOWN)
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
    bits = (column + 0.0).view(np.uint64) ^ _seed(name)  # + 0.0: -0.0 and 0.0 are one value
    bits ^= bits >> np.uint64(29)
    bits *= _MULTIPLIER
    bits >>= np.uint64(64 - values.FIELD_BITS)
    return bits.view(np.int64)


@cache
def _seed(name: str) -> np.uint64:
    return np.uint64(sum(name.encode()))


def judge(seen: Seen, rows: Given, keep_ms: int) -> NDArray[np.int8]:
    """Judge (n,) rows in order and remember what is new → (n,) verdicts; times are kept for at least `keep_ms`.

    `seen` changes in place, and so do the columns of `rows`: they become those that are new.
    """
    sensor, at_ms, columns, digest = rows
    verdict = np.full(len(at_ms), NEW, np.int8)
    if not len(at_ms):
        return verdict
    order = np.argsort(sensor, kind="stable")
    code, at = sensor[order], at_ms[order]
    first = np.flatnonzero(np.diff(code, prepend=-1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(code)))
    rank = np.arange(len(at)) - first[group]
    head = seen.runs[seen.start[code]]
    step = head[:, STEP]
    goes_on = (at == head[:, LAST] + step * (rank + 1)) & (step != 0) & (columns[order] == head[:, SET])
    in_order = np.logical_and.reduceat(goes_on, first)
    plain = in_order[group]
    _go_on(seen, code[plain], at[plain], digest[order[plain]], rank[plain])
    ends = np.append(first[1:], len(at))
    for one in np.flatnonzero(~in_order):
        mine = order[first[one] : ends[one]]
        verdict[mine], columns[mine] = _judge_sensor(
            seen, int(code[first[one]]), (at_ms[mine], columns[mine], digest[mine]), keep_ms
        )
    return verdict


def _go_on(
    seen: Seen, code: NDArray[np.intp], at: NDArray[np.int64], digest: NDArray[np.int64], rank: NDArray[np.intp]
) -> None:
    """Take rows that go on with the newest run of their sensor; `rank` counts a sensor's rows."""
    if not len(code):
        return
    place = (seen.place[code] + rank) % REMEMBERED
    seen.low_time[code, place] = at & values.TIME_BITS
    seen.digest[code, place] = digest
    last = np.flatnonzero(np.diff(code, append=-1))
    seen.runs[seen.start[code[last]], LAST] = at[last]
    seen.place[code[last]] = (place[last] + 1) % REMEMBERED


def _judge_sensor(
    seen: Seen, sensor: int, rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], keep_ms: int
) -> tuple[list[int], list[int]]:
    """Judge the rows of one sensor as lists: numpy would take longer for so few → verdicts, and the new columns."""
    base = int(seen.start[sensor])
    table = seen.runs[base : base + int(seen.room[sensor])].tolist()
    ring = (seen.low_time[sensor].tolist(), seen.digest[sensor].tolist(), [int(seen.place[sensor])])
    floor_ms = [int(seen.floor_ms[sensor])]
    verdicts, new = [], []
    for at, columns, digest in zip(*(one.tolist() for one in rows), strict=True):
        while True:
            found, fresh = memory.judge((table, (0, len(table)), ring, floor_ms), at, columns, digest, keep_ms)
            if found != memory.GROW:
                break
            table += [list(_FREE) for _ in table]
        verdicts.append(found)
        new.append(fresh)
    _store(seen, sensor, table)
    seen.low_time[sensor], seen.digest[sensor], seen.place[sensor] = ring[0], ring[1], ring[2][0]
    seen.floor_ms[sensor] = floor_ms[0]
    return verdicts, new


def _store(seen: Seen, sensor: int, table: list[list[int]]) -> None:
    """Put a sensor's runs back, in a larger block where they have become more."""
    while seen.room[sensor] < len(table):
        if not blocks.enlarge(seen.runs, (seen.start, seen.room, seen.free), sensor):
            seen.more_runs(len(table))
    base = int(seen.start[sensor])
    seen.runs[base : base + len(table)] = table


def compiled_judge() -> Callable[[Seen, Given, int], NDArray[np.int8]]:
    """Return `judge`, compiled."""
    from streams.kernel import repeats  # numba takes half a second to import

    def judged(seen: Seen, rows: Given, keep_ms: int) -> NDArray[np.int8]:
        verdict, begin = np.empty(len(rows[0]), np.int8), 0
        while True:
            known = (
                seen.runs,
                (seen.start, seen.room, seen.free),
                (seen.low_time, seen.digest, seen.place),
                seen.floor_ms,
            )
            begin = repeats.judge(known, rows, keep_ms, begin, verdict)
            if begin == len(verdict):
                return verdict
            seen.more_runs(blocks.LARGEST)

    return judged
