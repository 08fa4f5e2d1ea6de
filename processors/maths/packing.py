"""Whole numbers in few bytes: each row as its least value and the bytes that the differences need.

What a processor keeps for corrections is written into every snapshot; packed, it takes a quarter of the room or less.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from processors.maths.fixed import add_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SHAPE = struct.Struct("<II")
_ROW = struct.Struct("<qB")
_WORDS = {1: "u1", 2: "<u2", 4: "<u4"}
"""Whole numbers that numpy knows, by bytes."""


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
        if room in _WORDS:
            bodies.append(row.astype(_WORDS[room]).tobytes())
        elif room:
            bodies.append(row.view(np.uint8).reshape(width, 8)[:, :room].tobytes())
    return b"".join([_SHAPE.pack(height, width), *heads, *bodies])


NOTHING = pack(np.empty((1, 0), np.int64))
"""No places."""


def unpack(data: bytes) -> NDArray[np.int64]:
    """Return the rows that `pack` took."""
    height, width = _SHAPE.unpack_from(data)
    rows = np.empty((height, width), np.int64)
    for index, (least, differences) in enumerate(_rows(data, height, width)):
        np.add(_whole(differences), least, out=rows[index])
    return rows


def _rows(data: bytes, height: int, width: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield of each row its least value and the (n, bytes) differences."""
    start = _SHAPE.size + height * _ROW.size
    for index in range(height):
        least, room = _ROW.unpack_from(data, _SHAPE.size + index * _ROW.size)
        yield least, np.frombuffer(data, np.uint8, width * room, start).reshape(width, room)
        start += width * room


def _whole(differences: NDArray[np.uint8]) -> NDArray[np.int64]:
    width, room = differences.shape
    if room in _WORDS:
        return differences.reshape(-1).view(_WORDS[room]).astype(np.int64)
    full = np.zeros((width, 8), np.uint8)
    full[:, :room] = differences
    return full.reshape(-1).view("<u8").astype(np.uint64, copy=False).view(np.int64)


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
    first, differences = next(rows)
    places = _whole(differences) + first
    at = np.minimum(np.searchsorted(places, place), width - 1)
    there = np.flatnonzero(places[at] == place)
    if len(there):
        for row, (least, differences) in zip(found, rows, strict=False):
            row[there] = _whole(differences[at[there]]) + least
    return found


def merged(packed: bytes | None, place: NDArray[np.integer[Any]], terms: NDArray[np.int64]) -> bytes:
    """Add (fields, n) terms to packed sums at (n,) places, which may stand there often.

    Raises SumOverflowError where a sum leaves its range.
    """
    if packed is not None:
        cells = unpack(packed)
        place, terms = np.concatenate([cells[0], place]), np.concatenate([cells[1:], terms], axis=1)
    places, which = np.unique(place, return_inverse=True)
    sums = np.zeros((len(terms), len(places)), np.int64)
    add_at(sums, which, terms)
    return pack(np.concatenate([places[np.newaxis], sums])[:, sums.any(axis=0)])
