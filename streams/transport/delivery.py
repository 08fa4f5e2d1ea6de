"""What the run loop and its transport agree on: chunks come out of Faust, and what is durable goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from streams.contract.stage import Chunk, TopicPartition


class Receiver(Protocol):
    """The run loop, as a delivery sees it."""

    app: Any
    """Faust's."""
    app_id: str
    """Its id, which is the consumer group."""

    async def positions(self, assigned: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Load the stage's state of the partitions → the next offset to read of each that it knows."""

    def begun(self, begin: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        """Learn where each partition begins, and where it ends now."""

    async def take(self, chunk: Chunk) -> None:
        """Work a chunk off. It is passed over where its epoch is not that of the delivery any more."""

    def places(self) -> Sequence[tuple[TopicPartition, int]]:
        """Return the partitions and the next offset to absorb of each."""

    def reached(self, partition: TopicPartition, position: int) -> None:
        """Learn that nothing below an offset is left to absorb."""

    def or_end(self) -> AbstractContextManager[None]:
        """Return what ends the process on an error in it."""


class Delivery(Protocol):
    """Faust with one of its transports."""

    scheme: str
    """Of the address of its broker."""
    queued_events: int
    """So many events may wait in Faust."""

    @property
    def epoch(self) -> int:
        """How often it was told where to start; chunks of an earlier epoch are void."""

    def connect(self, app: Any) -> None:  # noqa: ANN401 - Faust's app
        """Have the app say when partitions are assigned."""

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Hand everything over, in order per partition and without a gap, from where the state stands."""

    def settle(self, partition: TopicPartition, offset: int) -> None:
        """Let everything below an offset be committed."""

    async def stop(self) -> None:
        """End what runs besides Faust."""

    def ends(self) -> Mapping[TopicPartition, int | None]:
        """Return the partitions' ends as far as they are known."""
