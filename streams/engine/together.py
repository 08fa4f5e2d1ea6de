"""Several stages in one process and one consumer group: each chunk goes to the stage whose topic it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.engine.stage import Bus, Chunk, Stage, TopicPartition


class Together:
    """A stage made of stages with different topics; saves a process and its memory on a small machine."""

    def __init__(self, name: str, stages: Sequence[Stage]) -> None:
        self.name = name
        self.topics = tuple(topic for stage in stages for topic in stage.topics)
        self.tick_s = min(stage.tick_s for stage in stages)
        self._stages = stages
        self._of = {topic: stage for stage in stages for topic in stage.topics}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Hand each stage its partitions."""
        positions: dict[TopicPartition, int] = {}
        for stage in self._stages:
            positions.update(await stage.assigned([one for one in partitions if one.topic in stage.topics], bus))
        return positions

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Hand the chunk to its stage."""
        return await self._of[chunk.topic].absorb(chunk, bus)

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Let each stage tick."""
        return [partition for stage in self._stages for partition in await stage.tick(bus)]

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the books of all."""
        return {key: book for stage in self._stages for key, book in stage.books().items()}
