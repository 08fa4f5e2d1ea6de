"""design.md 6.2 g: "The alarm engine is one active process over one-partition topics. For each run of inputs it writes
one journal record (whole or absent) with their events, each with its cause, and the hash of the record before. Every
reader, the engine first, ignores a record whose previous hash is not the head … if another's came first, its own is
void: it folds what stands there and judges the inputs again."

So a fork (two engines that write at once) leaves one story. Without the guard (an engine that folds whatever comes) an
input is told twice. Any mix of cuts, restarts, crashes and writers: tests/streams/alarms/test_alarm_exactness.py, and
tests/streams/alarms/test_alarm_stage.py is this promise's larger part.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from alerts.engine import Engine
from alerts.journal import GENESIS, Head, unseal
from streams.alarms.alarm_stage import AlarmStage
from streams.broker.topics import CITIES, COMMANDS, DETECTIONS, JOURNAL
from streams.errors import FrameError
from tests.alerts.staging import given_to, journal, projected
from tests.alerts.writing import KEY, acknowledge, detection, events, faults, keyed_engine, opened_at
from tests.fakes import FakeBus, FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable

AT_10 = opened_at(10)


class Credulous(Engine):
    """An engine without the guard: what comes next in the topic is taken for the chain's next record."""

    def fold(self, value: bytes | None):
        opened = unseal(value) if value is not None else None
        if opened is not None:
            self.head = Head(opened[0].seq - 1, opened[0].previous)
        return super().fold(value)


async def forked(make: Callable[[], Engine]) -> FakeBus:
    """Two engines stand at the same head and write a record each: the fork; then both read it to its end."""
    bus = FakeBus()
    hosts = [FakeHost(AlarmStage(make), bus) for _ in range(2)]
    for host in hosts:
        await host.start()
    given_to(bus, detection(3, 10))
    for host in hosts:
        await host.deliver(DETECTIONS)
    for host in hosts:
        await host.drain()
    given_to(bus, acknowledge(AT_10), detection(2, 20))
    await hosts[0].deliver(COMMANDS)
    await hosts[1].deliver(DETECTIONS)
    for _ in range(3):
        for host in hosts[::-1]:
            await host.drain()
    return bus


def told(bus: FakeBus) -> list[str]:
    """Return the names of all events of records that an engine would fold."""
    return [event["type"] for event in events(journal(bus))]


def test_of_two_records_behind_one_head_the_first_stands() -> None:
    bus = asyncio.run(forked(keyed_engine))
    records = [unseal(value)[0] for value in journal(bus)]
    assert [record.previous for record in records[:2]] == [GENESIS, GENESIS]  # the fork
    assert faults(journal(bus)) == []
    reader = Engine()
    kept = [reader.fold(value) is not None for value in journal(bus)]
    assert kept[:2] == [True, False]
    assert sum(len(record.events) for record, one in zip(records, kept, strict=True) if one) == 3
    assert projected(bus)[AT_10]["level"] == 2


def test_every_input_is_covered_once_in_the_chain() -> None:
    bus = asyncio.run(forked(keyed_engine))
    reader, causes = Engine(), []
    for value in journal(bus):
        if reader.fold(value) is not None:
            causes += [tuple(cause) for cause in unseal(value)[0].causes]
    assert sorted(causes) == sorted({(one[0], one[1]) for one in causes})
    assert reader.covers == {DETECTIONS: 2, COMMANDS: 1, CITIES: 0}


def test_without_the_guard_the_fork_would_be_told_twice() -> None:
    """What stands behind it, that nothing impossible is taken, ends an engine that believes everything."""
    with pytest.raises(FrameError, match="raised and open already"):
        asyncio.run(forked(lambda: Credulous(KEY)))


def test_a_record_is_whole_or_absent() -> None:
    """A byte less, or one changed, and no reader takes it; what follows it is void too."""
    bus = asyncio.run(forked(keyed_engine))
    values = [value for value in journal(bus)]
    for broken in (values[0][:-1], values[0].replace(b'"level":3', b'"level":1')):
        assert broken != values[0]
        reader = Engine()
        assert [reader.fold(value) for value in [broken, *values[2:]]] == [None] * (len(values) - 1)
        assert faults([broken, *values[2:]]) != []


@pytest.mark.parametrize("topic", [JOURNAL])
def test_it_writes_nothing_while_its_own_record_is_on_its_way(topic: str) -> None:
    async def story() -> int:
        bus = FakeBus()
        host = FakeHost(AlarmStage(keyed_engine), bus)
        await host.start()
        for number in range(1, 4):
            given_to(bus, detection(number, 10 * number))
            await host.deliver(DETECTIONS)
        return len(bus.log(topic))

    assert asyncio.run(story()) == 1
