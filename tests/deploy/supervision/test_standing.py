"""Real workers on a real broker that stand still, each in its own way: seen, ended, replaced, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from deploy.embedded import kafka as embedded
from deploy.supervision import pulses
from deploy.supervision.child import EXIT_STILL, Plan
from deploy.supervision.process import start, stop, sweep, wait_open
from deploy.supervision.stack import tail_plan
from deploy.supervision.supervisor import Supervisor, read_state
from streams.health import watchdog
from tests.runs import run_of
from tests.topic import records_of

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 5.0
PATIENCE_S = 90.0


class Room:
    """A topic and its copy, and a data folder for the workers between them."""

    def __init__(self, kafka, data, name):
        self.kafka, self.data, self.topic = kafka, data, f"city.{name}"
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        one = {"num_partitions": 1, "replication_factor": 1, "configs": {}}
        admin.create_topics({self.topic: one, f"{self.topic}-out": one, **self._books(admin, one)})
        admin.close()
        (data / "logs").mkdir(parents=True)
        run_of(data, kafka=kafka).write()

    @staticmethod
    def _books(admin, one):
        return {} if "city.books.v1" in admin.list_topics() else {"city.books.v1": one}

    def command(self, parent, part="worker"):
        words = [str(parent), self.kafka, str(self.data), self.topic, part, str(LIMIT_S)]
        return [sys.executable, "-m", "tests.streams.standing_process", *words]

    def plan(self, part="worker"):
        return Plan(
            name=part, command=self.command(os.getpid(), part), needs_go=False, absorbs="worker", grace_s=2.0,
            env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def give(self, *values):
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        for value in values:
            producer.send(self.topic, value, partition=0).get(30)
        producer.close()

    def copied(self):
        """The values that a worker has sent on."""
        return {one.value for one in records_of(self.kafka, f"{self.topic}-out")}

    def log(self, part="worker"):
        return (self.data / "logs" / f"{part}.log").read_text(encoding="utf-8")


@pytest.fixture
def room(kafka, tmp_path, unique):
    return Room(kafka.address, tmp_path, unique)


@pytest.mark.parametrize(
    ("way", "said"),
    [("sleep", "is absorbed up to"), ("hang", "its event loop has not run for")],
)
def test_worker_that_stands_still_ends_itself_and_says_why(room, way, said):
    log = room.data / "logs" / "worker.log"
    process = start(room.command(os.getpid()), log, bind=False, env={"PYTHONPATH": str(ROOT)})
    try:
        room.give(b"1", way.encode(), b"2")
        assert process.wait(PATIENCE_S) == EXIT_STILL == watchdog.EXIT_STILL
    finally:
        stop(process, 1.0)
    assert said in room.log().splitlines()[-1]
    assert ("time.sleep(3600)" in room.log()) is (way == "hang")


@pytest.fixture
def supervised(room):
    """A supervisor with one worker and the tail reader, in this process."""
    supervisor = Supervisor(room.data, [], [room.plan()], lambda _: None, tail_plan(room.data))
    try:
        supervisor.start()
        supervisor.let_parts_go()
        yield supervisor
    finally:
        supervisor.stop()


def worker_of(room):
    return read_state(room.data).parts[0]


def absorbed(room):
    """What the worker's pulse says."""
    partitions = pulses.read(room.data)["worker"].partitions
    return partitions[0].absorbed if partitions else None


def supervise_until(supervisor, condition):
    deadline = time.monotonic() + PATIENCE_S

    def done():
        assert time.monotonic() < deadline, "it did not come true in time"
        return condition()

    supervisor.run_until(done)


def now_and_then(condition):
    """Ask a slow condition not ten times a second."""
    asked = [0.0]

    def ask():
        if time.monotonic() - asked[0] < 1.0:
            return False
        asked[0] = time.monotonic()
        return condition()

    return ask


