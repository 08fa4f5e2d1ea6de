"""A minute of a feed, by sensor: how many readings on time, the newest of them, and whether their values differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from processors.maths.digests import FAR
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from processors.maths.spoken import Spoken

READINGS, NEWEST, LEAST, GREATEST, LAGGING, AHEAD = range(6)
"""Fields of a minute: readings, newest event time, the bounds of a digest of their values: equal = all the same; how
many of the readings belong to an earlier minute, because their sensor lags; and the sum of how far ahead they were."""
_BLANK = np.array([[0], [NO_TIME_MS], [FAR], [-FAR], [0], [0]])


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
    if spoken.lagging is not None:
        np.add.at(minute[LAGGING], spoken.place, spoken.lagging)
