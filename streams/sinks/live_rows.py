"""Which rows of metrics the live state takes, and how it orders and says them. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from streams.contract.spec import WINDOW_S
from streams.sinks import live_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streams.contract.records import Rows

PROVISIONAL = -1
"""The least revision."""


def odd_ones(rows: Rows) -> NDArray[np.bool_]:
    """Return (n,) which rows no field can hold: of no calendar's time, infinite, of no revision."""
    odd = (rows.at_ms < live_fields.LEAST_MS) | (rows.at_ms > live_fields.MOST_MS) | (rows.revision < PROVISIONAL)
    found: NDArray[np.bool_] = odd | np.isinf(rows.value) | np.isinf(rows.coverage_ratio)
    return found


def of_now(rows: Rows, longer: Mapping[str, int]) -> NDArray[np.bool_]:
    """Return (n,) which rows are of a minute, or of the window in which their metric is shown; other ones are history.

    `longer`: metric → length of its windows, s, where that is no minute.
    """
    found: NDArray[np.bool_] = rows.window_s == WINDOW_S
    for metric, window_s in longer.items() if not found.all() else ():
        found |= (rows.window_s == window_s) & (rows.metric == metric)
    return found


def window_of(at_ms: int) -> int:
    """Return the number of the minute that a time lies in."""
    return at_ms // (WINDOW_S * 1000)


def rank_of(at_ms: int, revision: int) -> tuple[int, int, int]:
    """Order the rows of a field: by window, then revision; provisional ones carry the time of their newest reading."""
    return (window_of(at_ms), revision, at_ms)


def known(number: float) -> float | None:
    """Return a number, None = it is not known."""
    return None if math.isnan(number) else number


def state_of(revision: int) -> int:
    """Return 0 provisional, 1 final, 2 corrected."""
    return min(revision, 1) + 1
