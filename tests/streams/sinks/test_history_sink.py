"""The history sink commits what the store holds, and keeps what comes while the store is away."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streams import topics
from streams.engine.stage import Message
from streams.errors import UnreachableError
from streams.metric_codec import encode_metrics
from streams.records import MetricFrame, Rows
from streams.sinks.history import sink
from streams.sinks.history.provisional import OpenWindows
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.sqlite import SqliteHistory
from tests.fakes import FakeBus, FakeHost
from tests.streams.sinks.rows import START_MS, row, rows_of, seen

if TYPE_CHECKING:
    from collections.abc import Iterator


class Outage(SqliteHistory):
    """A SQLite history whose server can be taken away."""

    away = False

    def write(self, rows: Rows) -> None:
        if self.away:
            raise UnreachableError("the history is away")
        super().write(rows)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Outage]:
    opened = Outage(tmp_path / "history.sqlite")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _everything_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVISIONAL_EVERY_S", "PRUNE_EVERY_S", "RETRY_FIRST_S", "RETRY_LAST_S"):
        monkeypatch.setattr(sink, name, 0.0)


def frame(bus: FakeBus, *rows: tuple[Any, ...], topic: str = topics.METRICS) -> None:
    sent = MetricFrame("traffic", 0, rows_of(*rows) if rows else Rows.empty(), START_MS)
    bus.put(Message(topic, b"Z1", encode_metrics("c", sent)))


def committed(host: FakeHost, topic: str) -> int:
    return next(count for one, count in host.committed.items() if one.topic == topic)


def test_rows_are_committed_once_they_are_stored(history: Outage):
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)

    async def story() -> None:
        await host.start()
        frame(bus, row(minute=0))
        frame(bus)
        await host.drain()
        assert host.committed.total() == 0
        await host.tick()

    asyncio.run(story())
    assert seen(history.read("tti_ratio")) == [("S1", 0, 1.5, 0)]
    assert committed(host, topics.METRICS) == 2


def test_many_rows_are_stored_without_waiting(history: Outage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sink, "BATCH_ROWS", 3)
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)

    async def story() -> None:
        await host.start()
        for minute in range(3):
            frame(bus, row(minute=minute))
        await host.drain()

    asyncio.run(story())
    assert len(history.read("tti_ratio")) == 3
    assert committed(host, topics.METRICS) == 3


def test_provisional_rows_go_once_the_window_is_final(history: Outage):
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)

    async def story() -> None:
        await host.start()
        frame(bus, row(value=1.0, revision=-1), row("S2", value=9.0, revision=-1), topic=topics.LIVE)
        frame(bus, row(value=1.1, revision=-1), topic=topics.LIVE)
        await host.drain()
        await host.tick()
        assert seen(history.read("tti_ratio", provisional=True)) == [("S1", 0, 1.1, -1), ("S2", 0, 9.0, -1)]
        frame(bus, row(value=1.2))
        await host.drain()
        await host.tick()

    asyncio.run(story())
    assert seen(history.read("tti_ratio", provisional=True)) == [("S1", 0, 1.2, 0), ("S2", 0, 9.0, -1)]


def test_a_provisional_row_is_stored_under_its_windows_start(history: Outage):
    windows = OpenWindows()
    for seconds in (20, 40):
        rows = rows_of(row(value=seconds, revision=-1))
        windows.put(replace(rows, at_ms=rows.at_ms + seconds * 1000))
    history.write(windows.take())
    assert seen(history.read("tti_ratio", provisional=True)) == [("S1", 0, 40.0, -1)]
    assert len(windows.take()) == 0


def test_books_and_alarms_are_stored(history: Outage):
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)
    alarm = {"id": "a1", "raised_at_ms": START_MS, "level": 2}

    async def story() -> None:
        await host.start()
        bus.put(Message(topics.BOOKS, b"intake:water:0", b'{"offset": 3}'))
        bus.put(Message(topics.ALARMS, b"a1", json.dumps(alarm).encode()))
        bus.put(Message(topics.ALARMS, b"a1", None))
        await host.drain()
        await host.tick()

    asyncio.run(story())
    assert history.books() == {"intake:water:0": {"offset": 3}}
    assert history.alarms(0, 2**62) == [alarm | {"closed": True}]


def test_what_comes_while_the_store_is_away_is_stored_later(history: Outage, caplog: pytest.LogCaptureFixture):
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)

    async def story() -> None:
        await host.start()
        history.away = True
        for minute in range(3):
            frame(bus, row(minute=minute))
            await host.drain()
            await host.tick()
        assert host.committed.total() == 0
        history.away = False
        await host.tick()

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    assert [one[1] for one in seen(history.read("tti_ratio"))] == [0, 1, 2]
    assert committed(host, topics.METRICS) == 3
    assert len(caplog.records) == 2
    assert caplog.records[-1].getMessage() == "the history is back"


def test_too_much_waiting_ends_the_process(history: Outage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sink, "ROWS_IN_MEMORY", 2)
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)
    history.away = True

    async def story() -> None:
        await host.start()
        frame(bus, *(row(minute=minute) for minute in range(3)))
        await host.drain()
        await host.tick()

    with pytest.raises(UnreachableError, match="3 rows wait"):
        asyncio.run(story())


def test_what_cannot_be_read_is_left_out_and_said(history: Outage, caplog: pytest.LogCaptureFixture):
    bus = FakeBus()
    host = FakeHost(HistorySink(history), bus)

    async def story() -> None:
        await host.start()
        for topic in HistorySink.topics:
            bus.put(Message(topic, b"k", b"\xff not ours"))
        bus.put(Message(topics.ALARMS, b"a", b"{}"))
        frame(bus, row())
        await host.drain()
        await host.tick()

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    assert len(caplog.records) == 5
    assert len(history.read("tti_ratio")) == 1


def test_a_repeat_after_a_restart_changes_nothing(history: Outage):
    bus = FakeBus()
    for minute, revision in ((0, 0), (0, 1), (1, 0)):
        frame(bus, row(minute=minute, value=float(revision), revision=revision))

    async def story() -> None:
        for _ in range(2):
            host = FakeHost(HistorySink(history), bus)
            await host.start()
            await host.drain()
            await host.tick()

    asyncio.run(story())
    assert seen(history.read("tti_ratio")) == [("S1", 0, 1.0, 1), ("S1", 1, 0.0, 0)]
