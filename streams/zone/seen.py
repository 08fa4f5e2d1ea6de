"""What is remembered of a zone's sensors: runs of event times in one table, and digests of what the newest brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.domains.definition import MOST_COLUMNS
from streams.kernel import blocks
from streams.kernel.runs import FREE_SET, LAST, NEVER_MS
from streams.kernel.verdicts import REMEMBERED

SPARE_ROWS = 64
FREE = (NEVER_MS, NEVER_MS, 0, FREE_SET)


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
        self.more_runs(more)
        used = int(self.free[blocks.USED])
        self.free[blocks.USED] += more
        self.start = np.concatenate([self.start, np.arange(used, used + more, dtype=np.int32)])
        self.room = np.concatenate([self.room, np.ones(more, np.uint8)])
        self.floor_ms = np.concatenate([self.floor_ms, np.full(more, NEVER_MS)])
        self.low_time = np.concatenate([self.low_time, np.zeros((more, REMEMBERED), np.uint32)])
        self.digest = np.concatenate([self.digest, np.zeros((more, REMEMBERED), np.int64)])
        self.place = np.concatenate([self.place, np.zeros(more, np.uint8)])

    def more_runs(self, rows: int) -> None:
        """Make room for so many further rows of runs, and some to spare; blocks may move."""
        used = int(self.free[blocks.USED])
        if used + rows > len(self.runs) and used - int(self.room.sum(dtype=np.int64)) > used // 4:
            used = self._close_up()
        if used + rows > len(self.runs):
            wanted = used + rows + max(SPARE_ROWS, used // 8)
            self.runs = np.concatenate([self.runs, np.tile(np.array(FREE), (wanted - len(self.runs), 1))])

    def _close_up(self) -> int:
        """Move the blocks together, over those that nobody has any more → rows in use."""
        end = np.cumsum(self.room, dtype=np.int32)
        begin = self.start.astype(np.intp)
        kept = self.runs[ranges(begin, begin + self.room)]
        self.runs[: len(kept)] = kept
        self.runs[len(kept) :] = FREE
        self.start = end - self.room
        self.free[:] = -1
        self.free[blocks.USED] = len(kept)
        return len(kept)

    def enlarge(self, sensor: int) -> None:
        """Give a sensor a block of runs of twice the size."""
        while not blocks.enlarge(self.runs, (self.start, self.room, self.free), sensor):
            self.more_runs(blocks.LARGEST)

    def block(self, sensor: int) -> NDArray[np.int64]:
        """Return a view of a sensor's runs."""
        start = self.start[sensor]
        return self.runs[start : start + self.room[sensor]]

    def put(self, sensor: int, table: list[list[int]]) -> None:
        """Let these be a sensor's runs: as many as there were, or more by doubling."""
        while self.room[sensor] < len(table):
            self.enlarge(sensor)
        self.block(sensor)[:] = table

    @property
    def newest_ms(self) -> int:
        """The newest event time of all, NEVER_MS = none."""
        return int(self.runs[self.start, LAST].max(initial=NEVER_MS))

    def bit(self, name: str) -> int:
        """Return the number of a column's bit; a new one gets the next."""
        if name not in self.columns and len(self.columns) < MOST_COLUMNS:
            self.columns.append(name)
        return self.columns.index(name) if name in self.columns else MOST_COLUMNS - 1


def ranges(first: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return first … end - 1 of each, one behind the other."""
    lengths = end - first
    before = np.cumsum(lengths) - lengths
    found: NDArray[np.intp] = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return found
