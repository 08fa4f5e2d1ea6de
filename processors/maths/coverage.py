"""Which sensors were expected to speak in a window, and which did (`docs/methods/coverage.md`).

Only windows with readings of the zone are judged. A sensor is expected where it spoke; else in the first window that
begins an interval, in whole windows and rounded up, or more after the one in which it last spoke or was last expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEVER = NO_TIME_MS
"""`asked_ms` of a sensor for which no window has waited yet."""


class Asked(NamedTuple):
    """(m,) bool: expected in this window; (m,) start of the last window in which each sensor was."""

    expected: NDArray[np.bool_]
    asked_ms: NDArray[np.int64]


def ask(
    reported: NDArray[np.bool_],
    asked_ms: NDArray[np.int64],
    interval_s: NDArray[np.float64],
    start_ms: int,
    window_ms: int,
) -> Asked:
    """Judge the window that starts then; windows come in their order. A new sensor counts as heard just before.

    >>> silent, interval_s = np.array([False, False]), np.array([60.0, 300.0])
    >>> asked = ask(silent, np.array([0, 0]), interval_s, start_ms=60_000, window_ms=60_000)
    >>> asked.expected.tolist(), asked.asked_ms.tolist()
    ([True, False], [60000, 0])
    """
    known_ms = np.where(asked_ms == NEVER, start_ms - window_ms, asked_ms)
    interval_ms = np.ceil(interval_s * 1000.0 / window_ms).astype(np.int64) * window_ms
    expected: NDArray[np.bool_] = reported | (start_ms - known_ms >= interval_ms)
    return Asked(expected, np.where(expected, start_ms, known_ms))


def ratio(reported: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share that reported, NaN where nobody was expected; one that spoke late counts as expected, too."""
    wanted = np.maximum(expected, reported)
    return np.where(wanted > 0, reported / np.maximum(wanted, 1), np.nan)
