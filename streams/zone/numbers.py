"""The numbers of a zone's sensors for the lists of names in its frames' headers; a list that comes again is known.

The rows of a frame are few thousand and so are its names; looked up one by one, they cost more than the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City

    Pair = tuple[NDArray[np.int32], NDArray[np.intp]]

REMEMBERED_PER_SENSOR = 4
"""So many times the zone's sensors may stand in the lists that are remembered: sources may name the same ones."""


class Numbers:
    """What one zone remembers. Invariant: all of it belongs to `_city` and `_known`, and is bounded by the zone."""

    def __init__(self) -> None:
        self._city: City | None = None
        self._known: dict[str, int] | None = None
        self._place = np.empty(0, np.intp)
        """By a sensor's rank in its zone: its place in the state, -1 = not looked up yet."""
        self._found: dict[tuple[str, ...], Pair] = {}
        self._names_count = 0

    def of(self, names: tuple[str, ...], city: City, known: dict[str, int]) -> Pair:
        """Return (k,) codes of the sensors in the city, and (k,) places in the state; new ones get the next place."""
        if city is not self._city or known is not self._known:
            self._city, self._known, self._place = city, known, np.empty(0, np.intp)
            self._forget()
        found = self._found.get(names)
        if found is None:
            codes = np.fromiter((city.sensor_code.get(name, -1) for name in names), np.int32, len(names))
            if (codes < 0).any():
                raise FrameError(f"a frame names the sensor {names[int(codes.argmin())]}, which its city does not have")
            found = (codes, self._places(names, city.sensor_rank[codes], known))
            if self._names_count + len(names) > REMEMBERED_PER_SENSOR * len(known):
                self._forget()
            self._names_count += len(names)
            self._found[names] = found
        return found

    def _places(self, names: tuple[str, ...], rank: NDArray[np.int32], known: dict[str, int]) -> NDArray[np.intp]:
        more = (int(rank.max()) + 1 if len(rank) else 0) - len(self._place)
        if more > 0:
            self._place = np.concatenate([self._place, np.full(more, -1, np.intp)])
        for one in np.flatnonzero(self._place[rank] < 0).tolist():
            self._place[rank[one]] = known.setdefault(names[one], len(known))
        return self._place[rank]

    def _forget(self) -> None:
        self._found.clear()
        self._names_count = 0
