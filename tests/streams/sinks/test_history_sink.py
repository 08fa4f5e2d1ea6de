"""The history sink commits what the store holds, and keeps what comes while the store is away."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from streams.broker import topics
from streams.contract.alarm_events import INCIDENTS, AlarmsWanted
from streams.contract.records import ENDED
from streams.contract.stage import Message
from streams.sinks.history import sink
from streams.sinks.history.provisional import OpenWindows
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.sqlite import SqliteHistory
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.sinks.outage import Outage
from tests.streams.sinks.rows import START_MS, committed, frame, row, rows_of, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    NewSink = Callable[[], HistorySink]


def test_rows_are_committed_once_they_are_stored(stored: SqliteHistory, new_sink: NewSink):
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

    async def story() -> None:
        await host.start()
        frame(bus, row(minute=0))
        frame(bus)
        await host.drain()
        assert host.committed.total() == 0
        await host.tick()

    asyncio.run(story())
    assert seen(stored.read("tti_ratio")) == [("S1", 0, 1.5, 0)]
    assert committed(host, topics.METRICS) == 2


def test_many_rows_are_stored_without_waiting(
    stored: SqliteHistory, new_sink: NewSink, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sink, "BATCH_ROWS", 3)
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

    async def story() -> None:
        await host.start()
        for minute in range(3):
            frame(bus, row(minute=minute))
        await host.drain()

    asyncio.run(story())
    assert len(stored.read("tti_ratio")) == 3
    assert committed(host, topics.METRICS) == 3


def test_provisional_rows_go_once_the_window_is_final(stored: SqliteHistory, new_sink: NewSink):
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

    async def story() -> None:
        await host.start()
        frame(bus, row(value=1.0, revision=-1), row("S2", value=9.0, revision=-1), topic=topics.LIVE)
        frame(bus, row(value=1.1, revision=-1), topic=topics.LIVE)
        await host.drain()
        await host.tick()
        assert seen(stored.read("tti_ratio", provisional=True)) == [("S1", 0, 1.1, -1), ("S2", 0, 9.0, -1)]
        frame(bus, row(value=1.2))
        await host.drain()
        await host.tick()

    asyncio.run(story())
    assert seen(stored.read("tti_ratio", provisional=True)) == [("S1", 0, 1.2, 0), ("S2", 0, 9.0, -1)]


def test_a_provisional_row_is_stored_under_its_windows_start(stored: SqliteHistory, new_sink: NewSink):
    windows = OpenWindows()
    for seconds in (20, 40):
        rows = rows_of(row(value=seconds, revision=-1))
        windows.put(replace(rows, at_ms=rows.at_ms + seconds * 1000))
    stored.write(windows.take())
    assert seen(stored.read("tti_ratio", provisional=True)) == [("S1", 0, 40.0, -1)]
    assert len(windows.take()) == 0


def test_books_and_alarms_are_stored(stored: SqliteHistory, new_sink: NewSink):
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)
    alarm = {"id": "a1", "raised_at_ms": START_MS, "level": 2}

    async def story() -> None:
        await host.start()
        bus.put(Message(topics.BOOKS, b"intake:water:0", b'{"offset": 3}'))
        bus.put(Message(topics.ALARMS, b"a1", json.dumps(alarm).encode()))
        bus.put(Message(topics.ALARMS, b"a1", None))
        await host.drain()
        await host.tick()

    asyncio.run(story())
    assert stored.books() == {"intake:water:0": {"offset": 3}}
    assert stored.alarms(AlarmsWanted(), 100) == [alarm | {"closed": True}]


@pytest.mark.parametrize("away", [False, True], ids=["at once", "from the spill"])
def test_an_incident_is_stored_as_it_ended(
    stored: SqliteHistory, new_sink: NewSink, monkeypatch: pytest.MonkeyPatch, clock: FakeClock, away: bool
):
    bus, incident = FakeBus(), {"id": "i1", "opened_at_ms": START_MS, "level": 2}
    ended = json.dumps(incident | {"level": None}).encode()

    async def story() -> None:
        host = FakeHost(new_sink(), bus)
        await host.start()
        monkeypatch.setattr(Outage, "away", away)
        bus.put(Message(topics.INCIDENTS, b"i1", json.dumps(incident).encode()))
        bus.put(Message(topics.INCIDENTS, b"i1", None, headers=((ENDED, ended),)))
        for _ in range(2):
            await host.drain()
            await host.tick()
            monkeypatch.setattr(Outage, "away", False)
            clock.advance(60)

    asyncio.run(story())
    assert stored.alarms(AlarmsWanted(of=INCIDENTS), 9) == [incident | {"level": None, "closed": True}]
    assert stored.alarms(AlarmsWanted(), 9) == []


def test_what_cannot_be_read_is_left_out_and_said(
    stored: SqliteHistory, new_sink: NewSink, caplog: pytest.LogCaptureFixture
):
    bus = FakeBus()
    host = FakeHost(new_sink(), bus)

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
    assert len(caplog.records) == 6
    assert len(stored.read("tti_ratio")) == 1
    letters = [dict(letter.headers)["topic"].decode() for letter in bus.log(topics.DEAD_LETTERS)]
    wanted = [topics.ALARMS, topics.ALARMS, topics.BOOKS, topics.INCIDENTS, topics.METRICS]  # not of the live values
    assert sorted(letters) == wanted


def test_a_repeat_after_a_restart_changes_nothing(stored: SqliteHistory, new_sink: NewSink):
    bus = FakeBus()
    for minute, revision in ((0, 0), (0, 1), (1, 0)):
        frame(bus, row(minute=minute, value=float(revision), revision=revision))

    async def story() -> None:
        for _ in range(2):
            host = FakeHost(new_sink(), bus)
            await host.start()
            await host.drain()
            await host.tick()

    asyncio.run(story())
    assert seen(stored.read("tti_ratio")) == [("S1", 0, 1.0, 1), ("S1", 1, 0.0, 0)]
