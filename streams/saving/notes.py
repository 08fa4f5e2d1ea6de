"""Notes beside a state: which processor failed at which offset of its input, so that the next start knows it.

A note is a record of the state topic with a key of its own, `note/<processor>`; no chain touches it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.contract.stage import Message
from streams.errors import FrameError

if TYPE_CHECKING:
    from streams.contract.stage import Record

PREFIX = b"note/"
FAILURES_COUNT = 2
"""A processor that failed so often at one offset is set aside there."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A processor that failed."""

    processor: str
    offset: int
    """Of the record at which it failed: from there on it is left out, once it failed often enough."""
    reason: str
    count: int = 1
    """How often, at this very offset."""
    at_ms: int = 0
    """Wall clock of the last time."""
    resumed: int | None = None
    """Offset from which it is taken in again."""

    def leaves_out(self, offset: int) -> bool:
        """Tell whether the processor does not get the record at an offset."""
        after = self.resumed is None or offset < self.resumed
        return self.count >= FAILURES_COUNT and self.offset <= offset and after


def to_message(topic: str, partition: int, note: Note) -> Message:
    """Return the record of a note."""
    return Message(topic, PREFIX + note.processor.encode(), msgspec.json.encode(note), partition)


def take(newest: dict[bytes, Record]) -> tuple[Note, ...]:
    """Take the notes out of a topic's newest records by key.

    Raises FrameError when one cannot be read.
    """
    keys = [key for key in newest if key.startswith(PREFIX)]
    values = [newest.pop(key).value for key in sorted(keys)]
    try:
        return tuple(msgspec.json.decode(value, type=Note) for value in values if value is not None)
    except msgspec.DecodeError as exc:
        raise FrameError(f"a note on a processor was written by another CityWall: {exc}; start that one again") from exc
