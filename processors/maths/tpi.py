"""GB/T 33171-2016, Annex C: the traffic performance index from the delay time proportion (`docs/methods/tpi.md`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELAY_TIME_PROPORTION = np.array([0.0, 0.3, 0.5, 0.6, 0.7, 1.0])
INDEX = np.array([0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
GRADE_TTI: tuple[float, ...] = tuple((1 / (1 - DELAY_TIME_PROPORTION[1:-1])).tolist())
"""Travel time index from which grades 1 to 4 begin: mostly free, light, moderate and severe congestion."""
TOLERANCE = 1e-9
"""1 - 0.7 is 0.30000000000000004 in floats: what lies within this of a boundary is the boundary."""


def index(tti_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the index, 0 to 10, of travel time indices of at least 1; NaN = unknown.

    >>> index(np.array([1.0, 2.0, 2.5, 10 / 3, np.inf])).tolist()
    [0.0, 4.0, 6.0, 8.0, 10.0]
    """
    proportion = 1.0 - 1.0 / tti_ratio
    nearest = DELAY_TIME_PROPORTION[np.abs(DELAY_TIME_PROPORTION - proportion[..., np.newaxis]).argmin(axis=-1)]
    proportion = np.where(np.abs(proportion - nearest) <= TOLERANCE, nearest, proportion)
    found: NDArray[np.float64] = np.interp(proportion, DELAY_TIME_PROPORTION, INDEX)
    return found
