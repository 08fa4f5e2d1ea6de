"""The readings of a frame as a feed's health sees them, which of them count in a minute, and why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import clocks, digests

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from processors.maths.places import Layout
    from streams.contract.records import Frame

NO_VALUE, ELSEWHERE, LATE_FOR_MINUTE, OF_LAGGING = "no_value", "elsewhere", "late", "lagging"
DROPS = (NO_VALUE, ELSEWHERE, LATE_FOR_MINUTE, OF_LAGGING)


class Spoken(NamedTuple):
    """(n,) readings: place, event time, bounds of the digest, whether the sensor lags, how far ahead of the mark.

    Where no sensor lags, `lagging` is None; where all values tell, both bounds are one array.
    """

    place: NDArray[np.intp]
    at_ms: NDArray[np.int64]
    least: NDArray[np.int64]
    greatest: NDArray[np.int64]
    lagging: NDArray[np.bool_] | None
    ahead_ms: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp]) -> Spoken:
        """Return these rows."""
        least = self.least.take(rows)
        greatest = least if self.greatest is self.least else self.greatest.take(rows)
        lagging = None if self.lagging is None else self.lagging.take(rows)
        times = self.at_ms.take(rows), least, greatest
        return Spoken(self.place.take(rows), *times, lagging, self.ahead_ms.take(rows))


class Taken(NamedTuple):
    """What counts in a minute: the readings, and their rows in the frame, None = all.

    Of all rows, (n,): place, time with the lag, bool heard and late. Reason → how many count in no minute.
    """

    spoken: Spoken
    rows: NDArray[np.intp] | None
    place: NDArray[np.intp]
    due_ms: NDArray[np.int64]
    late: NDArray[np.bool_]
    dropped: dict[str, int]


def take(frame: Frame, layout: Layout, judged_ms: int, steady: tuple[str, ...]) -> Taken:
    """Take a frame; minutes before `judged_ms` are judged, and `steady` columns may rightly stay the same."""
    place = layout.place.take(frame.sensor).astype(np.intp)
    here = place >= 0
    heard = here & frame.heard
    due_ms, lagging = frame.at_ms, None
    if layout.lags:
        lag_ms = np.where(here, layout.lag_ms.take(place), 0)
        due_ms, lagging = frame.at_ms + lag_ms, lag_ms > 0
    now = heard & ~frame.late & (due_ms >= judged_ms)
    spoken = Spoken(place, due_ms, *digests.bounds(frame, steady), lagging, clocks.ahead_ms(frame))
    if np.count_nonzero(now) == len(now) and lagging is None:
        return Taken(spoken, None, place, due_ms, frame.late, {})
    rows = now.nonzero()[0]
    of_lagging = np.zeros(len(now), bool) if lagging is None else now & lagging
    reasons = {NO_VALUE: here & ~heard, ELSEWHERE: ~here, LATE_FOR_MINUTE: heard & ~now, OF_LAGGING: of_lagging}
    dropped = {reason: count for reason, of in reasons.items() if (count := int(np.count_nonzero(of)))}
    return Taken(spoken.take(rows), rows, place, due_ms, frame.late & heard, dropped)
