"""The chunked transport: a fetched run of records enters a Faust agent as one event.

Faust's own path costs some 100 µs an event (a lock, two tasks, acknowledgement sets); here that is paid once a run.
What it overrides and reads of Faust and aiokafka is private to them and stands in `streams.surface`; where that
does not fit, nothing here is imported, and `streams.transport.ordinary` takes over.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from aiokafka.structs import TopicPartition as KafkaTopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.contract.stage import RUN_BYTES, RUN_RECORDS, Chunk, TopicPartition
from streams.transport.lingering import fetch
from streams.transport.wire import WireBatch, framed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.contract.stage import Record

FRAMED_RUN_RECORDS = 50_000
"""Most records of one run where the kernel decodes; else it is the stage's. A zone's frames of a run cost it by the
frame, so that longer runs are cheaper; their memory is what bounds them."""

FETCH_WAIT_MS = 250
"""So long a fetch waits for partitions that have nothing. Faust says 1,500; meanwhile those that have something, and
were left out because a run of theirs lay here, wait too: a broker answers one fetch at a time."""

HELD_S = 1.0
"""While what a fetch brought lies here, for no longer, the broker is asked for nothing else: for longer than we linger.
aiokafka says 0.1, and then asks for the partitions that have nothing; what comes to the others waits for the answer."""


def runs(fetched: Sequence[Any], most: int = RUN_RECORDS) -> Iterator[Sequence[Record]]:
    """Cut what was fetched, records or batches, into runs of about `RUN_BYTES` bytes and `most` records at most.

    Batches, which the kernel decodes, may be `FRAMED_RUN_RECORDS`.
    """
    if fetched and isinstance(fetched[0], WireBatch):
        yield from _framed_runs(fetched)
        return
    size = sum([len(record.value) for record in fetched if record.value is not None])
    yield from _cut(fetched, max(min(most, RUN_BYTES * len(fetched) // max(size, 1)), 1))


def _framed_runs(batches: Sequence[WireBatch]) -> Iterator[Sequence[Record]]:
    first = 0
    while first < len(batches):
        sizes = accumulate(len(batch.body) for batch in batches[first:])
        counts = accumulate(batch.records for batch in batches[first:])
        within = takewhile(
            lambda one: one[0] <= RUN_BYTES and one[1] <= FRAMED_RUN_RECORDS, zip(sizes, counts, strict=True)
        )
        after = first + max(sum(1 for _ in within), 1)
        records = framed(batches[first:after])
        yield from _cut(records, FRAMED_RUN_RECORDS)
        first = after


def _cut(records: Sequence[Record], step: int) -> Iterator[Sequence[Record]]:
    if 0 < len(records) <= step:
        yield records
    else:
        for first in range(0, len(records), step):
            yield records[first : first + step]


class Run(NamedTuple):
    """Records of one partition as they were fetched, and in which epoch of the consumer, and when."""

    records: Sequence[Record]
    epoch: int
    fetched_s: float = math.inf


def end_of(consumer: driver.Consumer, tp: TP) -> int | None:
    """Return a partition's end as its last fetch told it; None before one, and while the group deals it anew."""
    try:
        end: int | None = consumer.highwater(tp)  # whatever Faust declares
    except AssertionError:  # aiokafka's own check; between two assignments a partition is with nobody
        return None
    return end


