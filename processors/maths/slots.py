"""What is known of a zone's minute: cells of packed sums, their slots rising, and where given slots stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from processors.maths.packing import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    At: TypeAlias = NDArray[np.int64] | slice


class Slots(NamedTuple):
    """(1 + fields, k): slots and their sums; and where the slots that were asked for stand, (n,) or one run."""

    cells: NDArray[np.int64]
    at: At


def rising(slot: NDArray[np.int64]) -> bool:
    """Tell whether each is above the one before."""
    return bool((slot[1:] > slot[:-1]).all())


def run(slot: NDArray[np.int64]) -> At:
    """Return places as they are, or as a slice where they follow one another: that selects at less cost.

    >>> run(np.array([3, 4, 5])), run(np.array([3, 5, 4])).tolist()
    (slice(3, 6, None), [3, 5, 4])
    """
    if slot.size and slot[-1] - slot[0] + 1 == slot.size and rising(slot):
        return slice(int(slot[0]), int(slot[-1]) + 1)
    return slot


def with_slots(packed: bytes | None, slot: NDArray[np.int64], fields: int) -> Slots:
    """Return a zone's minute with room for these slots, (n,); what is not known of one is 0."""
    cells = np.empty((1 + fields, 0), np.int64) if packed is None else unpack(packed)
    known = cells[0]
    if known.size:
        at = np.minimum(np.searchsorted(known, slot), known.size - 1)
        if (known[at] == slot).all():
            return Slots(cells, run(at))
    wanted = slot if not known.size and rising(slot) else np.union1d(known, slot)
    grown = np.zeros((1 + fields, wanted.size), np.int64)
    grown[0] = wanted
    if known.size:
        grown[1:, np.searchsorted(wanted, known)] = cells[1:]
    return Slots(grown, slice(0, slot.size) if wanted is slot else run(np.searchsorted(wanted, slot)))


def newest(slot: NDArray[np.int64], revision: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (n,) bool: the last row of the highest revision of each slot."""
    if rising(slot):
        return np.ones(slot.size, bool)
    order = np.lexsort((revision, slot))
    found = np.zeros(slot.size, bool)
    found[order[np.append(slot[order][1:] != slot[order][:-1], True)]] = True
    return found


def among(at: At, of: NDArray[np.bool_]) -> At:
    """Return those of some places, (n,), that `of` selects."""
    if of.all():
        return at
    places: NDArray[np.int64] = np.arange(at.start, at.stop) if isinstance(at, slice) else at
    return places[of]
