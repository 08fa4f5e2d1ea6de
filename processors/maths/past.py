"""What a cell measured in windows that are judged, looked up outward from one of them and only as far as its run goes.

What comes late is run again reading by reading: to make the means of all hours that are held for each would cost most
where most is late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from processors.maths import ordered
from processors.maths.measured import mean_at
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from processors.maths.cells import Cells
    from processors.maths.hold import Limits

Run = list[tuple[int, float]]
"""Windows, rising, each with its mean."""


class Past:
    """The windows of a cell that are judged; those in which it did not speak are as if there were none."""

    def __init__(self, cells: Cells, cell: int, known_ms: int) -> None:
        self._cells, self._place = cells, np.array([cell])
        self._start_ms = cells.held_ms(NO_TIME_MS, known_ms - cells.window_ms + 1)
        self._spans_ms = (cells.window_ms, int(cells.gap_ms(self._place)[0]))

    def holds(self, start_ms: int) -> bool:
        """Tell whether a window is one of them."""
        return start_ms in self._start_ms

    def newest_ms(self) -> int:
        """Return the last in which it spoke, NO_TIME_MS = there is none."""
        spoken = (start_ms for start_ms in reversed(self._start_ms) if not np.isnan(self._mean(start_ms)))
        return next(spoken, NO_TIME_MS)

    def around(self, start_ms: int, limits: Limits) -> tuple[Run, Run]:
        """Return what reaches a limit in an unbroken row before a window, and behind it."""
        before = [one_ms for one_ms in self._start_ms if one_ms < start_ms]
        behind = [one_ms for one_ms in self._start_ms if one_ms > start_ms]
        return self._unbroken(start_ms, before[::-1], limits)[::-1], self._unbroken(start_ms, behind, limits)

    def run_again(self, around: tuple[Run, Run], start_ms: int, mean: float, limits: Limits) -> tuple[int, int]:
        """Return the highest severity of the run that holds a window with this mean, and since when; (0, 0) = none."""
        if np.isnan(mean):
            return 0, 0
        before, behind = around
        starts_ms, means = zip(*before, (start_ms, mean), *behind, strict=True)
        series = ordered.Series(list(starts_ms), list(means), limits.severity(np.array(means)).tolist())
        return ordered.run_again(series, len(before), limits, self._spans_ms)

    def _mean(self, start_ms: int) -> float:
        return float(mean_at(self._cells, self._place, start_ms)[0])

    def _unbroken(self, from_ms: int, starts_ms: list[int], limits: Limits) -> Run:
        found, gap_ms = Run(), self._spans_ms[1]
        for start_ms in starts_ms:
            if abs(start_ms - from_ms) > gap_ms:
                break
            mean = self._mean(start_ms)
            if np.isnan(mean):
                continue
            if not limits.severity(np.array([mean]))[0]:
                break
            found.append((start_ms, mean))
            from_ms = start_ms
        return found
