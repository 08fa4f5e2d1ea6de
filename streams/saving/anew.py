"""What a state that begins anew is rebuilt with, on both levels: slices of the event loop, and what nobody has sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from streams.broker import topics
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.contract.stage import Message

SLICE_S = 0.02
"""So long the event loop belongs to a rebuild in one go."""


class Slices:
    """A stretch of time for work on the event loop, cut so that others have their turn."""

    def __init__(self, now_s: Callable[[], float], until_s: float) -> None:
        self._now_s = now_s
        self._until_s = until_s
        self._ends_s = now_s() + SLICE_S

    async def over(self) -> bool:
        """Let others have their turn where a slice has ended → whether the whole time is over."""
        now_s = self._now_s()
        if now_s >= self._until_s:
            return True
        if now_s >= self._ends_s:
            await asyncio.sleep(0)
            self._ends_s = self._now_s() + SLICE_S
        return False


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
