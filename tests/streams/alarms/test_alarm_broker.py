"""The alarm engine as processes on a real broker: killed, stopped, taken over."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from deploy.embedded import kafka as embedded
from deploy.supervision.process import start, stop
from streams.broker.topics import ALARMS, COMMANDS, DETECTIONS, JOURNAL, ensure_topics
from streams.engine.run import EXIT_BROKEN
from tests.alerts.writing import acknowledge, detection, encoded, faults, names, opened_at
from tests.topic import records_of
from tests.waiting import PROCESSES_WITHIN_S, until

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[3]
AT_10 = opened_at(10)
GROUP = "citywall-alarms"


class Room:
    """A broker of its own, because the engine's topics have fixed names, and processes of the engine on it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.processes: list[Popen[bytes]] = []
        self.replaced = 0

    def engine(self, *options: str) -> Popen[bytes]:
        folder = self.folder / f"engine{len(self.processes)}"
        command = [sys.executable, "-m", "tests.streams.alarms.alarm_process", self.kafka, str(folder), *options]
        process = start(command, folder.with_suffix(".log"), bind=True, env={"PYTHONPATH": str(ROOT)})
        self.processes.append(process)
        return process

    def supervise(self) -> None:
        """Start again who ended with a sentence, as the supervisor does: a starved broker may not know all topics."""
        for _ in [one for one in self.processes if one.poll() == EXIT_BROKEN][self.replaced :]:
            self.engine()
            self.replaced += 1

    def give(self, topic: str, value: bytes) -> None:
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        producer.send(topic, value, b"k").get(30)
        producer.close()

    def values(self, topic: str) -> list[tuple[bytes, bytes | None]]:
        """Keys and values of a topic from its beginning to its end."""
        return [(one.key, one.value) for one in records_of(self.kafka, topic)]

    def rows(self) -> dict[str, dict]:
        newest = dict(self.values(ALARMS))
        return {key.decode(): json.loads(value) for key, value in newest.items() if value is not None}

    def members(self) -> int:
        """Members of the engines' group, once its topics are shared out."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        try:
            group = admin.describe_groups([GROUP])[GROUP]
        finally:
            admin.close()
        return len(group["members"]) if group["group_state"] == "Stable" else 0

    def journal(self) -> list[bytes]:
        return [value for _, value in self.values(JOURNAL)]

    def wait(self, done: Callable[[], bool]) -> None:
        until(done, PROCESSES_WITHIN_S, meanwhile=self.supervise, said=self.told)

    def told(self) -> tuple[list[bytes], str]:
        return self.journal(), "\n".join(log.read_text(encoding="utf-8") for log in self.folder.glob("*.log"))


@pytest.fixture
def room(tmp_path: Path, cache: Path) -> Iterator[Room]:
    with embedded.running(tmp_path / "kafka", cache) as broker:
        ensure_topics(broker.address)
        made = Room(broker.address, tmp_path)
        try:
            yield made
        finally:
            for process in made.processes:
                stop(process, 5)


def test_an_acknowledgement_survives_a_kill_between_journal_and_row(room: Room):
    dying = room.engine("die")
    room.give(DETECTIONS, encoded(detection(3, 10)))
    room.wait(lambda: AT_10 in room.rows())
    room.give(COMMANDS, encoded(acknowledge(AT_10)))
    room.wait(lambda: dying.poll() is not None)
    assert names(room.journal()) == ["raised", "acknowledge"]
    assert room.rows()[AT_10]["acknowledged"] is False
    room.engine()
    room.wait(lambda: room.rows()[AT_10]["acknowledged_by"] == "李敏")
    room.give(DETECTIONS, encoded(detection(0, 20)))
    room.wait(lambda: room.rows() == {})
    assert names(room.journal())[:3] == ["raised", "acknowledge", "cleared"]  # and "closed", if it came up within 5 s
    assert faults(room.journal()) == []


def test_another_process_takes_over_and_the_first_one_comes_back_to_no_harm(room: Room):
    first = room.engine()
    room.give(DETECTIONS, encoded(detection(3, 10)))
    room.wait(lambda: AT_10 in room.rows())
    room.engine()
    os.killpg(first.pid, signal.SIGSTOP)
    room.give(DETECTIONS, encoded(detection(2, 20)))
    room.wait(lambda: room.rows()[AT_10]["level"] == 2)
    os.killpg(first.pid, signal.SIGCONT)
    room.give(COMMANDS, encoded(acknowledge(AT_10, seen_level=2)))
    room.wait(lambda: room.rows()[AT_10]["acknowledged"])
    room.give(DETECTIONS, encoded(detection(0, 30)))
    room.wait(lambda: room.rows() == {})
    assert names(room.journal())[:4] == ["raised", "risen", "acknowledge", "cleared"]  # and "closed", as above
    assert faults(room.journal()) == []


def test_of_two_engines_one_has_all_topics_and_the_other_stands_by(room: Room):
    room.engine()
    room.give(DETECTIONS, encoded(detection(3, 10)))
    room.wait(lambda: AT_10 in room.rows())
    room.engine()
    room.wait(lambda: room.members() == 2)
    room.give(COMMANDS, encoded(acknowledge(AT_10)))
    room.wait(lambda: room.rows()[AT_10]["acknowledged"])
    assert [one.poll() for one in room.processes] == [None, None]
    os.killpg(room.processes[0].pid, signal.SIGKILL)
    room.give(DETECTIONS, encoded(detection(0, 30)))
    room.wait(lambda: room.rows() == {})
    assert faults(room.journal()) == []
