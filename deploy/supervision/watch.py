"""The supervisor's watch: what the brokers hold against what the parts say they have absorbed, and who must be killed.

A worker that is stopped, hangs, no longer fetches or has lost its partitions does not notice it itself. Nobody is
judged while the brokers do not answer or the tail reader is silent, and nobody by a pulse of an earlier process.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.contract.name import Name
from streams.contract.stage import TopicPartition
from streams.health.advance import LOOK_S, Advance, Place
from streams.health.effort import WORKING_SHARE, Effort, beyond_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from deploy.supervision.pulses import PartPulse
    from deploy.supervision.tail import Tail
    from streams.broker.ends import Extent

TAIL_DUE_S = 4.0
"""A tail reader writes every 2 s: one that is overdue waits for an answer, or for a processor."""
TAIL_AGE_S = 15.0
"""What a tail reader wrote that was silent for longer proves nothing."""
AFTER_WORKER_S = 5.0
"""The worker's own watchdog, which knows more, comes first by so much."""
START_LIMIT_S = 120.0
"""So long a process may take from its start to its first pulse at work; a loaded state comes after that."""
KILLS_FORGOTTEN_S = 900.0
"""So long after its last kill a worker has its plain limit again."""
MOST_DOUBLED = 3
"""A limit grows to eight times at most."""
TOLD_AFTER_S = 15.0
"""A standstill is told once it is that long."""


class Worker(NamedTuple):
    """A process that ought to absorb partitions."""

    name: str
    part: str
    """Several workers may share the partitions of one part."""
    pid: int


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """What stands still."""

    name: str
    """A worker; or the part, of a partition that none of its workers has."""
    topic: str = ""
    """Empty: the process has not begun to work."""
    partition: int = 0
    absorbed: int = 0
    end: int = 0
    owned: bool = True
    for_s: float = 0.0

    @property
    def said(self) -> Name:
        """Say it."""
        name, since_s = self.name, f"{self.for_s:.0f}"
        if not self.topic:
            return Name(f"{name} 已 {since_s} 秒未开始工作", f"{name} has not begun to work for {since_s} s")
        zh, en = f"{self.topic} 分区 {self.partition}", f"{self.topic}, partition {self.partition}"
        if not self.owned:
            return Name(f"{name} 已 {since_s} 秒没有进程读取 {zh}", f"no worker of {name} has {en}, for {since_s} s")
        return Name(
            f"{name} 在 {zh} 停滞 {since_s} 秒：处理到 {self.absorbed}，末尾 {self.end}",
            f"{name} stands still on {en}, at {self.absorbed} of {self.end}, for {since_s} s",
        )


class Verdict(NamedTuple):
    """What a look has shown."""

    stills: list[Still]
    """What stands still, long enough to be told."""
    condemned: dict[str, Still]
    """Worker → why it must be killed."""


class _Key(NamedTuple):
    """What tells a question from the others."""

    workers: tuple[Worker, ...]
    """Who is killed for it."""
    topic: str = ""
    partition: int = 0


class _Question(NamedTuple):
    """Something that ought to advance."""

    key: _Key
    place: Place
    limit_s: float
    still: Still


class _Kills(NamedTuple):
    """Of one worker, whose processes follow each other."""

    last_s: float
    in_row: int
    pid: int
    """Of the last one condemned."""


