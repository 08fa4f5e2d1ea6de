"""The notifiers as a part: started only where there is a route; killed on a real broker, and started again."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from kafka import KafkaProducer

from alerts.notifiers.routes import Notifiers, Route
from deploy.embedded import kafka as embedded
from deploy.supervision import stack
from deploy.supervision.process import start, stop
from streams.broker.topics import ALARMS, NOTIFICATIONS, ensure_topics
from tests.alerts.notifiers.telling import row
from tests.receiving import endpoint
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.topic import records_of
from tests.waiting import PROCESSES_WITHIN_S, until

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_started_only_where_the_settings_have_a_route(tmp_path):
    plain = [one.name for one in stack.part_plans(tmp_path, 1, {}, without=("notifiers",))]
    assert [one.name for one in stack.part_plans(tmp_path, 1, {}) if one.name not in plain] == ["notifiers"]


class Part:
    """The part on a broker of its own."""

    def __init__(self, folder, kafka, url):
        self.kafka, self.folder, self.starts = kafka, folder, 0
        write_small_city(folder / "city", segments=1)
        self.configure(url)

    def configure(self, url):
        """Write the settings with which it starts next."""
        route = Route(name="hook", channel="webhook", url=url, group_wait_s=0, end_wait_s=0)
        run_of(self.folder, mode="simulated", kafka=self.kafka, notifiers=Notifiers(routes=(route,))).write()

    def begin(self):
        self.starts += 1
        self.log = self.folder / f"{self.starts}.log"
        command = [sys.executable, "-m", "deploy.parts", "notifiers", "--data", str(self.folder)]
        self.process = start(command, self.log, bind=True, env={"PYTHONPATH": str(ROOT)})

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        stop(self.process, 0.0)

    def give(self, number, value):
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        producer.send(ALARMS, value, f"a{number}".encode()).get(30)
        producer.close()

    def states(self):
        return [json.loads(one.value)["state"] for one in records_of(self.kafka, NOTIFICATIONS)]

    def wait(self, done):
        until(done, PROCESSES_WITHIN_S, meanwhile=self.supervise, said=lambda: self.log.read_text(encoding="utf-8"))

    def supervise(self):
        if self.process.poll() is not None:  # a starved broker gives topics no leader: the supervisor starts again
            self.begin()


@pytest.mark.timeout(900)
def test_killed_and_started_again_it_repeats_nothing_confirmed_and_forgets_nothing(tmp_path, cache):
    with embedded.running(tmp_path / "kafka", cache) as broker, endpoint() as receiver:
        ensure_topics(broker.address)
        part = Part(tmp_path, broker.address, receiver.address)
        part.begin()
        try:
            part.give(1, json.dumps(row(number=1)).encode())
            part.wait(lambda: part.states() == ["delivered"])
            receiver.answers = [(200, {}, 60)]  # it hangs, and the process is killed meanwhile
            part.give(2, json.dumps(row(number=2, level=1)).encode())
            part.wait(lambda: len(receiver.posted) == 2)
            part.kill()
            part.begin()
            part.wait(lambda: part.states() == ["delivered"] * 2)
            part.give(1, None)
            part.wait(lambda: part.states() == ["delivered"] * 3)
        finally:
            stop(part.process, 5.0)
    posted = [
        (body["message"], body["alarms"][0]["what"], body["alarms"][0]["alarm"]) for _, body, _ in receiver.posted
    ]
    assert [one[1:] for one in posted] == [("raised", "a1"), ("raised", "a2"), ("raised", "a2"), ("ended", "a1")]
    assert posted[1] == posted[2]
    assert all(body["exercise"] and body["text"].startswith("【演练】") for _, body, _ in receiver.posted)
    logs = "".join(log.read_text(encoding="utf-8") for log in tmp_path.glob("*.log"))
    assert "topsecret" not in logs


@pytest.mark.timeout(900)
def test_what_a_wrong_token_kept_back_goes_out_when_it_starts_with_the_right_one(tmp_path, cache):
    with embedded.running(tmp_path / "kafka", cache) as broker, endpoint() as receiver:
        ensure_topics(broker.address)
        part = Part(tmp_path, broker.address, receiver.address.replace("topsecret", "wrong"))
        receiver.answers = [(401, {}, 0)]
        part.begin()
        try:
            part.give(1, json.dumps(row(number=1)).encode())
            part.wait(lambda: part.states() == ["held"])
            part.kill()
            part.give(2, json.dumps(row(number=2)).encode())
            part.configure(receiver.address)
            part.begin()
            part.wait(lambda: part.states().count("delivered") == 2)
        finally:
            stop(part.process, 5.0)
    taken = [one["alarm"] for _, body, status in receiver.posted if status == 200 for one in body["alarms"]]
    assert sorted(taken) == ["a1", "a2"]
