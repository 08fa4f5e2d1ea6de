"""Snapshots: what a stage knows of a partition, a record of a `city.state.v1.…` topic, with the offset it contains.

The one with the highest offset counts: an older one behind it was written by a worker that had lost the partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.stage import Message

if TYPE_CHECKING:
    from streams.engine.stage import Bus

OFFSET = "offset"


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
