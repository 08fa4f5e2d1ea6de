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


class Due(NamedTuple):
    """(m,) `asked_ms` so far, interval of each sensor, and bool: the city has it. What left is asked nothing."""

    asked_ms: NDArray[np.int64]
    interval_s: NDArray[np.float64]
    present: NDArray[np.bool_]


def ask(reported: NDArray[np.bool_], due: Due, start_ms: int, window_ms: int) -> Asked:
    """Judge the window that starts then; windows come in their order. A new sensor counts as heard just before.

    >>> due = Due(np.array([0, 0, 0]), np.array([60.0, 300.0, 60.0]), np.array([True, True, False]))
    >>> asked = ask(np.array([False, False, False]), due, start_ms=60_000, window_ms=60_000)
    >>> asked.expected.tolist(), asked.asked_ms.tolist() == [60_000, 0, NEVER]
    ([True, False, False], True)
    """
    known_ms = np.where(due.asked_ms == NEVER, start_ms - window_ms, due.asked_ms)
    interval_ms = np.ceil(due.interval_s * 1000.0 / window_ms).astype(np.int64) * window_ms
    expected: NDArray[np.bool_] = reported | (due.present & (start_ms - known_ms >= interval_ms))
    return Asked(expected, np.where(expected, start_ms, np.where(due.present, known_ms, NEVER)))


def ask_some(reported: NDArray[np.bool_], due: Due, window: tuple[int, int], only: NDArray[np.bool_] | None) -> Asked:
    """Judge the window, (start, length), for some sensors, (m,) bool; None = for all."""
    asked = ask(reported, due, *window)
    if only is None:
        return asked
    return Asked(asked.expected & only, np.where(only, asked.asked_ms, due.asked_ms))


def ratio(reported: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share that reported, NaN where nobody was expected; one that spoke late counts as expected, too."""
    wanted = np.maximum(expected, reported)
    return np.where(wanted > 0, reported / np.maximum(wanted, 1), np.nan)
