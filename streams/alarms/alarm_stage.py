"""Hosts the alarm engine: one active process over one-partition topics, whose only state is the journal it reads back.

A run of inputs becomes one journal record. It is done when a record that follows the head has come back: if it is its
own, the inputs are covered; if it is another writer's, its own is void, and the inputs that are not covered are judged
again on what stands there.

A detection is judged once the version of the city that it was made with has been read.
"""

from __future__ import annotations

import logging
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from streams.alarms.followed import Followed, first_that_counts
from streams.broker.topics import ALARMS, CITIES, COMMANDS, DETECTIONS, JOURNAL
from streams.contract.records import ENDED
from streams.contract.stage import LINGER_S, Chunk, Message, TopicPartition
from streams.engine import failpoints
from streams.errors import ExactnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.city.scope import Scope
    from streams.contract.stage import Bus, Record

SOURCE = TopicPartition(CITIES, 0)

RUN_INPUTS = 500
RUN_BYTES = 256 * 1024
"""A journal record covers at most so many inputs, and no more once they hold this much: a topic takes 1 MiB."""

AWAIT_TICKS = 60
"""A record that was acknowledged and has not come back for so long never will: 30 s."""

RECONCILE_TICKS = 120
"""Once a minute the projections are compared with their topic, so that a second writer's late one does not stay."""


log = logging.getLogger("citywall")


class Input(NamedTuple):
    """One record of the detections or commands, or a version of the city."""

    topic: str
    offset: int
    value: bytes | None
    version: int = 0
    """Of a detection: the version that it was made with; of a version: its number."""


class _Made(msgspec.Struct):
    version: int = 0


class AlarmEngine(Protocol):
    """What `alerts.engine.Engine` does; the stage knows nothing else of alarms."""

    covers: Mapping[str, int]
    """Topic → next offset: the journal holds what every input below did."""

    def begin(self, topic: str, offset: int) -> None:
        """Where the journal does not say up to where that topic is judged: up to here."""

    def learn(self, offset: int, scope: Scope) -> None:
        """Take what the version at that offset has, before it is judged; in the order of the topic."""

    def judge(self, inputs: Sequence[Input], *, whole: bool) -> bytes | None:
        """Return the journal record that would follow the head, None when there is nothing to write."""

    def fold(self, value: bytes | None) -> Mapping[str, bytes | None] | None:
        """Take the journal's next record → the projections it changed, None when it does not follow the head."""

    def projections(self) -> Mapping[str, bytes]:
        """Return the projection of every open alarm."""

    def ended(self, alarm_id: str) -> bytes | None:
        """Return the last projection of a closed alarm, None when it is not remembered."""

    def counts(self) -> Mapping[str, int]:
        """Return what the journal holds, by name."""


