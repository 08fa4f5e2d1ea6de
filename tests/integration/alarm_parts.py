"""What a command passes from the wall to its outcome, as processes: broker, engine, live sink and wall."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.embedded import kafka as embedded
from deploy.supervision.process import free_ports, start, stop, wait_open
from streams.broker.topics import ensure_topics
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.waiting import PROCESSES_WITHIN_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

    from deploy.config.run import Run
    from deploy.embedded.kafka import Kafka

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("alarms", "sinks_live", "wall")
BROKER = "kafka"


class Parts:
    """Started again whenever one has ended, as the supervisor does, while somebody waits for something."""

    def __init__(self, run: Run, broker: Kafka) -> None:
        self.run = run
        self._broker = broker
        self._running: dict[str, Popen[bytes]] = {}

    def begin(self, name: str) -> Popen[bytes]:
        part = [sys.executable, "-m", "deploy.parts", name, "--data", self.run.data]
        log = self.run.data_path / f"{name}.log"
        command = self._broker.command if name == BROKER else part
        self._running[name] = start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)})
        return self._running[name]

    def kill(self, name: str) -> None:
        os.kill(self._running[name].pid, signal.SIGKILL)
        stop(self._running[name], 0.0)

    def wait(self, done: Callable[[], object]) -> None:
        until(done, PROCESSES_WITHIN_S, meanwhile=self._supervise, said=self._logs)

    def _supervise(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                self.begin(name)

    def _logs(self) -> list[str]:
        return [log.read_text("utf-8")[-2000:] for log in self.run.data_path.glob("*.log")]

    def end(self) -> None:
        for process in reversed(self._running.values()):
            stop(process, 5.0)


@contextmanager
def alarm_parts(folder: Path, cache: Path, redis: str, segments: int) -> Iterator[Parts]:
    """Run them for as long as the block lasts, on a broker of their own: the engine's topics have fixed names."""
    write_small_city(folder / "city", segments)
    broker = embedded.embedded(folder / "kafka", cache, print)
    servers = {"kafka": broker.address, "redis": f"redis://{redis}/0", "history": folder / "history.sqlite"}
    run = run_of(folder, port=free_ports(1)[0], **servers)
    run.write()
    parts = Parts(run, broker)
    try:
        assert wait_open(parts.begin(BROKER), broker.port, embedded.START_S)
        ensure_topics(broker.address)
        for name in NAMES:
            parts.begin(name)
        yield parts
    finally:
        parts.end()
