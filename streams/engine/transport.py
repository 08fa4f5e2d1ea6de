"""The chunked transport: a fetched run of records enters a Faust agent as one event.

Faust's own path costs some 100 µs an event (a lock, two tasks, acknowledgement sets); here that is paid once a run.
Overridden, all of it private to Faust 0.15.3 and aiokafka 0.14.0 (pinned;
`tests/streams/engine/test_transport.py` fails when a new version changes one):

Consumer._getmany           wrap each partition's records into runs of at most `RUN_RECORDS`, after a short linger
Consumer._to_message        one ConsumerMessage per run, its value a Chunk, its offset the last of the run
Consumer.ack                no sets of offsets: the run loop says what may be committed, in `settled`
Consumer._filter_*          commit what is settled
Consumer._add_gap           nothing: a run has holes by design
Consumer.seek_to_committed  start where the stage's own state says, not where the group has committed
fetcher.PartitionRecords    no ConsumerRecord object per record
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.structs import TopicPartition as KafkaTopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.engine.stage import Chunk, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.engine.stage import Record

RUN_RECORDS = 20_000
"""Most records of one run: some 30 ms of decoding, so that timers and heartbeats stay on time."""

RUN_BYTES = 4 * 2**20
"""A run ends once it holds this much."""

LINGER_S = 0.03
"""Wait before each fetch while the stream is slow, so that records come in company."""


class RunRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """The fetcher's record iterator without one ConsumerRecord per record: the wire record itself comes out."""

    def _consumer_record(self, tp: KafkaTopicPartition, record: Any) -> Any:  # noqa: ANN401 - a Cython record
        return record


def install_fast_fetch() -> bool:
    """Put `RunRecords` into aiokafka's fetcher → whether this version of aiokafka still has the place for it."""
    hook = getattr(fetcher.PartitionRecords, "_consumer_record", None)
    if hook is None or list(inspect.signature(hook).parameters) != ["self", "tp", "record"]:
        return False
    fetcher.PartitionRecords = RunRecords
    return True


def runs(fetched: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Cut fetched records into runs of at most `RUN_RECORDS` records and about `RUN_BYTES` bytes."""
    size = sum([len(record.value) for record in fetched if record.value is not None])
    step = max(min(RUN_RECORDS, RUN_BYTES * len(fetched) // max(size, 1)), 1)
    for first in range(0, len(fetched), step):
        yield fetched[first : first + step]


class Run(NamedTuple):
    """Records of one partition as they were fetched, and in which epoch of the consumer."""

    records: Sequence[Record]
    epoch: int


class Consumer(driver.Consumer):
    """Faust's aiokafka consumer, by runs. It asks `app.positions` where to start."""

    linger_s: float = LINGER_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own signature
        super().__init__(*args, **kwargs)
        self.settled: dict[TP, int] = {}
        self.epoch = 0
        """How often this consumer has been told where to start; what was fetched before the last time is void."""
        self._delivered: dict[TP, int] = {}

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        if self.linger_s:
            await asyncio.sleep(self.linger_s)
        epoch = self.epoch
        fetched = await self._thread.getmany(active_partitions, timeout)
        return {tp: [Run(run, epoch) for run in runs(records)] for tp, records in fetched.items()}

    def _to_message(self, tp: TP, record: Run) -> ConsumerMessage:
        last = record.records[-1]
        end: int | None = self.highwater(tp)  # None before the first answer, whatever Faust declares
        chunk = Chunk(
            tp.topic,
            tp.partition,
            record.records,
            end if end is not None else last.offset + 1,
            self._delivered.get(tp),
            record.epoch,
        )
        if record.epoch == self.epoch:
            self._delivered[tp] = last.offset + 1
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            0,
            None,
            None,
            chunk,  # type: ignore[arg-type]  # Faust hands a value that is no bytes through untouched
            None,
            -1,
            -1,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack(self, message: Message) -> bool:
        """Forget the event; what may be committed is `settled`."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401 - Faust's own signature
        return (tp for tp in list(self.settled) if topics is None or tp in topics or tp.topic in topics)

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        return {tp: self.settled.pop(tp) for tp in list(tps) if tp in self.settled}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        return None

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit nothing more for partitions that are gone."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.settled.pop(tp, None)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to where the stage's state says; a partition it does not know keeps the group's committed offset."""
        self.epoch += 1
        committed = dict(await super().seek_to_committed())
        assigned = [TopicPartition(tp.topic, tp.partition) for tp in sorted(self.assignment())]
        known = {TP(*partition): offset for partition, offset in (await self.app.positions(assigned)).items()}  # type: ignore[attr-defined]  # StageApp
        if known:
            await self.seek_wait({KafkaTopicPartition(*tp): offset for tp, offset in known.items()})
        self._delivered = dict(known)
        return {**committed, **known}


class Transport(driver.Transport):
    """`chunked://host:port`, found by Faust through `faust.transport.TRANSPORTS`."""

    Consumer: ClassVar[type] = Consumer
