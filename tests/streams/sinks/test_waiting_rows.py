"""A refused batch is halved until each refused item stands alone; everything else is written."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import MetricFrame
from streams.errors import FrameError, RowsRefusedError, UnreachableError
from streams.sinks.history.waiting import Held, Waiting, salvage, unspilled
from tests.streams.sinks.rows import START_MS, row, rows_of


class Store:
    """Takes numbers, all of a call or none, and refuses some."""

    def __init__(self, poison: set[int], tells: bool) -> None:
        self.taken: list[int] = []
        self.calls = 0
        self._poison = poison
        self._tells = tells

    def write(self, first: int, last: int) -> None:
        self.calls += 1
        bad = self._poison.intersection(range(first, last))
        if bad:
            raise RowsRefusedError("no", len(bad) if self._tells else None)
        self.taken += range(first, last)


@hypothesis.given(
    count=strategies.integers(0, 70), poison=strategies.sets(strategies.integers(0, 69)), tells=strategies.booleans()
)
def test_every_item_is_either_written_or_refused_once_and_in_order(count: int, poison: set[int], tells: bool):
    store = Store(poison, tells)
    refused = [place for place, _ in salvage(store.write, count)]
    assert refused == sorted(poison.intersection(range(count)))
    assert store.taken == [place for place in range(count) if place not in poison]


def test_one_refused_item_costs_few_calls():
    store = Store({777}, tells=False)
    salvage(store.write, 4096)
    assert store.calls == 25  # the whole, and two halves at each of 12 levels


def test_a_store_that_says_all_are_refused_is_believed():
    store = Store(set(range(4096)), tells=True)
    assert len(salvage(store.write, 4096)) == 4096
    assert store.calls == 1


def test_a_store_that_goes_away_meanwhile_ends_it():
    def write(first: int, last: int) -> None:
        if last - first > 1:
            raise RowsRefusedError("no")
        raise UnreachableError("away")

    with pytest.raises(UnreachableError):
        salvage(write, 4)


def held(offset: int, value: bytes | None, topic: str = topics.METRICS) -> Held:
    return Held(topic, 0, offset, b"k", value)


def test_a_batch_comes_back_from_the_disk_without_its_books():
    value = encode_metrics("c", MetricFrame("traffic", 0, rows_of(row(), row("S2")), START_MS))
    alarm = b'{"id": "a", "raised_at_ms": 5}'
    records = [
        held(7, value),
        held(0, b'{"n": 1}', topics.BOOKS),
        held(3, alarm, topics.ALARMS),
        held(4, None, topics.ALARMS),
    ]
    batch = Waiting()
    for record in records:
        batch.add(record)
    assert batch.size == 4
    assert list(unspilled([batch.spilled(), batch.spilled()])) == [records[0], *records[2:]] * 2
    assert batch.books_only().size == 0


@pytest.mark.parametrize("topic", [topics.METRICS, topics.BOOKS, topics.ALARMS])
def test_what_cannot_be_read_is_said_with_its_place(topic: str):
    batch = Waiting()
    with pytest.raises(FrameError, match=r"frame of metrics|offset 5"):
        batch.add(held(5, b"\xff", topic))
    assert batch.size == 0
