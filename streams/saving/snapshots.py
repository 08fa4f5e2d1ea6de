"""Snapshots of small states: one record of a `city.state.v1.…` topic each, with the input offset that it contains.

A state that may grow large is saved as a chain (`streams.saving.chains`).
Its value is the state by Zstandard, which halves it or better; the header `size` says how long it was.
The one with the highest offset counts: an older one behind it was written by a worker that had lost the partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from streams.contract.stage import Message

if TYPE_CHECKING:
    from streams.contract.stage import Bus, Record

OFFSET = "offset"
SIZE = "size"
"""Record header: bytes of the state before compression."""

_ZSTD = pa.Codec("zstd", compression_level=1)

EVERY_S = 2.0
"""A partition is saved this often while little changes."""

AT_LEAST_EVERY_S = 4.0
"""And so often however much does: books are as old as the last snapshot, and may be 5 s old (interface)."""

BYTES_PER_S = 2**20
"""In between, states are written no faster than this."""


def pause_s(size_bytes: int) -> float:
    """Return how long to wait after so many bytes were written.

    >>> pause_s(1000), pause_s(3 * 2**20), pause_s(2**30)
    (2.0, 3.0, 4.0)
    """
    return min(max(size_bytes / BYTES_PER_S, EVERY_S), AT_LEAST_EVERY_S)


def to_message(topic: str, partition: int, offset: int, state: bytes) -> Message:
    """Return the record of a snapshot that contains everything below `offset` of its input partition."""
    headers = ((OFFSET, b"%d" % offset), (SIZE, b"%d" % len(state)))
    return Message(topic, b"state", _ZSTD.compress(state, asbytes=True), partition, headers)


async def load(bus: Bus, topic: str, partition: int) -> tuple[int, bytes] | None:
    """Return (next input offset, state) of the newest snapshot, None where there is none."""
    newest: tuple[int, Record] | None = None
    for record in await bus.read_all(topic, partition):
        offset = int(dict(record.headers)[OFFSET])
        if record.value is not None and (newest is None or offset >= newest[0]):
            newest = (offset, record)
    return None if newest is None else (newest[0], _state(newest[1]))


def _state(record: Record) -> bytes:
    size = int(dict(record.headers)[SIZE])
    state: bytes = _ZSTD.decompress(record.value, decompressed_size=size, asbytes=True)
    return state