class Consumer(driver.Consumer):
    """Faust's aiokafka consumer, by runs. It asks `app.positions` where to start."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own signature
        super().__init__(*args, **kwargs)
        self.settled: dict[TP, int] = {}
        self.epoch = 0
        """How often this consumer has been told where to start; what was fetched before the last time is void."""
        self.sought_epoch = 0
        """The epoch whose positions aiokafka has; set together with them, in the consumer's thread."""
        self.linger_s: float = self.app.linger_s  # type: ignore[attr-defined]  # StageApp
        self.in_backlog = False
        """Whether the last fetch brought much: then more is there, and nothing is won by waiting."""
        self.run_records: int = self.app.run_records  # type: ignore[attr-defined]  # StageApp
        self._held: dict[TP, deque[Run]] = {}
        """What was fetched and has not had its turn yet."""
        self._delivered: dict[TP, int] = {}
        self.fetched: dict[TP, int] = {}
        """One above the last record handed out by aiokafka."""

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        """Give each partition one run: whoever has much waits for all others, and what has come to them, after each."""
        self._held = {tp: waiting for tp, waiting in self._held.items() if waiting and waiting[0].epoch == self.epoch}
        held = set(self._held)
        if self.linger_s and not self.in_backlog and not held:
            await asyncio.sleep(self.linger_s)
        if wanted := (self.assignment() if active_partitions is None else active_partitions) - held:
            fetched, epoch = await self._thread.call_thread(fetch, self, wanted, 0.0 if held else timeout)
            self._hold(fetched, epoch)
        else:
            await asyncio.sleep(0)
        valid = {tp: waiting for tp, waiting in self._held.items() if tp in wanted or waiting[0].epoch == self.epoch}
        turns = [tp for tp in valid if active_partitions is None or tp in active_partitions]
        return {tp: [self._held[tp].popleft()] for tp in turns}

    def _hold(self, fetched: Mapping[TP, Sequence[Any]], epoch: int) -> None:
        at_s = time.monotonic()
        for tp, records in fetched.items():
            cut = deque(Run(run, epoch, at_s) for run in runs(records, self.run_records))
            if cut:
                self._held[tp] = cut  # none of it was wanted while something was held
                self.fetched[tp] = cut[-1].records[-1].offset + 1

    def _to_message(self, tp: TP, record: Run) -> ConsumerMessage:
        last = record.records[-1]
        end = end_of(self, tp)
        chunk = Chunk(
            tp.topic,
            tp.partition,
            record.records,
            end if end is not None else last.offset + 1,
            self._delivered.get(tp),
            record.epoch,
            record.fetched_s,
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
        epoch = self.epoch
        committed: dict[TP, int | None] = dict(await super().seek_to_committed())
        assigned = [TopicPartition(tp.topic, tp.partition) for tp in sorted(self.assignment())]
        known = {TP(*partition): offset for partition, offset in (await self.app.positions(assigned)).items()}  # type: ignore[attr-defined]  # StageApp
        begin = {TP(*tp): offset for tp, offset in committed.items() if offset is not None and offset >= 0} | known
        if new := [TP(*one) for one in assigned if TP(*one) not in begin]:
            begin |= {TP(*tp): offset for tp, offset in (await self.earliest_offsets(*new)).items()}
        ends = await self._thread.highwaters(*begin)
        self.app.begun(  # type: ignore[attr-defined]  # StageApp
            {TopicPartition(*tp): offset for tp, offset in begin.items()},
            {TopicPartition(*tp): end for tp, end in ends.items()},
        )
        self._delivered = dict(known)
        self.fetched = {}
        await self._thread.call_thread(_begin, self, begin, epoch)
        return begin


async def _begin(consumer: Consumer, positions: Mapping[TP, int], epoch: int) -> None:
    """Set all positions at once, in the consumer's thread, where no fetch can return in between."""
    if epoch == consumer.epoch:
        kafka = consumer._thread._ensure_consumer()
        kafka._fetcher._fetch_max_wait_ms = FETCH_WAIT_MS
        kafka._fetcher._prefetch_backoff = HELD_S
        for tp, offset in positions.items():
            if kafka._subscription.is_assigned(KafkaTopicPartition(*tp)):
                kafka.seek(KafkaTopicPartition(*tp), offset)
        consumer.sought_epoch = epoch


def fetch_position(consumer: Consumer, tp: TP, absorbed: int) -> int | None:
    """Return where the next fetch begins, None while it is not known or what was fetched is not absorbed yet.

    It reads aiokafka's state of the partition where Faust's own `highwater` reads its end.
    """
    assignment = consumer._thread._ensure_consumer()._fetcher._subscriptions.subscription.assignment
    state = None if assignment is None else assignment.state_value(KafkaTopicPartition(*tp))
    if state is None or not state.has_valid_position or consumer.fetched.get(tp, 0) > absorbed:
        return None
    return int(state.position)


class Transport(driver.Transport):
    """`chunked://host:port`, found by Faust through `faust.transport.TRANSPORTS`."""

    Consumer: ClassVar[type] = Consumer
