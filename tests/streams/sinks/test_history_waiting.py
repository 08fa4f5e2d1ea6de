"""A store that is away or refuses: what comes is kept on disk, then left to Kafka; a refused row holds up no other."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.broker import topics
from streams.contract.alarm_events import AlarmsWanted
from streams.contract.records import ROW_TYPES
from streams.contract.stage import Message, TopicPartition
from streams.errors import UnreachableError
from streams.sinks.history import sink
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.sinks.outage import Outage
from tests.streams.sinks.rows import START_MS, committed, frame, row, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    NewSink = Callable[[], HistorySink]


def test_what_comes_while_the_store_is_away_is_committed_once_it_is_on_the_disk(
    stored: SqliteHistory,
    new_sink: NewSink,
    spill: Spill,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
):
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

    async def story() -> None:
        await host.start()
        Outage.away = True
        for minute in range(3):
            frame(bus, row(minute=minute))
            bus.put(Message(topics.BOOKS, b"k", b'{"minute": %d}' % minute))
            await host.drain()
            await host.tick()
            assert committed(host, topics.METRICS) == minute + 1
        assert spill
        assert host.committed[TopicPartition(topics.BOOKS, 0)] == 0  # not spilled: Kafka keeps the newest
        Outage.away = False
        await host.tick()
        assert len(stored.read("tti_ratio")) == 0  # it is not tried before its time
        clock.advance(10)
        await host.tick()

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    assert [one[1] for one in seen(stored.read("tti_ratio"))] == [0, 1, 2]
    assert not spill
    assert stored.books() == {"k": {"minute": 2}}
    assert committed(host, topics.BOOKS) == 3
    assert len(caplog.records) == 2
    assert caplog.records[-1].getMessage() == "the history is back"


def test_a_store_that_is_away_at_the_start_is_no_reason_to_end(
    stored: SqliteHistory, new_sink: NewSink, clock: FakeClock, spill: Spill
):
    bus = FakeBus()

    def refuse() -> SqliteHistory:
        raise UnreachableError("nobody there")

    async def story() -> None:
        first = FakeHost(HistorySink(refuse, spill, clock.seconds, lambda: 1.0), bus)
        await first.start()
        frame(bus, row())
        await first.drain()
        await first.tick()
        assert first.committed.total() == 1
        second = FakeHost(new_sink(), bus)
        second.committed = first.committed  # so it does not read the frame again
        await second.start()
        await second.tick()

    asyncio.run(story())
    assert seen(stored.read("tti_ratio")) == [("S1", 0, 1.5, 0)]


def test_alarms_keep_their_order_through_the_spill(
    stored: SqliteHistory, new_sink: NewSink, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sink, "BATCH_ROWS", 1)  # each is stored at once where it can be
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)
    alarm = {"id": "a1", "raised_at_ms": START_MS, "level": 2}

    async def story() -> None:
        await host.start()
        Outage.away = True
        frame(bus, row())
        bus.put(Message(topics.ALARMS, b"a1", json.dumps(alarm).encode()))
        await host.drain()
        Outage.away = False
        clock.advance(10)
        bus.put(Message(topics.ALARMS, b"a1", json.dumps(alarm | {"level": 1}).encode()))
        await host.drain()  # it must not overtake the one that waits on the disk
        await host.tick()
        assert stored.alarms(AlarmsWanted(), 100) == [alarm | {"level": 1, "closed": False}]
        bus.put(Message(topics.ALARMS, b"a1", None))
        await host.drain()

    asyncio.run(story())
    assert stored.alarms(AlarmsWanted(), 100) == [alarm | {"level": 1, "closed": True}]


def test_a_full_spill_leaves_the_rest_to_kafka(
    stored: SqliteHistory,
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(sink, "BATCH_ROWS", 2)
    bus = FakeBus()
    spill = Spill(tmp_path / "small", 6_000)  # one frame takes some 2,500
    host = FakeHost(HistorySink(lambda: Outage(tmp_path / "history.sqlite"), spill, clock.seconds, lambda: 1.0), bus)

    async def story() -> None:
        await host.start()
        Outage.away = True
        for minute in range(20):
            frame(bus, row(minute=minute))
        while await host.deliver(topics.METRICS, at_most=1):
            await host.tick()
        taken = host.positions[TopicPartition(topics.METRICS, 0)]
        kept = committed(host, topics.METRICS)
        assert 0 < kept < taken < 21
        assert taken - kept <= 2  # memory holds a batch at most
        assert spill.size_bytes <= 6_000
        assert host.stage.waits() == "the history"
        Outage.away = False
        clock.advance(10)
        for _ in range(20):
            await host.tick()
            await host.deliver(topics.METRICS, at_most=1)

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    spill.close()
    assert [one[1] for one in seen(stored.read("tti_ratio"))] == list(range(20))
    assert [record.getMessage()[:24] for record in caplog.records] == [
        "the history is away. Kee",
        "the spill takes no more ",
        "the history is back",
    ]


def test_a_refused_row_stands_alone_in_the_dead_letters(
    stored: SqliteHistory, new_sink: NewSink, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Outage, "poison", frozenset({"S3", "S6"}))
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

    async def story() -> None:
        await host.start()
        frame(bus, *(row(f"S{i}", minute=0) for i in range(4)))
        frame(bus, *(row(f"S{i}", minute=1) for i in range(4, 8)))
        await host.drain()
        await host.tick()

    asyncio.run(story())
    assert [one[0] for one in seen(stored.read("tti_ratio"))] == ["S0", "S1", "S2", "S4", "S5", "S7"]
    letters = bus.log(topics.DEAD_LETTERS)
    headers = [{name: value.decode() for name, value in letter.headers} for letter in letters]
    assert [(one["offset"], one["place"]) for one in headers] == [("0", "3"), ("1", "2")]
    assert {(one["topic"], one["reason"], one["detail"]) for one in headers} == {
        (topics.METRICS, "refused_by_history", "the history does not like it")
    }
    assert json.loads(letters[0].value) == dict(zip(ROW_TYPES, row("S3"), strict=True))
    assert committed(host, topics.METRICS) == 2
    counts = {"stored": 6, "expired": 0, "dead_lettered": {"refused_by_history": 2}}
    assert host.stage.books() == {"history": {"away": False, "spilled_bytes": 0, "counts": counts}}
