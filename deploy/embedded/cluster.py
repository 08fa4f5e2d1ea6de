"""Several embedded brokers as one cluster on loopback: each one broker and controller, three copies of everything.

Any one of three may end at any time: a write waits for two, and what the lost one led is led by another once the
controllers have missed it for its session.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.embedded import jars
from deploy.embedded.kafka import START_S, STOP_S, Kafka
from deploy.supervision.process import free_ports, is_open, start, stop
from streams.errors import UnreachableError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOG = "broker.log"

SETTINGS = {
    "broker.session.timeout.ms": "3000",
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.election.backoff.max.ms": "500",
}
"""A lost broker is missed, even where it led the controllers, within the 6 s after which a part's work goes elsewhere.
A busy machine may take a living one for lost: here the two others go on, and it comes back by itself."""


@dataclass
class Cluster:
    """Brokers and their processes. Invariant: at most one process of each broker exists."""

    brokers: list[Kafka]
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    """Node → its process."""

    @property
    def address(self) -> str:
        """HOST:PORT,… of all brokers for clients."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self, node: int) -> None:
        """Start a broker that does not run; call it from the main thread."""
        broker = self.brokers[node - 1]
        self.running[node] = start(broker.command, broker.folder / LOG, bind=True)

    def kill(self, node: int) -> None:
        """End a broker by SIGKILL and wait until it is gone."""
        process = self.running.pop(node)
        process.kill()
        stop(process, STOP_S)

    def wait(self, timeout_s: float = START_S) -> None:
        """Wait until every broker listens.

        Raises UnreachableError when one does not.
        """
        deadline = time.monotonic() + timeout_s
        for broker in self.brokers:
            while not is_open(broker.port):
                if self.running[broker.node].poll() is not None or time.monotonic() > deadline:
                    raise UnreachableError(f"broker {broker.node} did not start; {broker.folder / LOG} says why")
                time.sleep(0.05)

    def stop(self) -> None:
        """End all brokers at once: one that stops cleanly would wait for those that are gone."""
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            stop(process, STOP_S)
        self.running.clear()


@contextmanager
def running_cluster(
    folder: Path,
    cache: Path,
    brokers: int = 3,
    report: Callable[[str], None] = print,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Run that many brokers for as long as the block lasts: for tests."""
    class_path = tuple(jars.fetch(cache, report))
    ports = free_ports(2 * brokers)
    quorum = tuple(ports[brokers:])
    chosen = SETTINGS | dict(settings or {})
    cluster = Cluster(
        [
            Kafka(folder / f"broker{node}", ports[node - 1], quorum[node - 1], class_path, node, quorum, chosen)
            for node in range(1, brokers + 1)
        ]
    )
    try:
        for broker in cluster.brokers:
            broker.prepare()
            cluster.start(broker.node)
        cluster.wait()
        yield cluster
    finally:
        cluster.stop()
