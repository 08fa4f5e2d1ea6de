"""Delivery by our own transport: a run of records is one event of Faust (`streams.transport.chunks`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from streams import surface
from streams.transport import chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streams.contract.stage import TopicPartition
    from streams.transport.delivery import Receiver


class Chunked:
    """The delivery that is used; without it there is `streams.transport.ordinary`."""

    scheme = "chunked"
    queued_events = 4
    """Each is a run of up to `chunks.FRAMED_RUN_RECORDS` records: Faust's 4,096 would be gigabytes."""

    def __init__(self, receiver: Receiver, framed_topics: Collection[str] = ()) -> None:
        self._receiver = receiver
        self._idle_at: dict[TopicPartition, int] = {}
        """Where the fetch stood at the last beat, of each partition of which nothing was on its way."""
        self._framed_topics = framed_topics

    def _consumer(self) -> chunks.Consumer:
        return cast("chunks.Consumer", self._receiver.app.consumer)

    @property
    def epoch(self) -> int:
        """How often the consumer was told where to start."""
        return self._consumer().epoch

    def connect(self, app: Any) -> None:  # noqa: ANN401 - Faust's app
        """Let Faust find the transport, and its consumer ask where to start."""
        TRANSPORTS.aliases[self.scheme] = "streams.transport.chunks:Transport"
        quicken(self._framed_topics)
        app.positions, app.begun = self._positions, self._receiver.begun

    async def _positions(self, assigned: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        positions = await self._receiver.positions(assigned)
        self._idle_at = {}
        return positions

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Hand over each run as it comes."""
        async for chunk in stream:
            await self._receiver.take(chunk)

    def settle(self, partition: TopicPartition, offset: int) -> None:
        """Let everything below an offset be committed."""
        self._consumer().settled[TP(*partition)] = offset

    async def stop(self) -> None:
        """Nothing runs besides Faust."""

    def ends(self) -> dict[TopicPartition, int | None]:
        """Return the partitions' ends; where nothing is left to fetch, and nothing is on its way, all is absorbed."""
        consumer, idle_at = self._consumer(), {}
        places = self._receiver.places()
        for partition, absorbed in places:
            position = chunks.fetch_position(consumer, TP(*partition), absorbed)
            if position is not None:
                idle_at[partition] = position
                if self._idle_at.get(partition) == position:
                    self._receiver.reached(partition, position)
        self._idle_at = idle_at
        return {partition: chunks.end_of(consumer, TP(*partition)) for partition, _ in places}


def quicken(framed_topics: Collection[str]) -> None:
    """Let the fetcher make no object of each record, nor any at all of these topics, where the libraries allow it."""
    if changed := surface.misfits("fast fetch"):
        surface.say("fast fetch", changed)
        return
    from streams.transport import fetching, receiving

    fetching.install(framed_topics)
    receiving.install()
