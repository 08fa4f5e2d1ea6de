"""Which rows fall into which tumbling window of event time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

COUNTED_WINDOWS = 4096
"""Over so many windows, rows are counted by window to see which are there; over more they are sorted."""


def by_start(at_ms: NDArray[np.int64], of: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each time of the rows that `of` selects with the places of those rows, in their order; by rising time.

    >>> list(by_start(np.array([9, 5, 9, 7]), np.array([True, True, True, False])))
    [(5, array([1])), (9, array([0, 2]))]
    """
    place = np.flatnonzero(of)
    if not place.size:
        return
    place = place[np.argsort(at_ms[place], kind="stable")]
    for part in np.split(place, np.flatnonzero(np.diff(at_ms[place])) + 1):
        yield int(at_ms[part[0]]), part


def by_window(at_ms: NDArray[np.int64], window_ms: int) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    """Yield (start of a window, its rows), by rising start.

    >>> list(by_window(np.array([5, 17, 19]), 10))
    [(0, array([0])), (10, array([1, 2]))]
    >>> list(by_window(np.array([17, 19]), 10))
    [(10, slice(None, None, None))]
    """
    if not at_ms.size:
        return
    first, last = int(at_ms.min()) // window_ms, int(at_ms.max()) // window_ms
    if first == last:
        yield first * window_ms, slice(None)
        return
    window = at_ms // window_ms - first
    few = last - first < COUNTED_WINDOWS
    for number in (np.bincount(window).nonzero()[0] if few else np.unique(window)).tolist():
        yield (first + number) * window_ms, (window == number).nonzero()[0]
