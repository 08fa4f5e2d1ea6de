"""A minute of a feed, by sensor: how many readings on time, the newest of them, and whether their values differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.digests import FAR
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

READINGS, NEWEST, LEAST, GREATEST, LAGGING, AHEAD = range(6)
"""Fields of a minute: readings, newest event time, the bounds of a digest of their values: equal = all the same; how
many of the readings belong to an earlier minute, because their sensor lags; and the sum of how far ahead they were."""
_BLANK = np.array([[0], [NO_TIME_MS], [FAR], [-FAR], [0], [0]])


class Spoken(NamedTuple):
    """(n,) readings: place, event time, bounds of the digest, whether the sensor lags, how far ahead of the mark."""

    place: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    least: NDArray[np.int64]
    greatest: NDArray[np.int64]
    lagging: NDArray[np.bool_]
    ahead_ms: NDArray[np.int64]

    def of(self, row: slice | NDArray[np.intp], kept: NDArray[np.bool_]) -> Spoken:
        """Return those of these rows that are kept; itself where that is all."""
        if len(kept) == len(self.place) and kept.all():
            return self
        times = (self.at_ms[row][kept], self.least[row][kept], self.greatest[row][kept])
        return Spoken(self.place[row][kept], *times, self.lagging[row][kept], self.ahead_ms[row][kept])


def roomy(minute: NDArray[np.int64] | None, places: int) -> NDArray[np.int64]:
    """Return a minute, (6, m), with room for so many sensors."""
    have = 0 if minute is None else minute.shape[1]
    if minute is not None and have >= places:
        return minute
    blank = np.repeat(_BLANK, places - have, axis=1)
    return blank if minute is None else np.concatenate([minute, blank], axis=1)


def add(minute: NDArray[np.int64], spoken: Spoken) -> None:
    """Take readings into a minute that has room for them."""
    np.add.at(minute[READINGS], spoken.place, 1)
    np.maximum.at(minute[NEWEST], spoken.place, spoken.at_ms)
    np.minimum.at(minute[LEAST], spoken.place, spoken.least)
    np.maximum.at(minute[GREATEST], spoken.place, spoken.greatest)
    np.add.at(minute[AHEAD], spoken.place, spoken.ahead_ms)
    if spoken.lagging.any():
        np.add.at(minute[LAGGING], spoken.place, spoken.lagging)
