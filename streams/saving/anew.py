"""What is found in silence while a state that begins anew is rebuilt, on both levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.broker import topics
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.contract.stage import Message


class Unsent:
    """The newest detection of each entity and kind that was found in silence, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str, Message]] = {}
        """Entity and kind → offset of the record it was found in, by which processor, and its message."""

    def hear(self, offset: int, messages: Iterable[Message]) -> None:
        """Keep the detections among what a record has yielded."""
        for message in messages:
            if message.topic == topics.DETECTIONS:
                one = msgspec.json.decode(message.value or b"", type=Detection)
                self._found.pop((one.entity, one.kind), None)
                self._found[one.entity, one.kind] = (offset, one.processor, message)

    def of(self, since: Mapping[str, int]) -> list[Message]:
        """Return those of processors whose detections nobody has sent from an offset on."""
        return [
            message
            for offset, processor, message in self._found.values()
            if processor in since and offset >= since[processor]
        ]
