"""Whole numbers in few bytes: each row as its least value and the bytes that the differences need.

What a processor keeps for corrections is written into every snapshot; packed, it takes a quarter of the room or less.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from processors.maths.fixed import add_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SHAPE = struct.Struct("<II")
_ROW = struct.Struct("<qB")
_SIZES = (8, 4, 2, 1)
_CUT = {room: np.dtype([(str(size), f"<u{size}") for size in _SIZES if room & size]) for room in range(1, 9)}
"""Bytes of room → the whole numbers that it is made of, the lower bytes first."""


def pack(rows: NDArray[np.int64]) -> bytes:
    """Return (r, n) whole numbers as bytes.

    >>> len(pack(np.array([[7, 7, 7, 7], [1000, 1001, 1002, 1255]]))), len(pack(np.empty((2, 0), np.int64)))
    (30, 26)
    """
    height, width = rows.shape
    rows = np.ascontiguousarray(rows)
    least = rows.min(axis=1) if width else np.zeros(height, np.int64)
    differences = (rows.astype("<u8") - least.astype("<u8")[:, np.newaxis]).astype("<u8", copy=False)
    most = differences.max(axis=1, initial=np.uint64(0)).tolist()
    heads, bodies = [], []
    for row, lowest, highest in zip(differences, least.tolist(), most, strict=True):
        room = (highest.bit_length() + 7) // 8
        heads.append(_ROW.pack(lowest, room))
        if room:
            bodies.append(_cut(row, room))
    return b"".join([_SHAPE.pack(height, width), *heads, *bodies])


NOTHING = pack(np.empty((1, 0), np.int64))
"""No places."""


def _cut(differences: NDArray[np.uint64], room: int) -> bytes:
    if room in _SIZES:
        return differences.astype(f"<u{room}").tobytes()
    found, shift = np.empty(len(differences), _CUT[room]), 0
    for size in _SIZES:
        if room & size:
            found[str(size)] = differences >> np.uint64(shift)
            shift += 8 * size
    return found.tobytes()


def unpack(data: bytes) -> NDArray[np.int64]:
    """Return the rows that `pack` took."""
    height, width = _SHAPE.unpack_from(data)
    rows = np.empty((height, width), np.int64)
    for row, packed in zip(rows, _rows(data, height, width), strict=True):
        row[:] = packed.whole() if packed.mask else packed.least
    return rows


class _Row(NamedTuple):
    """One packed row: its least value, and (n,) differences from it, each with bytes of its neighbour behind."""

    least: int
    padded: NDArray[np.uint64]
    mask: int

    def whole(self, at: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.int64]:
        """Return the numbers at these places."""
        found = self.padded[at] & np.uint64(self.mask)
        found += np.uint64(self.least % 2**64)
        return found.view(np.int64)


def _rows(data: bytes, height: int, width: int) -> Iterator[_Row]:
    start = _SHAPE.size + height * _ROW.size
    padded = data + bytes(8)  # each number is read as eight bytes, of which those of its neighbour are cut off
    for index in range(height):
        least, room = _ROW.unpack_from(data, _SHAPE.size + index * _ROW.size)
        yield _Row(least, np.ndarray(width, "<u8", padded, start, (room,)), 2 ** (8 * room) - 1)
        start += width * room


def pack_places(sums: NDArray[np.int64]) -> bytes:
    """Return the places of (fields, places) sums where any is not 0, packed: a row of places, then the fields."""
    place = np.flatnonzero(sums.any(axis=0))
    some = sums if len(place) == sums.shape[1] else sums[:, place]
    return pack(np.concatenate([place[np.newaxis], some]))


def dense(packed: bytes | None, fields: int, places: int) -> NDArray[np.int64]:
    """Return what `pack_places` took, None = nothing, as (fields, places) sums."""
    sums = np.zeros((fields, places), np.int64)
    if packed is not None:
        cells = unpack(packed)
        sums[:, cells[0]] = cells[1:]
    return sums


def picked(packed: bytes, place: NDArray[np.integer[Any]], fields: int) -> NDArray[np.int64]:
    """Return the first fields, (fields, n), of (n,) places, 0 where the place is not among those packed."""
    found = np.zeros((fields, len(place)), np.int64)
    height, width = _SHAPE.unpack_from(packed)
    if not width:
        return found
    rows = _rows(packed, height, width)
    places = next(rows).whole()
    at = np.minimum(np.searchsorted(places, place), width - 1)
    there = np.flatnonzero(places[at] == place)
    if len(there):
        for row, one in zip(found, rows, strict=False):
            row[there] = one.whole(at[there])
    return found


def merged(packed: bytes | None, place: NDArray[np.integer[Any]], terms: NDArray[np.int64]) -> bytes:
    """Add (fields, n) terms to packed sums at (n,) places, which may stand there often."""
    if packed is not None:
        cells = unpack(packed)
        place, terms = np.concatenate([cells[0], place]), np.concatenate([cells[1:], terms], axis=1)
    places, which = np.unique(place, return_inverse=True)
    sums = np.zeros((len(terms), len(places)), np.int64)
    add_at(sums, which, terms)
    return pack(np.concatenate([places[np.newaxis], sums])[:, sums.any(axis=0)])
