"""Gaps in what a stage is given: which are looked after, and what of them is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.stage import Chunk, Message, Record, TopicPartition
from streams.engine.missing import Missing
from streams.health.pulse import PartitionState
from tests.fakes import FakeBus, framed_records

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


def records_at(offsets: list[int]) -> list[Record]:
    return [Record(offset, None, b"", offset, ()) for offset in offsets]


def looked_after(
    begin: int,
    *notes: tuple[Any, ...],
    chunk: tuple[Chunk, PartitionState] | None = None,
    stage: Any = Stage,
    bus: FakeBus | None = None,
) -> list[Any]:
    """Note gaps where the log begins at an offset → the books of losses: first, to, after and before."""
    bus = bus or FakeBus()
    made = Missing(stage(), "127.0.0.1:1", Counter())
    made._direct = Log(begin)
    for note in notes:
        made.note(*note)
    if chunk is not None:
        made.look_at(*chunk)
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


@pytest.mark.parametrize("held", [list, framed_records], ids=["records", "framed"])
@pytest.mark.parametrize(
    ("begin", "offsets", "lost"),
    [
        (840, [790, 840, 841], [[791, 840, 790, 840]]),  # read before the deletion, and on behind it
        (840, [800, 801, 840], [[790, 800, 5, 800], [802, 840, 801, 840]]),
        (830, [790, 795, 840], [[791, 795, 790, 795], [796, 830, 795, 840]]),
        (790, [790, 795, 840], []),  # compacted
        (9000, [790, 791, 792], []),
    ],
)
def test_what_was_deleted_between_two_records_of_a_chunk_is_lost_too(
    held: Any, begin: int, offsets: list[int], lost: Any
) -> None:
    chunk = Chunk(*SOURCE, held(records_at(offsets)), 9999)
    assert looked_after(begin, chunk=(chunk, at(790))) == lost


def test_a_view_of_the_newest_loses_nothing() -> None:
    assert looked_after(800, (SOURCE, at(10), 800, 9), stage=View) == []


@pytest.mark.parametrize(
    ("pulses", "lost"),
    [
        ([("intake", 8, 3, 0), ("intake", 10, 4, 0)], [[10, 800, 4, 9]]),
        ([("intake", 8, 3, 0), ("intake", 12, 6, 0.5)], [[10, 800, 3, 9]]),  # 12 was not saved, so it began anew at 10
        ([("intake", 10, 3, 0), ("intake", 12, 3, 0)], [[12, 800, 3, 9]]),  # no record stood at 10 and 11
        ([("intake", 10, 3, 0), ("intake", 800, 3, 0)], []),  # nor at any other: markers of transactions
        ([("intake", 10, None, 0), ("zone", 12, 7, 0)], [[10, 800, None, 9]]),
        ([], [[10, 800, None, 9]]),
    ],
)
def test_earlier_pulses_know_what_was_read_last_and_what_was_no_record(pulses: Any, lost: Any) -> None:
    bus = FakeBus()
    bus.put(Message(topics.BOOKS, b"pulse:old", b'{"partitions": [{"group": "intake"}]}'))  # another version's
    for group, absorbed, at_ms, unsaved_s in pulses:
        row = {"group": group, "topic": SOURCE.topic, "partition": 0, "absorbed": absorbed, "unsaved_s": unsaved_s}
        pulse = {"partitions": [row | {"absorbed_at_ms": at_ms}, row | {"partition": 1, "absorbed": 999}]}
        bus.put(Message(topics.BOOKS, f"pulse:{group}".encode(), json.dumps(pulse).encode()))
    assert looked_after(800, (SOURCE, at(10, None), 800, 9), bus=bus) == lost


class SlowBus(FakeBus):
    """A bus that takes a while to read: others have their turn meanwhile."""

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        for _ in range(10):
            await asyncio.sleep(0)
        return await super().read_all(topic, partition, offset)


def test_no_pulse_says_that_nothing_is_left_while_a_loss_is_being_booked() -> None:
    """Offsets 800 to 849 were deleted; when the one before came is not known, so the pulses are read for it."""
    bus, made = SlowBus(), Missing(Stage(), "127.0.0.1:1", Counter())
    made._direct = Log(850)
    place = {"group": "intake", "topic": SOURCE.topic, "partition": 0, "absorbed": 850, "unsaved_s": 0}
    pulse = Message(topics.BOOKS, b"pulse:intake", json.dumps({"partitions": [place]}).encode(), 0)

    async def beat() -> None:
        await made.book(bus)
        await bus.send([pulse])

    async def story() -> None:
        made.note(SOURCE, at(800, None), 850, -1)
        await asyncio.gather(made.book(bus), beat())

    asyncio.run(story())
    (first, _) = bus.log(topics.BOOKS)
    book = json.loads(first.value or b"")
    assert (book["from_offset"], book["to_offset"]) == (800, 850)
