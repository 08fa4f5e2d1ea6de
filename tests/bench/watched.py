"""A stage that leaves a mark at its first record and is otherwise the stage it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.engine.stage import Bus, Chunk, Stage, TopicPartition
    from tests.bench.place import Place


class Watched:
    """Delegates everything."""

    def __init__(self, stage: Stage, process: str, place: Place) -> None:
        self.name, self.topics, self.tick_s = stage.name, stage.topics, stage.tick_s
        self._stage, self._process, self._place = stage, process, place

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Delegate."""
        return await self._stage.assigned(partitions, bus)

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Leave the mark, delegate."""
        self._place.first_record(self._process)
        return await self._stage.absorb(chunk, bus)

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Delegate."""
        return await self._stage.tick(bus)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Delegate."""
        return self._stage.books()
