"""Hosts the alarm engine: one active process over one-partition topics, whose only state is the journal it reads back.

A run of inputs becomes one journal record. It is done when a record that follows the head has come back: if it is its
own, the inputs are covered; if it is another writer's, its own is void, and the inputs that are not covered are judged
again on what stands there.

Inputs are judged in the order of their arrival (`streams.alarms.order`): no pace of reading and no start changes what
they do. Where something is due and nobody says anything, the stage itself sends a tick: time is an input, too.
"""

from __future__ import annotations

import asyncio
import uuid
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from streams.alarms.checkpoints import EVERY_RECORDS, Checkpoints, Resumes, begun, fold_at
from streams.alarms.followed import Followed, first_that_counts
from streams.alarms.order import Input, Order
from streams.alarms.projected import Projected, Projects
from streams.broker.arrivals import now_ms
from streams.broker.topics import CITIES, CLOCK, COMMANDS, DETECTIONS, JOURNAL
from streams.contract.stage import LINGER_S, Chunk, Message, TopicPartition
from streams.engine import failpoints
from streams.errors import ExactnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.alarms.projected import Row
    from streams.city.scope import Scope
    from streams.contract.stage import Bus, Record

INPUTS = (CITIES, DETECTIONS, COMMANDS, CLOCK)
"""What is judged; of one arrival in this order: a version before what was found with it, a finding before a command."""
SOURCES = tuple(TopicPartition(topic, 0) for topic in INPUTS)

RUN_INPUTS = 500
RUN_BYTES = 256 * 1024
"""A journal record covers at most so many inputs, and no more once they hold this much: a topic takes 1 MiB."""

AWAIT_TICKS = 60
"""A record that was acknowledged and has not come back for so long never will: 30 s."""

LOOK_TICKS = 120
"""Once a minute what was written is compared with the projections, so that a second writer's late one does not stay."""

SAME_MS_S = 0.002
"""So long after an arrival nothing else comes with the same one."""

TICK_EVERY_MS = 500
"""So often at most the stage says that time has passed."""


class AlarmEngine(Resumes, Projects, Protocol):
    """What `alerts.engine.Engine` does; the stage knows nothing else of alarms."""

    covers: Mapping[str, int]
    """Topic → next offset: the journal holds what every input below did."""

    def begin(self, topic: str, offset: int) -> None:
        """Where the journal does not say up to where that topic is judged: up to here."""

    def learn(self, offset: int, scope: Scope) -> None:
        """Take what the version at that offset has, before it is judged; in the order of the topic."""

    def judge(self, inputs: Sequence[Input], *, whole: bool) -> bytes | None:
        """Return the journal record that would follow the head, None when there is nothing to write."""

    def tick(self, tick_id: str) -> bytes:
        """Return the command that says that time has passed."""

    @property
    def next_due_ms(self) -> int | None:
        """Arrival by which something happens by itself, None = nothing does."""

    def fold(self, value: bytes | None) -> Mapping[Row, bytes | None] | None:
        """Take the journal's next record → the projections it changed, None when it does not follow the head."""

    def counts(self) -> Mapping[str, int]:
        """Return what the journal holds, by name."""

    def load(self, now_ms: int) -> Mapping[str, Any]:
        """Return the load of the operators in figures."""


