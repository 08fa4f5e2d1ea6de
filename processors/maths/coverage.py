"""Which sensors were expected to speak in a window, and which did.

A sensor that reports more often than once a window is expected in each. A slower one, or one as fast as the window,
may fall on either side of a window's end: it is expected where it spoke, and where it is overdue, once an interval.
With n = its interval in windows, rounded up, these are the windows n + 1, 2n + 1, 3n + 1 … after the last in which it
spoke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.records import NO_TIME_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEVER = NO_TIME_MS
"""`last_ms` of a sensor that has not spoken yet and that no window has waited for yet."""


def expected(
    reported: NDArray[np.bool_],
    last_ms: NDArray[np.int64],
    interval_s: NDArray[np.float64],
    start_ms: int,
    window_ms: int,
) -> NDArray[np.bool_]:
    """Return (m,) bool: expected in the window that starts then. `last_ms` is what `spoke` returns."""
    waited = (start_ms - last_ms) // window_ms
    periods = np.ceil(interval_s * 1000.0 / window_ms).astype(np.int64)
    overdue = (waited > periods) & ((waited - 1) % periods == 0)
    often = interval_s * 1000.0 < window_ms
    wanted: NDArray[np.bool_] = reported | often | overdue
    return wanted


def spoke(reported: NDArray[np.bool_], last_ms: NDArray[np.int64], start_ms: int, window_ms: int) -> NDArray[np.int64]:
    """Return the new (m,) start of each sensor's last window; a new sensor counts as heard just before its first."""
    known = np.where(last_ms == NEVER, start_ms - window_ms, last_ms)
    return np.where(reported, np.maximum(known, start_ms), known)


def ratio(reported: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share that reported, NaN where nobody was expected; one that spoke unexpectedly counts twice."""
    wanted = np.maximum(wanted, reported)
    return np.where(wanted > 0, reported / np.maximum(wanted, 1), np.nan)
