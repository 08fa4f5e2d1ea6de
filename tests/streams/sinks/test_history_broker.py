"""The history sink in its run loop on a real broker: full, it pauses and beats on, ends when told, and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.embedded import kafka as embedded
from deploy.supervision.process import end, start
from streams.broker import topics
from streams.contract.alarm_events import EventsWanted
from streams.engine.app import SESSION_S
from streams.errors import ServerError
from streams.sinks.history.sqlite import SqliteHistory
from tests.alerts.staging import lived
from tests.alerts.writing import acknowledge, detection, opened_at, undo
from tests.fakes import FakeBus
from tests.streams.sinks.feed import SOURCE, Sent, expected, frames, held, send
from tests.streams.sinks.troubles import locked
from tests.waiting import PROCESSES_WITHIN_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[3]
PIECE = 10
"""Frames."""


class Room:
    """A broker of its own, because the topics have fixed names, and one sink at a time on it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.path = folder / "history.sqlite"
        self.log = folder / "log"
        self.sent: list[list[Sent]] = []
        self.sink: Popen[bytes] | None = None
        self._rest = frames(1_000)

    def start(self) -> Popen[bytes]:
        self.log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.streams.sinks.history_part", self.kafka, str(self.folder)]
        self.sink = start(command, self.log, bind=True, env={"PYTHONPATH": str(ROOT)})
        return self.sink

    def give(self) -> None:
        """Send the next few frames."""
        some, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        bus = FakeBus()
        send(bus, some)
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        for record in bus.log(*SOURCE):
            producer.send(topics.METRICS, record.value, record.key).get(30)
        producer.close()
        self.sent += some

    def journal(self, bus: FakeBus) -> None:
        """Send the journal of what was lived on a bus."""
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        for record in bus.log(topics.JOURNAL):
            producer.send(topics.JOURNAL, record.value, record.key).get(30)
        producer.close()

    def events(self) -> list[str]:
        """What the history tells of alarms, the newest first; nothing while it is not there, or being made."""
        try:
            history = SqliteHistory(self.path, read_only=True)
        except ServerError:
            return []
        with contextlib.closing(history):
            return [one.what for one in history.alarm_events(EventsWanted(), 100)]

    def committed(self) -> int:
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, group_id="citywall-history")
        offset = consumer.committed(TopicPartition(*SOURCE))
        consumer.close()
        return offset or 0

    def pulse(self) -> dict[str, int]:
        """When it last beat, and how far the sink has come with the metrics."""
        try:
            pulse = json.loads((self.folder / "pulses" / "sinks_history.json").read_bytes())
        except FileNotFoundError:
            return {"at_ms": 0, "absorbed": 0}
        one = [row for row in pulse["partitions"] if row["topic"] == topics.METRICS]
        return {"at_ms": pulse["at_ms"], "absorbed": one[0]["absorbed"] if one else 0}

    def full(self) -> bool:
        return "the spill takes no more" in self.log.read_text(encoding="utf-8")

    def wait(self, done: Callable[[], bool]) -> None:
        until(done, PROCESSES_WITHIN_S, said=lambda: (self.pulse(), self.log.read_text(encoding="utf-8")))


@pytest.fixture
def room(tmp_path: Path, cache: Path) -> Iterator[Room]:
    with embedded.running(tmp_path / "kafka", cache) as broker:
        topics.ensure_topics(broker.address)
        made = Room(broker.address, tmp_path)
        try:
            yield made
        finally:
            if made.sink is not None:
                end(made.sink, 0)


def fill(room: Room) -> None:
    """Send until it takes no more, and more than that."""
    while not room.full():
        room.give()
        room.wait(lambda: room.full() or room.pulse()["absorbed"] == len(room.sent))
    for _ in range(3):
        room.give()


def standstill(room: Room) -> int:
    """Wait until it absorbs nothing for longer than its session lasts, and beats on meanwhile → how far it is."""
    before = room.pulse()

    def judged() -> bool:
        now = room.pulse()
        return now["absorbed"] != before["absorbed"] or now["at_ms"] > before["at_ms"] + 1.5 * SESSION_S * 1000

    while True:
        room.wait(judged)
        now = room.pulse()
        if now["absorbed"] == before["absorbed"]:
            return now["absorbed"]
        before = now


def test_a_full_sink_pauses_and_loses_nothing_whatever_ends_it(room: Room):
    first = room.start()
    room.give()
    room.wait(lambda: room.committed() == len(room.sent))
    with locked(room.path):
        fill(room)
        absorbed = standstill(room)
        assert absorbed < len(room.sent)
        assert PIECE < room.committed() <= absorbed
        first.terminate()
        room.wait(lambda: first.poll() is not None)  # it is not stuck in a chunk that it cannot take
        end(first, 0)
        second = room.start()
        room.wait(room.full)
        second.kill()
        end(second, 0)
        assert room.committed() < len(room.sent)
        room.start()
        room.wait(room.full)
    room.wait(lambda: room.committed() == len(room.sent))
    room.wait(lambda: not list((room.folder / "spill").glob("*.segment")))
    history = SqliteHistory(room.path, read_only=True)
    assert held(history) == expected(room.sent)
    history.close()
    said = room.log.read_text(encoding="utf-8")
    assert said.count("] the history is back") == 1
    assert said.count("Keeping what comes") <= 1


def test_a_history_that_was_removed_gets_the_events_of_alarms_again(room: Room):
    bus = FakeBus()
    at_10 = opened_at(10)
    asyncio.run(lived(bus, detection(3, 10), acknowledge(at_10), undo("k1", "k2")))
    room.journal(bus)
    found = ["undo", "acknowledge", "raised"]
    first = room.start()
    room.wait(lambda: room.events() == found)
    first.kill()
    end(first, 0)
    for path in room.folder.glob("history.sqlite*"):
        path.unlink()
    room.start()
    room.wait(lambda: room.events() == found)
