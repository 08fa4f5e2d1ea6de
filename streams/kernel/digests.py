"""Digests of rows' values, a column at a time: what `streams.zone.dedup.read` makes in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel.compiling import compiled
from streams.kernel.values import FIELD_BITS, FIELDS, MULTIPLIER

if TYPE_CHECKING:
    from numpy.typing import NDArray

INFINITY = np.uint64(0x7FF0 << 48)
SIGN = np.uint64(1 << 63)
MIX, HIGH = np.uint64(29), np.uint64(64 - FIELD_BITS)


@compiled
def add(
    bits: NDArray[np.uint64], seed: np.uint64, bit: int, sets: NDArray[np.int64], digest: NDArray[np.int64]
) -> None:
    """Add a column, (n,) bits of its float64 values, to the rows' sets of columns and to their digests."""
    shift, mine = bit % FIELDS * FIELD_BITS, np.int64(1) << bit
    for row in range(len(bits)):
        one = bits[row]
        if one & ~SIGN > INFINITY:  # NaN
            continue
        if one == SIGN:  # -0.0 and 0.0 are one value
            one = np.uint64(0)
        one ^= seed
        one = (one ^ (one >> MIX)) * MULTIPLIER
        sets[row] |= mine
        digest[row] ^= np.int64(one >> HIGH) << shift
