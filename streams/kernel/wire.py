"""Frame Kafka's record batches (magic 2): where each record's value lies, without an object per record.

source  Kafka protocol guide, "Record Batch": varints, zigzag; offsets and times relative to their batch
"""
# mypy: disable-error-code="assignment, return-value, no-any-return"
# Compiled, int and np.int64 are one.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.kernel.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

NULL = -1
"""Length of a value that is not there."""
_VARINT_BITS = 63


@compiled
def varint(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Read a zigzag varint → (value, position behind it), position -1 where it does not end in time."""
    shift = 0
    number = np.uint64(0)
    while at < end and shift <= _VARINT_BITS:
        byte = np.uint64(data[at])
        at += 1
        number |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        if byte < np.uint64(0x80):
            return np.int64(number >> np.uint64(1)) ^ -np.int64(number & np.uint64(1)), at
        shift += 7
    return 0, -1


@compiled
def frame(data: NDArray[np.uint8], bounds: NDArray[np.int64], out: NDArray[np.int64], spans: NDArray[np.int32]) -> int:
    """Frame the records of all batches → how many, or -1 - number of the batch that is not well formed.

    Args:
        data: (m,) the batches' records, one batch after the other, inflated.
        bounds: (batches, 7) start, end, base offset, base time, records, time for all (log append time) or -1, the
            latest time that a record may have where each has its own.
        out: (2, n) filled with offset and time of each record; n = the sum of `records`.
        spans: (5, n) filled with start and length of the key, start and length of the value, start of the headers.
    """
    row = 0
    for batch in range(len(bounds)):
        at, end = bounds[batch, 0], bounds[batch, 1]
        base_offset, base_ms = bounds[batch, 2], bounds[batch, 3]
        fixed_ms, read_ms = bounds[batch, 5], bounds[batch, 6]
        for _ in range(bounds[batch, 4]):
            size, at = varint(data, at, end)
            if at < 0 or size < 1 or size > end - at:
                return -1 - batch
            stop = at + size
            elapsed_ms, at = varint(data, at + 1, stop)  # one byte of attributes, unused
            delta, at = varint(data, at, stop) if at >= 0 else (0, -1)
            for part in (0, 2):  # key, value
                length, at = varint(data, at, stop) if at >= 0 else (0, -1)
                if at < 0 or length < NULL or length > stop - at:
                    return -1 - batch
                spans[part, row] = at
                spans[part + 1, row] = length
                at += max(length, 0)
            spans[4, row] = at
            out[0, row] = base_offset + delta
            out[1, row] = fixed_ms if fixed_ms >= 0 else min(base_ms + elapsed_ms, read_ms)
            row += 1
            at = stop
        if at != end:
            return -1 - batch
    return row


def frame_all(data: bytes, bounds: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
    """Frame batches → (2, n) offsets and times, (5, n) spans; None where their bytes are no records."""
    count = int(bounds[:, 4].sum())
    out, spans = np.empty((2, count), np.int64), np.empty((5, count), np.int32)
    framed: Any = frame(np.frombuffer(data, np.uint8), bounds, out, spans)
    return (out, spans) if framed == count else None
