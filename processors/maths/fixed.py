"""Exact sums: int64 fixed point, so that no order and no grouping of the terms changes a bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.contract.sums import SUM_LIMIT, TERM_LIMIT
from streams.errors import SumOverflowError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = SUM_LIMIT - 1
"""The largest sum: one more run of terms, which together are no larger, still fits int64."""
_WORD, _MASK = 32, 2**32 - 1
FEW_TERMS = 256
"""So few terms of all fields are added in one call; of more, each field by itself."""
SCANNED = 8
"""So many sums are looked through in the time in which one is picked out."""


def to_terms(
    values: NDArray[np.float64], scale: float | NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Do as `to_fixed` with what is small enough for the widest window → and which are too large, None = none is.

    What is too large becomes 0: it costs itself, not the sum.

    >>> terms, too_large = to_terms(np.array([1.5, 1e10, np.nan]), 1e6)
    >>> terms.tolist(), too_large.tolist()
    ([1500000, 0, 0], [False, True, False])
    """
    scaled = values * scale
    np.rint(scaled, out=scaled)
    if not scaled.size or np.abs(scaled).max() < TERM_LIMIT:
        return scaled.astype(np.int64), None
    too_large = np.abs(scaled) >= TERM_LIMIT
    return np.where(too_large | np.isnan(scaled), 0.0, scaled).astype(np.int64), too_large if too_large.any() else None


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

    A sum that would leave ±2^62 stands at its end. `MOST_READINGS` of one sensor in a window never come so far, and a
    sensor that floods is no reason to end what others say. Where all terms have one sign it depends on no order.
    """
    if not place.size:
        return
    peak = max(int(terms.max()), -int(terms.min()), 1)
    at_once = max(1, MOST // peak)
    place = place.astype(np.intp)
    cells = sums.reshape(-1, copy=False)
    few = place.size <= FEW_TERMS
    cell = np.arange(0, sums.size, sums.shape[1])[:, np.newaxis] + place if few else place
    for first in range(0, place.size, at_once):
        part = slice(first, first + at_once)
        if few:
            np.add.at(cells, cell[:, part].ravel(), terms[:, part].ravel())
        else:
            for row, of_field in zip(sums, terms, strict=True):
                np.add.at(row, place[part], of_field[part])
        scanned = sums.shape[1] <= SCANNED * place.size  # what is the less work
        if _left_range(sums if scanned else sums[:, place[part]]):
            np.clip(sums, -MOST, MOST, out=sums)


@dataclass(frozen=True, slots=True, eq=False)
class Wide:
    """Sums of two words: high · 2^32 + low; no sum over sensors and zones leaves their range.

    Where all fit 64 bits, `low` is the sums and `high` None; else 0 ≤ low < 2^32.
    """

    high: NDArray[np.int64] | None
    low: NDArray[np.int64]

    def __getitem__(self, at: Any) -> Wide:  # noqa: ANN401 - whatever selects from an array
        """Select from the sums."""
        return Wide(None if self.high is None else self.high[at], self.low[at])

    def with_total(self) -> Wide:
        """Put the sum over the last axis behind the others along it."""
        high, low = self.words()
        total = _carried(high.sum(axis=-1, keepdims=True), low.sum(axis=-1, keepdims=True))
        return Wide(*(np.concatenate(both, axis=-1) for both in zip((high, low), total, strict=True)))

    def words(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return both words of each."""
        return (self.low >> _WORD, self.low & _MASK) if self.high is None else (self.high, self.low)

    @property
    def number(self) -> NDArray[np.float64]:
        """The sums, rounded once."""
        if self.high is None:
            return self.low.astype(np.float64)
        found: NDArray[np.float64] = self.high.astype(np.float64) * 2.0**_WORD + self.low
        return found

    @property
    def whole(self) -> NDArray[np.int64]:
        """The sums; one that 64 bits do not hold stands at their end."""
        if self.high is None:
            return self.low
        most = np.int64(2**63 - 1)
        fits = (self.high >= -(2**31)) & (self.high < 2**31)
        return np.where(fits, (self.high << _WORD) | self.low, np.where(self.high < 0, -most, most))


def _carried(high: NDArray[np.int64], low: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return high + (low >> _WORD), low & _MASK


def add_wide(terms: NDArray[np.int64], place: NDArray[Any], places: int) -> Wide:
    """Add terms, (fields, n), up at their place → (fields, places), whatever they come to.

    >>> add_wide(np.array([[2**62, 2**62, 2**62, -1]]), np.array([0, 0, 0, 1]), 2).number.tolist()
    [[1.3835058055282164e+19, -1.0]]
    """
    low = np.zeros((len(terms), places), np.int64)
    if not place.size:
        return Wide(None, low)
    peak = max(int(terms.max()), -int(terms.min()))
    if peak * place.size < SUM_LIMIT or peak * int(np.bincount(place).max()) < SUM_LIMIT:
        if places == 1:
            return Wide(None, terms.sum(axis=1, keepdims=True))
        place = place.astype(np.intp)
        if place.size <= FEW_TERMS:
            np.add.at(low.reshape(-1), np.arange(0, low.size, places)[:, np.newaxis] + place, terms)
            return Wide(None, low)
        for row, of_field in zip(low, terms, strict=True):
            np.add.at(row, place, of_field)
        return Wide(None, low)
    high = np.zeros_like(low)
    for row, upper, of_field in zip(low, high, terms, strict=True):
        np.add.at(upper, place, of_field >> _WORD)
        np.add.at(row, place, of_field & _MASK)
    return Wide(*_carried(high, low))


def plus(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums of two that are in their range; what would leave it stands at its end."""
    total = one + other
    return np.clip(total, -MOST, MOST) if _left_range(total) else total


def _left_range(sums: NDArray[np.int64]) -> bool:
    return bool(sums.size and (sums.max() > MOST or sums.min() < -MOST))
