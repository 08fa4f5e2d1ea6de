"""The dead letters topic: bytes as they came, with where they came from and why they cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.broker import topics
from streams.contract.records import DeadLetter
from streams.contract.stage import Message

if TYPE_CHECKING:
    from streams.contract.stage import Chunk, Record


def to_message(letter: DeadLetter) -> Message:
    """Return the record of a dead letter; its key is the partition it came from."""
    headers = {
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        "place": str(letter.place),
        "reason": letter.reason,
    }
    if letter.column:
        headers["column"] = letter.column
    if letter.detail:
        headers["detail"] = letter.detail
    return Message(
        topics.DEAD_LETTERS,
        f"{letter.topic}:{letter.partition}".encode(),
        letter.payload[: topics.DEAD_LETTER_MAX_BYTES],
        headers=tuple((name, value.encode()) for name, value in headers.items()),
    )


def bad_frame(chunk: Chunk, record: Record) -> Message:
    """Return the dead letter of a record of an internal topic that cannot be read."""
    return to_message(DeadLetter(record.value or b"", "bad_frame", chunk.topic, chunk.partition, record.offset, 0))
