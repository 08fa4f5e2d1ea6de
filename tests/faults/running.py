"""A whole city in processes of its own, `citywall up`, that a test may maltreat."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from deploy.config import run as runs
from deploy.supervision import logfiles, process, pulses, replaying
from deploy.supervision.supervisor import read_state
from tests.faults import day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.config.run import Run
    from deploy.supervision.supervisor import PartState

ROOT = Path(__file__).resolve().parents[2]
SKEW = Path(__file__).with_name("skew")
UP_WITHIN_S = 120.0
THROUGH_WITHIN_S = 240.0
QUIET_S = 3.0
LOOK_EVERY_S = 0.25
END_WITHIN_S = 60.0
NICE = [shutil.which("nice") or "nice", "-n", "5"]


@dataclass
class City:
    """A city that runs, and the levers a test has on it."""

    folder: Path
    supervisor: subprocess.Popen[bytes]

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def run(self) -> Run:
        """What its parts were told."""
        return runs.read(self.data)

    @property
    def failpoints(self) -> Path:
        """The file that a part reads when it starts."""
        return self.folder / "failpoints"

    def parts(self) -> dict[str, PartState]:
        """What the supervisor last said of its processes, by name."""
        state = read_state(self.data)
        return {} if state is None else {part.name: part for part in state.parts}

    def process(self, name: str) -> psutil.Process | None:
        """The process of a part or server, None while there is none."""
        part = self.parts().get(name)
        try:
            return None if part is None or part.pid is None else psutil.Process(part.pid)
        except psutil.NoSuchProcess:
            return None

    def is_up(self, name: str) -> bool:
        """Whether it runs, and the broker has done more than open its port: ended before, it can hang for ever."""
        part = self.parts().get(name)
        if part is None or part.state != "running":
            return False
        log = logfiles.path(self.data, name).read_text(encoding="utf-8", errors="replace")
        return name != "broker" or log.count("Kafka Server started") > part.restarts

    def set_clock(self, ahead_s: float) -> None:
        """Have the wall clock of every Python process of the city jump to so many seconds ahead of the true one."""
        with (self.folder / "clock").open("r+b") as file:
            file.write(struct.pack("d", ahead_s))

    def restarts(self) -> int:
        """How often the supervisor has started something again."""
        return sum(part.restarts for part in self.parts().values())

    def wait_through(self) -> None:
        """Wait until everything that was sent is absorbed and stored, and nothing moves any more.

        Raises TimeoutError that says what hangs, when it takes too long or the supervisor has ended.
        """
        for old in (self.data / pulses.FOLDER).glob("*.json"):
            old.unlink()  # of a process that has ended, or whose clock was ahead
        until, quiet_since, seen = time.monotonic() + THROUGH_WITHIN_S, time.monotonic(), None
        while not self.is_up("broker") and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        with closing(KafkaConsumer(bootstrap_servers=self.run.kafka, reconnect_backoff_max_ms=500)) as consumer:
            while time.monotonic() - quiet_since < QUIET_S or replaying.closed_counts(self.run) is None:
                if time.monotonic() > until or self.supervisor.poll() is not None:
                    raise TimeoutError(self._hanging())
                now = self._absorbed(consumer)
                if now is None or now != seen:
                    seen, quiet_since = now, time.monotonic()
                time.sleep(LOOK_EVERY_S)

    def _absorbed(self, consumer: KafkaConsumer) -> dict[tuple[str, TopicPartition], int] | None:
        """How far every part has come, None unless all that run now have come to the ends of their topics."""
        parts, found = self.parts(), pulses.read(self.data)
        if any(name not in found or found[name].pid != parts[name].pid for name in replaying.HOSTED):
            return None
        if not all(found[name].partitions for name in replaying.HOSTED):
            return None  # just started again: its group still waits for the one that was killed
        absorbed = {
            (name, TopicPartition(one.topic, one.partition)): one.absorbed
            for name in replaying.HOSTED
            for one in found[name].partitions
            if one.topic not in replaying.NEVER_QUIET
        }
        try:
            ends = consumer.end_offsets(sorted({source for _, source in absorbed}))
        except (KafkaError, KeyError):  # KeyError: kafka-python's word for a partition that has no leader yet
            return None
        return absorbed if all(offset >= ends[source] for (_, source), offset in absorbed.items()) else None

    def _hanging(self) -> str:
        lags = [
            f"{name}: {one.topic}[{one.partition}] {one.absorbed} of {one.end}, {one.lag_s} s"
            for name, pulse in pulses.read(self.data).items()
            for one in pulse.partitions
            if one.lag_records
        ]
        states = [f"{part.name}: {part.state}, {part.restarts} restarts" for part in self.parts().values()]
        return "\n".join(["the city does not come to rest", *lags, *states])


@contextmanager
def running(folder: Path) -> Iterator[City]:
    """Run the city of `tests.faults.day` for as long as the block lasts."""
    folder.mkdir(parents=True)
    (folder / "clock").write_bytes(struct.pack("d", 0.0))
    city = City(folder, _start(folder, day.write_city(folder / "city")))
    try:
        _wait_up(city)
        yield city
    finally:
        process.stop(city.supervisor, END_WITHIN_S)


def command(city: City, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the product on the city."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *words, "--data", str(city.data)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **_environment(city.folder), "PYTHONPATH": str(ROOT)},
        check=False,
    )


def second_worker(city: City, part: str) -> subprocess.Popen[bytes]:
    """Start a second process of a part, as another machine would: on a data folder of its own."""
    other = city.folder / f"second_{part}"
    other.mkdir(exist_ok=True)
    msgspec.structs.replace(city.run, data=str(other)).write()
    words = [*NICE, sys.executable, "-m", "deploy.parts", part, "--data", str(other)]
    key = {"CITYWALL_COMMAND_KEY_FILE": str(city.folder / "data" / "secrets" / "command.key")}
    return process.start(words, city.folder / f"second_{part}.log", bind=True, env=_environment(city.folder) | key)


def _start(folder: Path, city: Path) -> subprocess.Popen[bytes]:
    words = ["up", "--city", city, "--data", folder / "data", "--port", 0, "--no-open"]
    return process.start(
        [*NICE, sys.executable, "-m", "deploy", *map(str, words)],
        folder / "up.log",
        bind=True,
        env=_environment(folder),
    )


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join((str(SKEW), str(ROOT))),
        "XDG_STATE_HOME": str(folder / "state"),
        "CITYWALL_TEST_CLOCK": str(folder / "clock"),
        "CITYWALL_FAILPOINTS": f"@{folder / 'failpoints'}",
    }


def _wait_up(city: City) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while True:
        state = read_state(city.data)
        if state is not None and state.phase == "running" and all(part.state == "running" for part in state.parts):
            return
        if time.monotonic() > until or city.supervisor.poll() is not None:
            raise TimeoutError((city.folder / "up.log").read_text(encoding="utf-8"))
        time.sleep(0.2)
