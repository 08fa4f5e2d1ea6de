"""What a rule looks at in a sensor's minute: its mean, how far that moved or is from usual, how often it was beyond.

All but what is usual comes from the windows that are held for readings that are late, so nothing is kept for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from processors.maths import energy, usual, windows
from processors.maths.cells import SUM
from processors.maths.measures import quotient
from processors.maths.windows import READINGS
from streams.contract.sums import COLUMN_SCALE, ENERGY_SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from processors.maths.cells import Cells
    from processors.maths.rules import Rule
    from processors.maths.usual import Usual

MEAN = SUM + 1
"""Fields of a window's sums that a mean is made of: those before it."""


def mean_of(sums: NDArray[np.int64], of_level: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the means of (fields, n) sums, of which (n,) are of levels; NaN = none."""
    mean = quotient(sums[SUM], sums[READINGS], COLUMN_SCALE, 1.0)
    if of_level.any():
        level = energy.level_of(quotient(sums[SUM], sums[READINGS], ENERGY_SCALE, 1.0))
        mean = np.where(of_level, level, mean)
    return mean


def measured(
    cells: Cells,
    rule: Rule,
    place: NDArray[np.int64],
    mean: NDArray[np.float64],
    start_ms: int,
    known: Mapping[str, Usual],
) -> NDArray[np.float64]:
    """Return what the rule judges of (n,) cells in a window with these means; NaN = it cannot say.

    `known`: what is usual, by column.
    """
    if rule.kind == "level":
        return mean
    if rule.kind == "deviation":
        return mean - usual.usual(known[rule.column], place, start_ms, cells.days)
    if rule.kind == "change":
        return mean - mean_at(cells, place, start_ms - rule.over_ms)
    count = _is_beyond(rule, mean).astype(np.float64)
    for ago_ms in range(cells.window_ms, rule.over_ms, cells.window_ms):
        count += _is_beyond(rule, mean_at(cells, place, start_ms - ago_ms))
    return count


def mean_at(cells: Cells, place: NDArray[np.int64], start_ms: int) -> NDArray[np.float64]:
    """Return the means of (n,) cells in a window, of all that has come for it; NaN = none."""
    return mean_of(windows.so_far(cells.windows, start_ms, place, MEAN), cells.of_level[place])


def _is_beyond(rule: Rule, mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    at = np.nan if rule.at is None else rule.at
    return mean < at if rule.sense == "below" else mean >= at
