"""The blocks of runs of all sensors in one table: 1, 2, 4 … 64 rows each, so that memory goes where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from streams.kernel.runs import FIRST, clear

if TYPE_CHECKING:
    Places: TypeAlias = "tuple[Any, Any, Any]"
    """By sensor: first row and number of rows of its block; then `free`."""

SIZES = 7
USED = SIZES
LARGEST = 1 << SIZES - 1
"""`free` (SIZES + 1,): by size 2^i a free block, -1 = none, whose FIRST names the next; at USED the rows in use."""


def enlarge(table: Any, places: Places, sensor: int) -> bool:  # noqa: ANN401 - lists, or arrays when compiled
    """Give a sensor a block of twice the size; False: the table has no room for it.

    Its new rows stand behind the first one, as `streams.kernel.packing` leaves free rows.
    """
    start, room, free = places
    base, rows = np.int64(start[sensor]), np.int64(room[sensor])
    size = 0
    while 1 << size < rows:
        size += 1
    to = free[size + 1]
    if to >= 0:
        free[size + 1] = table[to][FIRST]
    elif free[USED] + 2 * rows <= len(table):
        to = free[USED]
        free[USED] += 2 * rows
    else:
        return False
    for row in range(rows):
        new = to + row if row == 0 else to + rows + row
        for field in range(4):
            table[new][field] = table[base + row][field]
    for row in range(1, rows + 1):
        clear(table, to + row)
    table[base][FIRST] = free[size]
    free[size] = base
    start[sensor] = to
    room[sensor] = 2 * rows
    return True
