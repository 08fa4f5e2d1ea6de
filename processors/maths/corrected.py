"""What the correction of a closed window needs of its sums: a few, not those of the whole city.

A late row changes its entity, its zone and the city. The sums by metric and zone follow from the difference that it
makes, once they were added up; so a correction costs what it touches, however large the city. All of it is derived
from what a processor saves, and made anew after a start.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from streams.contract.sums import SUM_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from processors.maths.aggregates import Window
    from processors.maths.identities import Identities

N = TypeVar("N", bound=np.generic)


class Few(NamedTuple):
    """Fewer sums, (fields, k), with their own identities."""

    known: Identities
    sums: NDArray[np.int64]
    only: NDArray[np.int64] | None
    """(m,) which of these a correction has touched, None = all are wanted."""


class Change(NamedTuple):
    """What is added to sums: terms, (fields, n), of slots, (n,)."""

    known: Identities
    slot: NDArray[np.int64]
    terms: NDArray[np.int64]


class ByZone:
    """A closed window's sums by metric and zone. Invariant: they are what the sums of its slots add up to."""

    def __init__(self, known: Identities, sums: NDArray[np.int64]) -> None:
        self._sums = np.zeros((len(sums), 0, 0), np.int64)
        self._bound = np.zeros((0, 0))
        self.add(Change(known, np.arange(sums.shape[1]), sums))

    @property
    def fits(self) -> bool:
        """Whether no sum can have left 64 bits: by all that was ever added, whatever its sign."""
        return bool(self._bound.max(initial=0.0) < SUM_LIMIT)

    def add(self, change: Change) -> None:
        """Take a change in."""
        known, slot, terms = change
        metrics, zones = len(known.metrics), len(known.zones)
        if self._bound.shape != (metrics, zones):
            self._sums, self._bound = _grown(self._sums, metrics, zones), _grown(self._bound, metrics, zones)
        if not slot.size:
            return
        cell = known.metric[slot] * zones + known.zone[slot]
        # of runs: a zone's slots stand metric by metric
        first = np.append(0, 1 + np.flatnonzero(cell[1:] != cell[:-1]))
        of_field = np.arange(0, self._sums.size, self._bound.size)[:, np.newaxis]
        np.add.at(self._sums.reshape(-1), of_field + cell[first], np.add.reduceat(terms, first, axis=1))
        most = np.maximum(
            np.maximum.reduceat(terms, first, axis=1), -np.minimum.reduceat(terms, first, axis=1).astype(np.float64)
        )
        np.add.at(self._bound.reshape(-1), cell[first], most.max(axis=0) * np.diff(first, append=slot.size))

    def touched(self, known: Identities, slot: NDArray[np.int64] | None) -> Few:
        """Return the sums of the metrics of touched slots, None = all: one for each zone, in the place of its slots."""
        zones = self._sums.shape[2]
        metric = np.arange(self._sums.shape[1]) if slot is None else np.unique(known.metric[slot])
        few = _like(known, np.repeat(metric, zones), np.tile(np.arange(zones), len(metric)))
        only = None
        if slot is not None:
            only = np.unique(np.searchsorted(metric, known.metric[slot]) * zones + known.zone[slot])
        return Few(few, self._sums[:, metric].reshape(len(self._sums), -1), only)


def _grown(cells: NDArray[N], metrics: int, zones: int) -> NDArray[N]:
    """Return (…, metrics, zones) cells that begin with those; no metric and no zone ever goes."""
    found = np.zeros((*cells.shape[:-2], metrics, zones), cells.dtype)
    found[..., : cells.shape[-2], : cells.shape[-1]] = cells
    return found


def follow(kept: Mapping[Window, ByZone], windows: Iterable[Window], change: Change) -> None:
    """Take a change into those of the windows that are kept."""
    for window in windows:
        if window in kept:
            kept[window].add(change)


def of_entities(known: Identities, sums: NDArray[np.int64], slot: NDArray[np.int64]) -> Few:
    """Return the sums of the slots of those entities that touched slots belong to."""
    touched = np.zeros(known.entity_count, bool)
    touched[known.entity[slot]] = True
    place = np.flatnonzero(touched[known.entity])
    few = _like(known, known.metric[place], known.zone[place], known.entity[place])
    return Few(few, sums[:, place], np.searchsorted(place, slot))


def _like(
    known: Identities, metric: NDArray[np.int64], zone: NDArray[np.int64], entity: NDArray[np.int64] | None = None
) -> Identities:
    """Return identities of the same names, but of other slots."""
    few = copy(known)
    few.metric, few.zone = metric, zone
    few.entity = np.zeros(len(metric), np.int64) if entity is None else entity
    return few
