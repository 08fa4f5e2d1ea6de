"""Delivery by Faust's ordinary transport, for the day when ours does not fit a new Faust or aiokafka.

Public names only: Faust shares out the partitions and brings events; where to begin, and whether one is missing, is
decided here. Each partition is handed over from where the stage's state stands, in order: what lies below is passed
over, and where Faust leaves a hole, for whatever reason, Kafka is asked for it directly. So what Faust loses over a
rebalance, or where it begins, changes nothing. An event is acknowledged when the stage has settled it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from streams.broker.arrivals import arrived_ms, now_ms
from streams.contract.stage import Chunk, Record, TopicPartition
from streams.transport.direct import AWAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.transport.delivery import Receiver
    from streams.transport.direct import Direct

RUN_EVENTS = 1_000
LOOK_EVERY_S = 1.0
STILL_LOOKS = 3
"""A partition with lag of which Faust brings nothing for so many looks is read directly."""
ASKED_OFFSETS = 20_000
"""At most so many at a time."""


class Ordinary:
    """See above. Invariant: `_next` is one above the last record that the run loop has worked off."""

    scheme = "kafka"
    queued_events = 4 * RUN_EVENTS

    def __init__(self, receiver: Receiver, direct: Direct) -> None:
        self.epoch = 0
        self._receiver = receiver
        self._direct = direct
        self._next: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, deque[Any]] = {}
        """Events that are not acknowledged yet, in order."""
        self._ends: dict[TopicPartition, int] = {}
        self._handing = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    def connect(self, app: Any) -> None:  # noqa: ANN401 - Faust's app
        """Load the state when the partitions are shared out, before Faust reads on."""
        app.on_rebalance_complete.connect(self._assigned)

    async def _assigned(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - Faust's signal
        self.epoch += 1
        epoch = self.epoch
        self._next, self._held, self._ends = {}, {}, {}
        assigned = [TopicPartition(tp.topic, tp.partition) for tp in sorted(self._receiver.app.consumer.assignment())]
        with self._receiver.or_end():
            known = await self._receiver.positions(assigned)
            begin = await self._direct.begin([one for one in assigned if one not in known])
        if epoch == self.epoch:
            self._next = {**begin, **known}
            self._receiver.begun(self._next, self._ends)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Hand over what comes, in runs per partition."""
        async for events in stream.noack_take(RUN_EVENTS, within=self._receiver.app.linger_s):
            groups: dict[TopicPartition, list[Any]] = {}
            for event in events:
                groups.setdefault(TopicPartition(event.message.topic, event.message.partition), []).append(event)
            with self._receiver.or_end():
                for source, group in groups.items():
                    await self._hand_over(source, group)

    async def _hand_over(self, source: TopicPartition, events: Sequence[Any]) -> None:
        if source not in self._next:
            return  # it is with another worker now, or not known yet where it begins
        self._held.setdefault(source, deque()).extend(events)
        records = {event.message.offset: _record(event.message) for event in events}
        await self._complete(source, records, max(records) + 1)

    async def _complete(self, source: TopicPartition, records: Mapping[int, Record], stop: int) -> None:
        """Hand over everything from where the partition stands up to `stop`; Kafka is asked for what `records` lack."""
        async with self._handing:
            epoch, first = self.epoch, self._next.get(source)
            if first is None or first >= stop:
                return
            run = [records[offset] for offset in range(first, stop) if offset in records]
            if len(run) == stop - first:
                await self._take(source, run, epoch)
            else:
                async for found in self._direct.between(source, first, stop):
                    await self._take(source, found, epoch)
            if epoch == self.epoch:
                self._next[source] = stop
                self._receiver.reached(source, stop)

    async def _take(self, source: TopicPartition, run: Sequence[Record], epoch: int) -> None:
        after = run[-1].offset + 1
        await self._receiver.take(
            Chunk(*source, run, max(self._ends.get(source, 0), after), self._next.get(source), epoch)
        )
        if epoch == self.epoch:
            self._next[source] = after

    def settle(self, partition: TopicPartition, offset: int) -> None:
        """Acknowledge the events below an offset."""
        held = self._held.get(partition, deque())
        while held and held[0].message.offset < offset:
            held.popleft().ack()

    def ends(self) -> Mapping[TopicPartition, int | None]:
        """Return the partitions' ends as of the last look."""
        return self._ends

    async def stop(self) -> None:
        """Look no more, and disconnect."""
        await self.stop_looking()
        await self._direct.stop()

    async def stop_looking(self) -> None:
        """Leave the partitions to Faust."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
            self._looking = None

    async def _look(self) -> None:
        """Learn the partitions' ends, and read directly where Faust brings nothing."""
        still: dict[tuple[TopicPartition, int], int] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._receiver.app.rebalancing:
                continue
            epoch = self.epoch
            with self._receiver.or_end():
                try:
                    ends = await self._direct.ends(list(self._next))
                except AWAY:
                    continue
                if epoch == self.epoch:
                    self._ends = ends
                    behind = {place for place in self._next.items() if place[1] < ends.get(place[0], 0)}
                    still = {place: still.get(place, 0) + 1 for place in behind}
                    for (source, first), looks in still.items():
                        if looks > STILL_LOOKS:
                            await self._complete(source, {}, min(ends[source], first + ASKED_OFFSETS))


def _record(message: Any) -> Record:  # noqa: ANN401 - Faust's
    came_ms = arrived_ms(round(message.timestamp * 1000), message.timestamp_type, now_ms())
    return Record(message.offset, message.key, message.value, came_ms, tuple(message.headers or ()))