def test_stopped_worker_with_lag_is_killed_and_replaced_and_nothing_is_lost(room, supervised):
    room.give(b"1")
    supervise_until(supervised, now_and_then(lambda: b"1" in room.copied()))
    supervise_until(supervised, lambda: absorbed(room) == 1)
    first = worker_of(room).pid
    os.kill(first, signal.SIGSTOP)
    room.give(b"2", b"3")
    supervise_until(supervised, now_and_then(lambda: room.copied() >= {b"1", b"2", b"3"}))
    part = worker_of(room)
    assert part.pid != first
    assert [end.still for end in part.ends] == [True]
    assert f"worker stands still on {room.topic}, partition 0, at 1 of 3" in part.ends[0].why


def test_stopped_worker_is_left_alone_while_nothing_waits_for_it(room, supervised):
    room.give(b"1")
    supervise_until(supervised, now_and_then(lambda: b"1" in room.copied()))
    supervise_until(supervised, lambda: absorbed(room) == 1)
    first = worker_of(room).pid
    os.kill(first, signal.SIGSTOP)
    over = time.monotonic() + 3 * LIMIT_S
    supervise_until(supervised, lambda: time.monotonic() > over)
    os.kill(first, signal.SIGCONT)
    room.give(b"2")
    supervise_until(supervised, now_and_then(lambda: b"2" in room.copied()))
    assert worker_of(room).pid == first


def test_worker_that_fetches_no_more_is_killed_and_replaced(room, supervised):
    room.give(b"1")
    supervise_until(supervised, now_and_then(lambda: b"1" in room.copied()))
    first = worker_of(room).pid
    room.give(b"deaf")
    supervise_until(supervised, lambda: "deaf from now on" in room.log())
    room.give(b"2")
    supervise_until(supervised, now_and_then(lambda: b"2" in room.copied()))
    part = worker_of(room)
    assert part.pid != first
    assert part.ends[0].still
    assert "worker stands still on" in part.ends[0].why


def test_worker_that_only_waits_for_a_processor_is_left_alone(room, supervised):
    """Its work takes several times its limit, for others want the processors too: it waits, and not in its own loop."""
    room.give(b"1")
    supervise_until(supervised, now_and_then(lambda: b"1" in room.copied()))
    first = worker_of(room).pid
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))]
    try:
        began_s = time.monotonic()
        room.give(b"work", b"2")
        supervise_until(supervised, lambda: absorbed(room) == 3)
        took_s = time.monotonic() - began_s
    finally:
        for one in busy:
            one.kill()
            one.wait()
    assert worker_of(room).pid == first
    assert took_s > LIMIT_S  # else the machine was not busy enough to show anything


def test_broker_that_is_away_kills_nobody_and_costs_two_lines(cache, tmp_path, unique):
    broker = embedded.embedded(tmp_path / "kafka", cache, print)
    log = tmp_path / "broker.log"
    process = start(broker.command, log, bind=True)
    try:
        assert wait_open(process, broker.port, embedded.START_S)
        room = Room(broker.address, tmp_path / "data", unique)
        supervisor = Supervisor(room.data, [], [room.plan()], lambda _: None, tail_plan(room.data))
        try:
            supervisor.start()
            supervisor.let_parts_go()
            room.give(b"1")
            supervise_until(supervisor, now_and_then(lambda: b"1" in room.copied()))
            first = worker_of(room).pid
            sweep(process)
            over = time.monotonic() + 20.0
            supervise_until(supervisor, lambda: time.monotonic() > over)
            process = start(broker.command, log, bind=True)
            supervise_until(supervisor, now_and_then(lambda: wait_open(process, broker.port, 0.1)))
            room.give(b"2")
            supervise_until(supervisor, now_and_then(lambda: b"2" in room.copied()))
            supervise_until(supervisor, lambda: "Kafka is back" in room.log() and "Kafka is back" in room.log("tail"))
            assert worker_of(room).pid == first
            assert len(room.log().splitlines()) == 2, room.log()
            assert len(room.log("tail").splitlines()) == 2, room.log("tail")
        finally:
            supervisor.stop()
    finally:
        stop(process, embedded.STOP_S)
