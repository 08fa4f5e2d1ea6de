"""A stage that leaves a mark at its first record and is otherwise the stage it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.contract.stage import Follows, TakesFrames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.stage import Bus, Chunk, Stage, TopicPartition
    from tests.bench.place import Place


def run_watched(stage: Stage, process: str, place: Place, *, framed: bool = False) -> None:
    """Run a stage as a part of a city does, marked at its first record."""
    from deploy.supervision import memory

    memory.keep_small()
    from streams.engine.run import run_stage

    memory.give_back_freed()
    run_stage(Watched(stage, process, place), place.bootstrap, place.folder, process, framed=framed)


class Watched:
    """Delegates everything."""

    def __init__(self, stage: Stage, process: str, place: Place) -> None:
        self.name, self.topics = stage.name, stage.topics
        self.tick_s, self.linger_s = stage.tick_s, stage.linger_s
        if isinstance(stage, Follows):
            self.follow_s = stage.follow_s
        if isinstance(stage, TakesFrames):
            self.run_records = stage.run_records
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
