"""How long work waits when a worker or the broker is killed: `python -m tests.bench.takeover [KILLS]`.

Two workers under the real supervisor share two partitions of a topic, to which ten records a second go. One is killed:
the longest wait of a record that was sent from then on. Then the broker is killed and started again 10 s later: how
long after its port is open the first copy comes. Each worker copies; what is missing at the end is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from deploy.config import settings
from deploy.embedded import kafka as embedded
from deploy.supervision.child import Plan
from deploy.supervision.process import is_open, start, stop, sweep
from deploy.supervision.stack import tail_plan
from deploy.supervision.supervisor import Supervisor
from tests.runs import run_of

TOPIC = "city.takeover"
OUT = f"{TOPIC}-out"
EVERY_S = 0.1
SETTLE_S = 12.0
WATCHED_S = 20.0
AWAY_S = 10.0
RECONNECT = {"reconnect_backoff_max_ms": 100, "retry_backoff_ms": 50}


class Copies:
    """Sends numbered records to both partitions for as long as the block lasts, and notes when their copies come."""

    def __init__(self, kafka: str) -> None:
        self.sent_s: dict[bytes, float] = {}
        self.came_s: dict[bytes, float] = {}
        self._ended = threading.Event()
        self._kafka = kafka
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._read)]

    def __enter__(self) -> Copies:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def longest_wait_s(self, from_s: float, until_s: float) -> float:
        """The longest wait among the records sent in a time; infinite when one has not come yet."""
        sent = [(key, at) for key, at in list(self.sent_s.items()) if from_s <= at <= until_s]
        return max(self.came_s.get(key, float("inf")) - at for key, at in sent)

    def first_after_s(self, from_s: float) -> float | None:
        """When the first copy came that came after a time."""
        return min((at for at in list(self.came_s.values()) if at >= from_s), default=None)

    def missing(self, until_s: float) -> int:
        """How many of those sent before a time have not come."""
        return len({key for key, at in list(self.sent_s.items()) if at < until_s} - self.came_s.keys())

    def _send(self) -> None:
        producer = KafkaProducer(bootstrap_servers=self._kafka, acks="all", **RECONNECT)
        number = 0
        while not self._ended.wait(EVERY_S):
            for partition in (0, 1):
                key = f"{number}:{partition}".encode()
                self.sent_s[key] = time.monotonic()
                producer.send(TOPIC, key, partition=partition)
            number += 1
        producer.close(timeout=10)

    def _read(self) -> None:
        consumer = KafkaConsumer(bootstrap_servers=self._kafka, auto_offset_reset="earliest", **RECONNECT)
        consumer.assign([TopicPartition(OUT, 0)])
        while not self._ended.is_set():
            for run in consumer.poll(50).values():
                for record in run:
                    self.came_s.setdefault(record.value, time.monotonic())
        consumer.close()


def main(kills: int) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="takeover-"))
    broker = embedded.embedded(folder / "kafka", settings.cache_home(), print)
    serving = start(broker.command, folder / "broker.log", bind=True)
    try:
        _wait_open(broker.port)
        _prepare(broker.address, folder)
        supervisor = Supervisor(folder, [], _plans(broker.address, folder), lambda _: None, tail_plan(folder))
        with contextlib.ExitStack() as last:
            last.callback(supervisor.stop)
            copies = last.enter_context(Copies(broker.address))
            supervisor.start()
            supervisor.let_parts_go()
            _pass(supervisor, 2 * SETTLE_S)
            for number in range(kills):
                print(f"worker killed: {_kill_worker(supervisor, copies, number % 2):.1f} s", flush=True)
            sweep(serving)
            _pass(supervisor, AWAY_S)
            serving = start(broker.command, folder / "broker.log", bind=True)
            print(f"broker back: {_broker_back(supervisor, copies, broker.port):.1f} s", flush=True)
            back_s = time.monotonic()
            _pass(supervisor, SETTLE_S)
            print(f"lost: {copies.missing(back_s)}; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    finally:
        stop(serving, embedded.STOP_S)


def _prepare(kafka: str, data: Path) -> None:
    (data / "logs").mkdir()
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    counts = {TOPIC: 2, OUT: 1, "city.books.v1": 1}
    admin.create_topics({name: {"num_partitions": count, "replication_factor": 1} for name, count in counts.items()})
    admin.close()
    run_of(data, kafka=kafka).write()


def _plans(kafka: str, data: Path) -> list[Plan]:
    command = [sys.executable, "-m", "tests.streams.standing_process", str(os.getpid()), kafka, str(data), TOPIC]
    return [
        Plan(name=name, command=[*command, name, "30"], needs_go=False, absorbs="worker")
        for name in ("worker", "worker-2")
    ]


def _kill_worker(supervisor: Supervisor, copies: Copies, number: int) -> float:
    at_s = time.monotonic()
    pid = supervisor.pid_of(("worker", "worker-2")[number])
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    _pass(supervisor, WATCHED_S)
    return copies.longest_wait_s(at_s, at_s + WATCHED_S / 2)


def _broker_back(supervisor: Supervisor, copies: Copies, port: int) -> float:
    supervisor.run_until(lambda: is_open(port))
    open_s = time.monotonic()
    supervisor.run_until(lambda: copies.first_after_s(open_s) is not None or time.monotonic() > open_s + WATCHED_S)
    first_s = copies.first_after_s(open_s)
    return float("inf") if first_s is None else first_s - open_s


def _pass(supervisor: Supervisor, seconds: float) -> None:
    until = time.monotonic() + seconds
    supervisor.run_until(lambda: time.monotonic() > until)


def _wait_open(port: int) -> None:
    until = time.monotonic() + embedded.START_S
    while not is_open(port):
        if time.monotonic() > until:
            raise SystemExit("the broker did not start")
        time.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