class Watch:
    """Looks again and again, and remembers who stood where."""

    def __init__(self, effort_s: Callable[[int], float] | None = None) -> None:
        self._advance: Advance[_Key] = Advance()
        self._effort_s = effort_s or Effort().since_s
        """Process → of the time since it was asked last, what it worked or waited for a processor."""
        self._absorbed: dict[Worker, int] = {}
        self._looked_at_s = self._since_s = 0.0
        self._kills: dict[str, _Kills] = {}
        """Worker → its kills in a row."""

    def look(
        self, now_s: float, now_ms: int, tail: Tail | None, pulses: Mapping[str, PartPulse], workers: Sequence[Worker]
    ) -> Verdict:
        """Judge every worker, by a clock that nothing turns back and by the wall clock that the files carry."""
        self._since_s, self._looked_at_s = min(now_s - self._looked_at_s, LOOK_S), now_s
        questions: dict[_Key, _Question] = {}
        if tail is not None and tail.answers and now_ms - tail.at_ms <= TAIL_AGE_S * 1000:
            extents = tail.extents()
            for _, members in groupby(sorted(workers, key=_part), _part):
                asked = _questions(list(members), pulses, extents, now_ms)
                questions.update({one.key: one for one in asked})
        answer_s = 0.0 if tail is None else max(tail.answer_s, (now_ms - tail.at_ms) / 1000 - TAIL_DUE_S)
        excused_s = {worker: self._excused_s(worker, pulses.get(worker.name), answer_s) for worker in workers}
        standing_s = self._advance.look(
            now_s,
            {key: one.place for key, one in questions.items()},
            lambda key: max(excused_s[worker][questions[key].still.owned] for worker in key.workers),
        )
        verdict = Verdict([], {})
        for key, for_s in standing_s.items():
            question = questions[key]
            still = msgspec.structs.replace(question.still, for_s=round(for_s, 1))
            if for_s >= min(TOLD_AFTER_S, question.limit_s):
                verdict.stills.append(still)
            for worker in key.workers:
                if for_s >= question.limit_s * self._patience(worker, now_s):
                    verdict.condemned[worker.name] = still
        for worker in workers:
            if worker.name in verdict.condemned:
                known = self._kills.get(worker.name, _Kills(0.0, 0, 0))
                in_row = known.in_row + (known.pid != worker.pid)
                self._kills[worker.name] = _Kills(now_s, in_row, worker.pid)
        return verdict

    def _excused_s(self, worker: Worker, pulse: PartPulse | None, answer_s: float) -> tuple[float, float]:
        """Return how much of the time since the last look does not count: it tried; or, too, advanced somewhere."""
        excused_s = beyond_s(self._since_s, self._effort_s(worker.pid), answer_s)
        absorbed = 0 if pulse is None else sum(one.absorbed for one in pulse.partitions)
        before, self._absorbed[worker] = self._absorbed.get(worker), absorbed
        advanced = before not in {None, absorbed}
        return excused_s, max(excused_s, WORKING_SHARE * self._since_s) if advanced else excused_s

    def _patience(self, worker: Worker, now_s: float) -> int:
        """Return how many times its limit a worker has: twice as many after each kill of a process before it."""
        known = self._kills.get(worker.name)
        if known is None or now_s - known.last_s > KILLS_FORGOTTEN_S:
            self._kills.pop(worker.name, None)
            return 1
        return 1 << min(known.in_row - (known.pid == worker.pid), MOST_DOUBLED)


def _questions(
    members: Sequence[Worker], pulses: Mapping[str, PartPulse], extents: Mapping[TopicPartition, Extent], now_ms: int
) -> Iterator[_Question]:
    """Ask about the workers of one part: has it begun, does each of its partitions advance, has each an owner."""
    begun = {one: pulses[one.name] for one in members if _has_begun(one, pulses.get(one.name), now_ms)}
    for worker in members:
        if worker not in begun:
            yield _Question(_Key((worker,)), Place(0, 1), START_LIMIT_S, Still(name=worker.name))
        elif not _waits(begun[worker], now_ms):
            yield from _owned(worker, begun[worker], extents)
    if len(begun) == len(members) and not any(_waits(pulse, now_ms) for pulse in begun.values()):
        yield from _ownerless(begun, extents)


def _owned(worker: Worker, pulse: PartPulse, extents: Mapping[TopicPartition, Extent]) -> Iterator[_Question]:
    for one in pulse.partitions:
        begin, end = extents.get(TopicPartition(one.topic, one.partition), (0, 0))
        if begin < end:
            key = _Key((worker,), one.topic, one.partition)
            still = Still(name=worker.name, topic=one.topic, partition=one.partition, absorbed=one.absorbed, end=end)
            yield _Question(key, Place(one.absorbed, end), pulse.limit_s + AFTER_WORKER_S, still)


def _ownerless(own: Mapping[Worker, PartPulse], extents: Mapping[TopicPartition, Extent]) -> Iterator[_Question]:
    workers = tuple(sorted(own))
    topics = {topic for pulse in own.values() for topic in pulse.topics}
    owned = {TopicPartition(one.topic, one.partition) for pulse in own.values() for one in pulse.partitions}
    limit_s = max(pulse.limit_s for pulse in own.values()) + AFTER_WORKER_S
    for partition, (begin, end) in extents.items():
        if partition.topic in topics and partition not in owned:
            still = Still(name=workers[0].part, topic=partition.topic, partition=partition.partition, owned=False)
            yield _Question(_Key(workers, *partition), Place(0, end - begin), limit_s, still)


def _part(worker: Worker) -> str:
    return worker.part


def _has_begun(worker: Worker, pulse: PartPulse | None, now_ms: int) -> bool:
    """Tell whether this very process has come to its first partitions, or lives and knows that it has none."""
    return pulse is not None and pulse.pid == worker.pid and (bool(pulse.partitions) or pulse.is_fresh(now_ms))


def _waits(pulse: PartPulse, now_ms: int) -> bool:
    """Tell whether it need not advance; what an old pulse waits for is no excuse."""
    return pulse.waits is not None and pulse.is_fresh(now_ms)
