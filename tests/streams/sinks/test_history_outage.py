"""One suite for both stores: whatever happens to them, every committed row is there once, at its highest revision."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.broker import topics
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.sinks import troubles
from tests.streams.sinks.feed import SOURCE, Sent, at_rest, expected, frames, held, send, until
from tests.streams.sinks.rows import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.streams.sinks.influx_server import Door, Influxd

STOPPED_S = 300.0 if os.environ.get("CITYWALL_LONG") == "1" else 2.0


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    troubles.hurry(monkeypatch)


def check(address: str, sent: list[list[Sent]]) -> None:
    history = open_history(address, read_only=True)
    assert held(history) == expected(sent)
    history.close()


class Sink:
    """A history sink of a process that can end, on the topics and the disk of its city."""

    def __init__(self, address: str, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.bus = FakeBus()
        self._new = lambda: HistorySink(lambda: open_history(address), self.spill, clock)
        self._folder = folder / "spill"
        self.spill = Spill(self._folder)
        self.host = FakeHost(self._new(), self.bus)

    async def restart(self) -> None:
        self.spill.close()
        self.spill = Spill(self._folder)
        committed, self.host = self.host.committed, FakeHost(self._new(), self.bus)
        self.host.committed = committed
        await self.host.start()

    async def take(self, sent: list[list[Sent]]) -> None:
        """Send frames one by one, each with a tick."""
        for one in sent:
            send(self.bus, [one])
            await self.host.drain()
            await self.host.tick()

    @property
    def committed(self) -> int:
        return self.host.committed[SOURCE]

    def at_rest(self) -> bool:
        return at_rest(self.host, self.spill)


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted meanwhile"])
@pytest.mark.parametrize("name", troubles.NAMES)
def test_what_comes_while_the_store_is_in_trouble_is_committed_and_stored_later(
    name: str,
    restarted: bool,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    unique: str,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
):
    address, trouble = troubles.address_and_trouble(name, request, tmp_path, unique)
    sent = frames(60)
    sink = Sink(address, tmp_path, clock.seconds)

    async def story() -> None:
        await sink.host.start()
        await sink.take(sent[:20])
        assert sink.at_rest()
        with trouble():
            await sink.take(sent[20:40])
            assert sink.spill
            assert sink.committed == 40
            if restarted:
                await sink.restart()
        send(sink.bus, sent[40:])
        await until(sink.at_rest, sink.host, clock)

    with caplog.at_level(logging.WARNING, "citywall"):
        asyncio.run(story())
    sink.spill.close()
    check(address, sent)
    assert sink.bus.log(topics.DEAD_LETTERS) == []
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert ("A person must act" in said[0]) == (name in troubles.PERSONS)
    assert said[1] == "the history is back"


def test_a_server_that_asks_for_patience_is_not_asked_before(door: Door, tmp_path: Path, unique: str, clock: FakeClock):
    sink = Sink(f"{door.url}?org=citywall&bucket={unique}&token={TOKEN}&replay=1", tmp_path, clock.seconds)

    async def story() -> None:
        await sink.host.start()
        door.answer = troubles.ANSWERS["too many requests"]
        send(sink.bus, frames(3))
        await sink.host.drain()
        for seconds, asked in ((0.0, 1), (6.9, 1), (0.2, 2), (6.9, 2)):
            clock.advance(seconds)
            await sink.host.tick()
            assert door.refused == asked

    asyncio.run(story())
    sink.spill.close()


@pytest.mark.timeout(300)
def test_an_influxd_that_is_killed_while_it_is_written_to_has_every_committed_row(
    mortal_influxd: Influxd, tmp_path: Path, clock: FakeClock
):
    address = f"{mortal_influxd.url}?org=citywall&token={TOKEN}&replay=1"
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    chance = random.Random(seed)
    sent = frames(600, seed)
    sink = Sink(address, tmp_path, clock.seconds)

    async def story() -> None:
        await sink.host.start()
        for first in range(0, len(sent), 100):
            killing = threading.Timer(chance.random() * 0.3, mortal_influxd.kill)
            killing.start()
            await sink.take(sent[first : first + 100])
            killing.join()
            mortal_influxd.start()
            clock.advance(60)
        await until(sink.at_rest, sink.host, clock)

    asyncio.run(story())
    sink.spill.close()
    check(address, sent)


@pytest.mark.timeout(STOPPED_S + 120)
def test_an_influxd_that_is_stopped_for_minutes_gets_everything_by_the_clock_on_the_wall(
    mortal_influxd: Influxd, tmp_path: Path
):
    """2 s; with CITYWALL_LONG=1 5 min, with the real back-off either way."""
    address = f"{mortal_influxd.url}?org=citywall&token={TOKEN}&replay=1"
    sent = frames(10_000)
    sink = Sink(address, tmp_path)

    async def feed(for_s: float, number: int) -> int:
        until_s = time.monotonic() + for_s
        while time.monotonic() < until_s:
            await sink.take(sent[number : number + 1])
            number += 1
            await asyncio.sleep(sink.host.stage.tick_s / 5)
        return number

    async def story() -> int:
        await sink.host.start()
        number = await feed(0.5, 0)
        mortal_influxd.kill()
        number = await feed(STOPPED_S, number)
        assert sink.committed == number
        mortal_influxd.start()
        deadline = time.monotonic() + 60
        while not sink.at_rest():
            assert time.monotonic() < deadline
            number = await feed(0.1, number)
        return number

    number = asyncio.run(story())
    sink.spill.close()
    check(address, sent[:number])
