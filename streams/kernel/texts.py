"""Byte strings and sensor ids that the kernel compares with what stands in a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.kernel.characters import BACKSLASH, FIRST_PRINTABLE, QUOTE
from streams.kernel.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""Of the 64-bit FNV-1a hash (Fowler, Noll, Vo)."""


class Texts(NamedTuple):
    """Byte strings one after the other: text i is `data[start[i]:start[i + 1]]`."""

    data: NDArray[np.uint8]
    start: NDArray[np.int64]


class Sensors(NamedTuple):
    """Sensor ids by open addressing."""

    ids: Texts
    digest: NDArray[np.uint64]
    """FNV-1a of each id."""
    slots: NDArray[np.int32]
    """Code of the id, -1 = free; a power of two of them, at most half of them taken."""


def texts(items: list[bytes]) -> Texts:
    """Join byte strings."""
    start = np.cumsum([0, *(len(item) for item in items)])
    return Texts(np.frombuffer(b"".join(items) or b"\0", np.uint8), start)


def sensor_table(ids: list[str]) -> Sensors:
    """Index sensor ids, in order of their codes."""
    joined = texts([one.encode() for one in ids])
    size = 1 << max((2 * len(ids)).bit_length(), 3)
    digest, slots = np.zeros(max(len(ids), 1), np.uint64), np.full(size, -1, np.int32)
    _fill(joined.data, joined.start, digest, slots)
    return Sensors(joined, digest, slots)


@compiled
def _fill(
    data: NDArray[np.uint8], start: NDArray[np.int64], digest: NDArray[np.uint64], slots: NDArray[np.int32]
) -> None:
    for code in range(len(start) - 1):
        number = FNV_OFFSET
        for at in range(start[code], start[code + 1]):
            number = (number ^ np.uint64(data[at])) * FNV_PRIME
        digest[code] = number
        slot = number & np.uint64(len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & np.uint64(len(slots) - 1)
        slots[slot] = code


@compiled
def same(data: NDArray[np.uint8], at: int, end: int, text: Texts, index: int) -> int:
    """Return the position behind text `index` and its closing quote, -1 where it does not stand here."""
    first, stop = text.start[index], text.start[index + 1]
    if stop - first >= end - at:
        return -1
    for ahead in range(stop - first):
        if data[at + ahead] != text.data[first + ahead]:
            return -1
    at += stop - first
    return at + 1 if data[at] == QUOTE else -1


@compiled
def find_name(data: NDArray[np.uint8], at: int, end: int, names: Texts, expected: int) -> tuple[int, int]:
    """Find which name stands behind an opening quote → (its index, position behind it), index -1 = none."""
    count = len(names.start) - 1
    for step in range(count):
        index = expected + step
        if index >= count:
            index -= count
        behind = same(data, at, end, names, index)
        if behind >= 0:
            return index, behind
    return -1, at


@compiled
def find_sensor(data: NDArray[np.uint8], at: int, end: int, sensors: Sensors) -> tuple[int, int]:
    """Find the sensor whose id stands behind an opening quote → (code, position behind it), code -1 = none."""
    begin = at
    number = FNV_OFFSET
    while at < end and data[at] != QUOTE:
        if data[at] == BACKSLASH or data[at] < FIRST_PRINTABLE:
            return -1, at
        number = (number ^ np.uint64(data[at])) * FNV_PRIME
        at += 1
    if at >= end:
        return -1, at
    slot = number & np.uint64(len(sensors.slots) - 1)
    while sensors.slots[slot] >= 0:
        code = sensors.slots[slot]
        if sensors.digest[code] == number and same(data, begin, end, sensors.ids, code) == at + 1:
            return code, at + 1
        slot = (slot + np.uint64(1)) & np.uint64(len(sensors.slots) - 1)
    return -1, at
