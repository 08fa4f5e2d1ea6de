"""Gaps in what a stage is given: which are looked after, and what of them is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.stage import Message, TopicPartition
from streams.engine.missing import Missing
from streams.health.pulse import PartitionState
from tests.fakes import FakeBus

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = TopicPartition("city.inbox.v1.traffic", 0)


class Stage:
    name = "intake"


class View(Stage):
    shows_newest = True


class Log:
    """Kafka, asked where the partition begins."""

    def __init__(self, begin: int) -> None:
        self.begin = begin

    async def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.begin)


def looked_after(begin: int, *notes: tuple[Any, ...], stage: Any = Stage, bus: FakeBus | None = None) -> list[Any]:
    """Note gaps where the log begins at an offset → the books of losses: first, to, after and before."""
    bus = bus or FakeBus()
    made = Missing(stage(), "127.0.0.1:1", Counter())
    made._direct = Log(begin)
    for note in notes:
        made.note(*note)
    asyncio.run(made.book(bus))
    books = [json.loads(one.value or b"") for one in bus.log(topics.BOOKS) if (one.key or b"").startswith(b"lost:")]
    assert sum(made._lost_records.values()) == sum(one["to_offset"] - one["from_offset"] for one in books)
    return [[one[name] for name in ("from_offset", "to_offset", "after_ms", "before_ms")] for one in books]


def at(absorbed: int, at_ms: int | None = 5) -> PartitionState:
    return PartitionState(absorbed, absorbed, at_ms)


@pytest.mark.parametrize(
    ("begin", "notes", "lost"),
    [
        (800, [(SOURCE, at(10), 800, 9)], [[10, 800, 5, 9]]),
        (800, [(SOURCE, at(10), 820, 9)], [[10, 800, 5, 9]]),  # what lies above the beginning was compacted away
        (850, [(SOURCE, at(10), 820, 9)], [[10, 820, 5, 9]]),  # deleted since, when 820 had been fetched
        (10, [(SOURCE, at(10), 12, 9)], []),  # a transaction's marker
        (800, [(SOURCE, at(10), 10, 9)], []),  # no gap
        (800, [(SOURCE, None, 800, 9)], []),  # not known where it stood
        (850, [(SOURCE, at(10), 800, 7), (SOURCE, at(800, None), 850, 9)], [[10, 850, 5, 9]]),  # two before a look
        (800, [(TopicPartition(topics.LIVE, 0), at(10), 800, 9)], []),
    ],
)
def test_only_what_lies_below_the_beginning_of_the_log_is_lost(begin: int, notes: Any, lost: Any) -> None:
    assert looked_after(begin, *notes) == lost


def test_a_view_of_the_newest_loses_nothing() -> None:
    assert looked_after(800, (SOURCE, at(10), 800, 9), stage=View) == []


@pytest.mark.parametrize(
    ("pulses", "after_ms"),
    [
        ([("intake", 8, 3), ("intake", 10, 4)], 4),
        ([("intake", 8, 3), ("intake", 12, 6)], 3),  # 12 was not saved: the stage began anew at 10
        ([("intake", 10, None), ("zone", 10, 7)], None),
        ([], None),
    ],
)
def test_what_arrived_last_before_it_is_known_from_earlier_pulses(pulses: Any, after_ms: int | None) -> None:
    bus = FakeBus()
    for group, absorbed, at_ms in pulses:
        row = {"group": group, "topic": SOURCE.topic, "partition": 0, "absorbed": absorbed, "absorbed_at_ms": at_ms}
        bus.put(Message(topics.BOOKS, f"pulse:{group}".encode(), json.dumps({"partitions": [row]}).encode()))
    assert looked_after(800, (SOURCE, at(10, None), 800, 9), bus=bus) == [[10, 800, after_ms, 9]]
