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
_WIDTHS = {1: "<u1", 2: "<u2", 4: "<u4"}
"""Room in bytes that a type of numbers has."""


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
        if room in _WIDTHS:
            bodies.append(row.astype(_WIDTHS[room]).tobytes())
        elif room:
            bodies.append(row.view(np.uint8).reshape(width, 8)[:, :room].tobytes())
    return b"".join([_SHAPE.pack(height, width), *heads, *bodies])


def unpack(data: bytes) -> NDArray[np.int64]:
    """Return the rows that `pack` took."""
    height, width = _SHAPE.unpack_from(data)
    rows = np.empty((height, width), np.int64)
    start = _SHAPE.size + height * _ROW.size
    for index in range(height):
        least, room = _ROW.unpack_from(data, _SHAPE.size + index * _ROW.size)
        full = np.zeros((width, 8), np.uint8)
        full[:, :room] = np.frombuffer(data, np.uint8, width * room, start).reshape(width, room)
        rows[index] = full.reshape(-1).view("<u8").astype(np.uint64).view(np.int64) + least
        start += width * room
    return rows