class AlarmStage:
    """A `Stage`. Invariant: `_inputs` are, in order of arrival, all inputs taken that the head does not cover."""

    name = "alarms"
    topics: tuple[str, ...] = (DETECTIONS, COMMANDS, CITIES, JOURNAL)
    tick_s = 0.5
    linger_s = LINGER_S

    def __init__(self, make_engine: Callable[[], AlarmEngine], run_inputs: int = RUN_INPUTS) -> None:
        self._make_engine = make_engine
        self._run_inputs = run_inputs
        self._forget()

    def _forget(self) -> None:
        self._engine = self._make_engine()
        self._followed = Followed()
        self._lacking = 0
        """Highest version that the topic does not have although a detection names it."""
        self._inputs: list[Input] = []
        self._taken: dict[str, int] = {}
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
        records = await bus.read_all(JOURNAL, 0)
        for record in records:
            self._engine.fold(record.value)
        await self._reconcile(bus)
        cities = await bus.read_all(CITIES, 0)
        self._engine.begin(CITIES, first_that_counts(cities) if records else 0)
        for offset, scope in await self._followed.begin(cities, self._engine.covers[CITIES]):
            self._engine.learn(offset, scope)
        self._taken = dict(self._engine.covers)
        self._active = True
        after = {JOURNAL: records[-1].offset + 1 if records else 0, CITIES: self._followed.next_offset}
        return {TopicPartition(topic, 0): offset for topic, offset in {**self._engine.covers, **after}.items()}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take inputs, or records of the journal."""
        if not self._active:
            return False
        if chunk.topic == JOURNAL:
            await self._fold(chunk.records, bus)
        elif chunk.topic == CITIES:
            await self._follow(chunk.records)
        else:
            self._take(chunk)
        await self._judge(bus)
        return not self._awaiting

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Reconcile the projections now and then; say what is durable."""
        if not self._active:
            return ()
        self._ticks += 1
        if self._ticks % RECONCILE_TICKS == 0:
            await self._reconcile(bus)
        await self._look_for_version(bus)
        if not self._awaiting:
            return tuple(TopicPartition(topic, 0) for topic in self.topics)
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
            }
        }

    def _take(self, chunk: Chunk) -> None:
        for record in chunk.records:
            if record.offset >= self._taken.get(chunk.topic, 0):
                version = _made_with(record.value) if chunk.topic == DETECTIONS else 0
                self._inputs.append(Input(chunk.topic, record.offset, record.value, version))
                self._taken[chunk.topic] = record.offset + 1

    async def _follow(self, records: Sequence[Record]) -> None:
        """Take versions, each before the first detection that waits for it."""
        known = self._known()
        for offset, scope in await self._followed.take(records):
            self._engine.learn(offset, scope)
            if offset >= self._taken.get(CITIES, 0):
                waiting = (n for n, one in enumerate(self._inputs) if one.topic == DETECTIONS and one.version > known)
                self._inputs.insert(next(waiting, len(self._inputs)), Input(CITIES, offset, None, scope.number))
                self._taken[CITIES] = offset + 1

    def _known(self) -> int:
        return max(self._followed.newest, self._lacking)

    def _ready(self) -> list[Input]:
        """Return the inputs in order, without the detections from the first on that names an unread version."""
        known = self._known()
        first = next((n for n, one in enumerate(self._inputs) if one.topic == DETECTIONS and one.version > known), None)
        if first is None:
            return self._inputs
        return [*self._inputs[:first], *(one for one in self._inputs[first:] if one.topic != DETECTIONS)]

    async def _look_for_version(self, bus: Bus) -> None:
        """Let nobody wait for a version that the topic does not have."""
        waiting = [one.version for one in self._inputs if one.topic == DETECTIONS and one.version > self._known()]
        if waiting and (await bus.ends([SOURCE]))[SOURCE] <= self._followed.next_offset:
            self._lacking = max(waiting)
            log.warning("detections name version %d of the city, which %s does not have", self._lacking, CITIES)
            await self._judge(bus)

    async def _judge(self, bus: Bus) -> None:
        ready = self._ready()
        if self._awaiting or not ready:
            return
        run = self._run(ready)
        value = self._engine.judge(run, whole=len(run) < len(ready))
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
        changed: dict[str, bytes | None] = {}
        for record in records:
            folded = self._engine.fold(record.value)
            if folded is not None:
                changed.update(folded)
                self._awaiting = False
        covers = self._engine.covers
        self._inputs = [one for one in self._inputs if one.offset >= covers.get(one.topic, 0)]
        for topic, offset in covers.items():
            self._taken[topic] = max(self._taken.get(topic, 0), offset)
        failpoints.reach("alarms:journal_folded")
        await bus.send([self._projected(alarm.encode(), value) for alarm, value in changed.items()])

    def _projected(self, alarm: bytes, value: bytes | None) -> Message:
        """Return a row for the topic; a tombstone says how the alarm ended, in the one record that compaction keeps."""
        ended = self._engine.ended(alarm.decode(errors="replace")) if value is None else None
        return Message(ALARMS, alarm, value, headers=() if ended is None else ((ENDED, ended),))

    async def _reconcile(self, bus: Bus) -> None:
        """Publish what the projections' topic lacks or has otherwise than the journal says."""
        standing: dict[bytes, bytes | None] = {}
        for partition in range(await bus.partition_count(ALARMS)):
            for record in await bus.read_all(ALARMS, partition):
                standing[record.key or b""] = record.value
        right: dict[bytes, bytes | None] = dict.fromkeys(standing)
        right |= {alarm.encode(): value for alarm, value in self._engine.projections().items()}
        await bus.send([self._projected(key, value) for key, value in right.items() if standing.get(key) != value])


def _made_with(value: bytes | None) -> int:
    """Return the version that a detection names, 0 = none."""
    try:
        return msgspec.json.decode(value or b"", type=_Made).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
