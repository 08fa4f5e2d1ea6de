"""Exact sums: int64 fixed point, so that no order and no grouping of the terms changes a bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.errors import SumOverflowError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUM_LIMIT = 2**62
"""A sum stays below it, so that one more run of terms, which together stay below it too, still fits int64."""


def to_fixed(values: NDArray[np.float64], scale: float | NDArray[np.float64]) -> NDArray[np.int64]:
    """Return values in units of 1/scale (or of scales that broadcast), rounded once, half to even; NaN becomes 0.

    Raises SumOverflowError where one is too large for a sum.

    >>> to_fixed(np.array([0.1, 2.5e-6, np.nan]), 1e6).tolist()
    [100000, 2, 0]
    """
    scaled = np.rint(values * scale)
    if scaled.size and not np.abs(scaled).max() < SUM_LIMIT:  # NaN comes here, too
        scaled = np.where(np.isnan(scaled), 0.0, scaled)
        worst = np.abs(scaled).argmax()
        if abs(scaled.flat[worst]) >= SUM_LIMIT:
            its_scale = np.broadcast_to(scale, scaled.shape).flat[worst]
            raise SumOverflowError(f"{values.flat[worst]:g} at scale {its_scale:g} is too large for an exact sum")
    return scaled.astype(np.int64)


def add_at(sums: NDArray[np.int64], place: NDArray[Any], terms: NDArray[np.int64]) -> None:
    """Add terms, (fields, n), to sums, (fields, places) and contiguous, at their place; a place may stand there often.

    Raises SumOverflowError where a sum leaves its range.
    """
    if not place.size:
        return
    peak = max(int(terms.max()), -int(terms.min()), 1)
    at_once = max(1, (SUM_LIMIT - 1) // peak)
    cells = sums.reshape(-1, copy=False)
    cell = np.arange(0, sums.size, sums.shape[1])[:, np.newaxis] + place
    for first in range(0, place.size, at_once):
        part = slice(first, first + at_once)
        np.add.at(cells, cell[:, part].ravel(), terms[:, part].ravel())
        check_range(sums if sums.shape[1] <= place.size else sums[:, place[part]])  # the fewer of the two


def check_range(sums: NDArray[np.int64]) -> None:
    """Raise SumOverflowError unless every sum may take further terms."""
    if sums.size and (sums.max() >= SUM_LIMIT or sums.min() <= -SUM_LIMIT):
        raise SumOverflowError("an exact sum has left ±2^62: its scale is too fine for what it adds up")
