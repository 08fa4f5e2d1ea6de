"""Whole numbers in few bytes: each row as its least value and the bytes that the differences need.

What a processor keeps for corrections is written into every snapshot; packed, it takes a quarter of the room or less.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    heads, bodies = [], []
    for row in rows:
        least, most = (int(row.min()), int(row.max())) if width else (0, 0)
        room = ((most - least).bit_length() + 7) // 8
        heads.append(_ROW.pack(least, room))
        if room:
            bodies.append(_cut(row.view(np.uint64) - np.uint64(least % 2**64), room))
    return b"".join([_SHAPE.pack(height, width), *heads, *bodies])


def _cut(differences: NDArray[np.uint64], room: int) -> bytes:
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
    start = _SHAPE.size + height * _ROW.size
    padded = data + bytes(8)  # each number is read as eight bytes, of which those of its neighbour are cut off
    for index in range(height):
        least, room = _ROW.unpack_from(data, _SHAPE.size + index * _ROW.size)
        rows[index] = least
        if room:
            differences = np.ndarray(width, "<u8", padded, start, (room,)) & np.uint64(2 ** (8 * room) - 1)
            rows[index].view(np.uint64)[:] += differences
        start += width * room
    return rows
