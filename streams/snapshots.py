"""Snapshots: what a stage knows of a partition, a record of a `city.state.v1.…` topic, with the offset it contains.

The one with the highest offset counts: an older one behind it was written by a worker that had lost the partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.stage import Message

if TYPE_CHECKING:
    from streams.engine.stage import Bus

OFFSET = "offset"

EVERY_S = 1.0
"""A partition is saved this often while its state is small."""

AT_LEAST_EVERY_S = 4.0
"""And so often however large it is: books are as old as the last snapshot, and may be 5 s old (interface)."""

BYTES_PER_S = 2**20
"""In between, a state is written no faster than this."""


def pause_s(size_bytes: int) -> float:
    """Return how long to wait after a snapshot of this size.

    >>> pause_s(1000), pause_s(3 * 2**20), pause_s(2**30)
    (1.0, 3.0, 4.0)
    """
    return min(max(size_bytes / BYTES_PER_S, EVERY_S), AT_LEAST_EVERY_S)


def to_message(topic: str, partition: int, offset: int, state: bytes) -> Message:
    """Return the record of a snapshot that contains everything below `offset` of its input partition."""
    return Message(topic, b"state", state, partition, ((OFFSET, str(offset).encode()),))


async def load(bus: Bus, topic: str, partition: int) -> tuple[int, bytes] | None:
    """Return (next input offset, state) of the newest snapshot, None where there is none."""
    newest: tuple[int, bytes] | None = None
    for record in await bus.read_all(topic, partition):
        offset = int(dict(record.headers)[OFFSET])
        if record.value is not None and (newest is None or offset >= newest[0]):
            newest = (offset, record.value)
    return newest