class AlarmStage:
    """A `Stage`. Invariant: `_inputs` are, in order, all inputs ready to be judged that the head does not cover."""

    name = "alarms"
    topics: tuple[str, ...] = (DETECTIONS, COMMANDS, CITIES, CLOCK, JOURNAL)
    stays_whole = True
    tick_s = 0.5
    linger_s = LINGER_S

    def __init__(
        self,
        make_engine: Callable[[], AlarmEngine],
        run_inputs: int = RUN_INPUTS,
        clock: Callable[[], int] = now_ms,
        checkpoint_records: int = EVERY_RECORDS,
    ) -> None:
        self._make_engine = make_engine
        self._run_inputs = run_inputs
        self._clock = clock
        self._checkpoint_records = checkpoint_records
        self._forget()

    def _forget(self) -> None:
        self._engine = self._make_engine()
        self._followed = Followed()
        self._projected = Projected()
        self._checkpoints = Checkpoints(self._checkpoint_records)
        self._order = Order(INPUTS)
        self._inputs: list[Input] = []
        self._ticked_at_ms = 0
        self._awaiting = False
        self._awaited_ticks = 0
        self._ticks = 0
        self._active = False

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Fold the journal, publish what was not, and go on behind what it covers.

        Raises ExactnessError when only some of the topics came here: nobody could judge.
        """
        self._forget()
        if not partitions:
            return {}
        if missing := set(self.topics) - {one.topic for one in partitions}:
            raise ExactnessError(f"the alarm engine needs all its topics in one process, not without {sorted(missing)}")
        self._engine, tail = await begun(self._make_engine, bus)
        self._checkpoints = Checkpoints(self._checkpoint_records, tail)
        await self._projected.begin(bus, self._engine)
        cities = await bus.read_all(CITIES, 0)
        self._engine.begin(CITIES, first_that_counts(cities) if tail.end else 0)
        for offset, scope in await self._followed.begin(cities, self._engine.covers[CITIES]):
            self._engine.learn(offset, scope)
        for topic in INPUTS:
            self._order.begin(topic, self._engine.covers.get(topic, 0))
        self._active = True
        after = {JOURNAL: tail.end}
        return {TopicPartition(topic, 0): offset for topic, offset in {**self._engine.covers, **after}.items()}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take inputs, or records of the journal."""
        if not self._active:
            return False
        if chunk.topic == JOURNAL:
            await self._fold(chunk.records, bus)
        else:
            await self._take(chunk)
        await self._judge(bus)
        return not self._awaiting and not self._order.waits

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Look after the projections now and then; say what is durable."""
        if not self._active:
            return ()
        self._ticks += 1
        if self._ticks % LOOK_TICKS == 0:
            await self._projected.look(bus, self._engine)
        await self._judge(bus)
        await self._tell_time(bus)
        await self._checkpoints.tick(bus)
        if not self._awaiting:
            return () if self._order.waits else tuple(TopicPartition(topic, 0) for topic in self.topics)
        self._awaited_ticks += 1
        if self._awaited_ticks > AWAIT_TICKS:
            raise ExactnessError("a journal record was acknowledged and did not come back; starting again")
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the journal holds."""
        return {
            "alarms:journal:0": {
                "stage": "alarms",
                "domain": "journal",
                "partition": 0,
                "offset": self._engine.covers.get(DETECTIONS, 0),
                "counts": dict(self._engine.counts()),
                "load": self._engine.load(self._clock()),
            }
        }

    async def _take(self, chunk: Chunk) -> None:
        records, end = chunk.records, chunk.records[-1].offset + 1
        if chunk.topic != CITIES:
            self._order.take(chunk.topic, (Input(chunk.topic, *_of(one)) for one in records), end)
            return
        arrived_ms = {one.offset: one.timestamp for one in records}
        inputs = []
        for offset, scope in await self._followed.take(records):
            self._engine.learn(offset, scope)
            inputs.append(Input(CITIES, offset, None, arrived_ms[offset]))
        self._order.take(CITIES, inputs, end)

    async def _tell_time(self, bus: Bus) -> None:
        """Have time go on where something is due and nobody has said anything since."""
        due_ms, clock_ms = self._engine.next_due_ms, self._clock()
        if self._awaiting or self._order.waits or due_ms is None or due_ms > clock_ms:
            return
        if self._ticked_at_ms + TICK_EVERY_MS <= clock_ms:
            self._ticked_at_ms = clock_ms
            await bus.send([Message(COMMANDS, b"tick", self._engine.tick(uuid.uuid4().hex), partition=0)])

    async def _judge(self, bus: Bus) -> None:
        self._inputs += self._order.ready()
        while self._order.asks:
            if self._clock() <= self._order.newest_ms:
                await asyncio.sleep(SAME_MS_S)
            ends = await bus.ends(SOURCES)
            self._order.know({source.topic: ends[source] for source in SOURCES})
            self._inputs += self._order.ready()
        if self._awaiting or not self._inputs:
            return
        run = self._run(self._inputs)
        value = self._engine.judge(run, whole=len(run) < len(self._inputs))
        if value is None:
            return
        self._awaiting = True
        self._awaited_ticks = 0
        await bus.send([Message(JOURNAL, b"journal", value, partition=0)])
        failpoints.reach("alarms:journal_sent")

    def _run(self, ready: list[Input]) -> list[Input]:
        sizes = accumulate(len(one.value or b"") for one in ready[: self._run_inputs])
        return ready[: max(sum(size <= RUN_BYTES for size in sizes), 1)]

    async def _fold(self, records: Sequence[Record], bus: Bus) -> None:
        changed: dict[Row, bytes | None] = {}
        for record in records:
            folded = fold_at(self._engine.fold, record)
            if folded is not None:
                changed.update(folded)
                self._awaiting = False
        self._checkpoints.folded(records, self._engine)
        covers = self._engine.covers
        self._inputs = [one for one in self._inputs if one.offset >= covers.get(one.topic, 0)]
        self._order.cover(covers)
        failpoints.reach("alarms:journal_folded")
        await self._projected.send(bus, self._engine, changed)


def _of(record: Record) -> tuple[int, bytes | None, int]:
    return record.offset, record.value, record.timestamp
