"""Delivery by the ordinary transport: each partition whole and in order, whatever Faust brings."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from streams.contract.stage import Record, TopicPartition
from streams.transport import ordinary
from streams.transport.ordinary import Ordinary

SOURCE = TopicPartition("t", 0)


class Event:
    """Faust's, of one record."""

    def __init__(self, offset: int, partition: int = 0, value: bytes | None = b"v") -> None:
        self.message = SimpleNamespace(
            topic="t",
            partition=partition,
            offset=offset,
            key=None,
            value=value,
            timestamp=7.001,
            timestamp_type=0,
            headers=[("h", b"x")],
        )
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class Stream:
    """Faust's, of such events."""

    def __init__(self, *runs: list[Event]) -> None:
        self._runs = runs

    async def noack_take(self, _: int, *, within: float):
        assert within > 0
        for run in self._runs:
            yield run


class Log:
    """Kafka, asked directly: what stands in the partition."""

    def __init__(self, *offsets: int) -> None:
        self.offsets = offsets
        self.asked: list[tuple[int, int]] = []

    async def begin(self, partitions):
        return dict.fromkeys(partitions, 0)

    async def ends(self, partitions):
        return dict.fromkeys(partitions, max(self.offsets, default=-1) + 1)

    async def between(self, source, first, stop):
        self.asked.append((first, stop))
        if found := [Record(offset, None, b"v", 7_001, ()) for offset in self.offsets if first <= offset < stop]:
            yield found


class Loop:
    """The run loop, with its partition at an offset: takes everything."""

    def __init__(self, at: int | None) -> None:
        self.known = {} if at is None else {SOURCE: at}
        self.app = SimpleNamespace(
            consumer=SimpleNamespace(assignment=lambda: {SOURCE}), rebalancing=False, linger_s=0.001
        )
        self.taken: list[int] = []
        self.empty_up_to = 0

    async def positions(self, assigned):
        assert assigned == [SOURCE]
        return self.known

    def begun(self, begin, ends):
        assert begin == {SOURCE: 0} | self.known

    async def take(self, chunk):
        assert chunk.begin is not None
        assert chunk.begin <= chunk.records[0].offset
        self.taken += [record.offset for record in chunk.records]

    def reached(self, _, position):
        self.empty_up_to = position

    def or_end(self):
        return nullcontext()


async def deliver(loop: Loop, log: Log, *runs: list[Event]) -> Ordinary:
    made = Ordinary(loop, log)
    await made._assigned()
    await made.stop_looking()
    await made.consume(Stream(*runs))
    return made


def events(*offsets: int) -> list[Event]:
    return [Event(offset) for offset in offsets]


@pytest.mark.parametrize(
    ("at", "runs", "log", "taken", "asked"),
    [
        (5, [[5, 6], [7]], [], [5, 6, 7], []),
        (5, [[3, 4, 5, 6]], [], [5, 6], []),
        (5, [[3, 4]], [], [], []),
        (5, [[5, 6], [5, 6, 7]], [], [5, 6, 7], []),
        (5, [[7]], [5, 6, 7], [5, 6, 7], [(5, 8)]),
        (5, [[5, 8]], [5, 8], [5, 8], [(5, 9)]),
        (5, [[9, 10], [5, 6]], [5, 6, 9, 10], [5, 6, 9, 10], [(5, 11)]),
        (5, [[7, 5, 6]], [], [5, 6, 7], []),
        (None, [[0, 1]], [], [0, 1], []),
    ],
    ids=[
        "in order",
        "below the state",
        "all below it",
        "brought again",
        "lost",
        "a hole of Kafka's",
        "the state is behind the group",
        "out of order",
        "not known to the stage",
    ],
)
def test_each_record_comes_once_in_order_from_where_the_state_stands(at, runs, log, taken, asked) -> None:
    loop, kafka = Loop(at), Log(*log)
    asyncio.run(deliver(loop, kafka, *[events(*run) for run in runs]))
    assert loop.taken == taken
    assert kafka.asked == asked


def test_a_record_comes_as_it_was_sent_tombstones_too() -> None:
    record = ordinary._record(Event(3, value=None).message)
    assert record == Record(3, None, None, 7_001, (("h", b"x"),))


def test_partitions_of_others_are_passed_over() -> None:
    loop = Loop(5)
    asyncio.run(deliver(loop, Log(), [Event(5, partition=1)]))
    assert loop.taken == []


def test_an_event_is_acknowledged_when_it_is_settled_and_not_before() -> None:
    run = events(4, 5, 6, 7)

    async def story() -> None:
        made = await deliver(Loop(5), Log(), run)
        assert [event.acked for event in run] == [False] * 4
        made.settle(SOURCE, 7)
        assert [event.acked for event in run] == [True, True, True, False]

    asyncio.run(story())


def test_what_was_brought_before_a_new_assignment_is_not_acknowledged_after_it() -> None:
    run = events(5, 6)

    async def story() -> None:
        made = await deliver(Loop(5), Log(), run)
        await made._assigned()
        made.settle(SOURCE, 7)
        await made.stop_looking()

    asyncio.run(story())
    assert [event.acked for event in run] == [False, False]


def test_a_chunk_under_way_at_a_new_assignment_moves_nothing() -> None:
    class Reassigned(Loop):
        made: Ordinary

        async def take(self, chunk):
            await super().take(chunk)
            if len(self.taken) == 2:
                await self.made._assigned()  # the state stands at 5 again: what was taken was void

    async def story() -> list[int]:
        loop = Reassigned(5)
        loop.made = Ordinary(loop, Log())
        await loop.made._assigned()
        await loop.made.consume(Stream(events(5, 6), events(5, 6, 7)))
        await loop.made.stop_looking()
        return loop.taken

    assert asyncio.run(story()) == [5, 6, 5, 6, 7]


@pytest.mark.parametrize(("log", "taken"), [([5, 6], [5, 6]), ([3, 9], [9])])
def test_a_partition_of_which_faust_brings_nothing_is_read_directly(monkeypatch, log, taken) -> None:
    monkeypatch.setattr(ordinary, "LOOK_EVERY_S", 0.0)

    async def story() -> Loop:
        loop = Loop(5)
        made = Ordinary(loop, Log(*log))
        await made._assigned()
        while loop.empty_up_to <= max(log):
            await asyncio.sleep(0)
        await made.stop_looking()
        return loop

    loop = asyncio.run(asyncio.wait_for(story(), 30))
    assert loop.taken == taken
