"""Processes of the stages on a broker of their own, because the topics have fixed names."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from kafka import KafkaProducer

from deploy.embedded import kafka as embedded
from deploy.supervision.process import start, stop
from streams.broker import topics
from streams.city.clock import ClockSetting
from tests.streams.stack import INBOX, START_MS, Fed, Stack
from tests.topic import records_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0
"""For a machine that is shared; alone it takes a quarter of a minute."""


class Workers:
    """Those of one test."""

    def __init__(self, kafka: str, folder: Path, city: Path) -> None:
        self.kafka, self.folder, self.city = kafka, folder, city
        self.processes: list[Popen[bytes]] = []
        self.logs: list[Path] = []

    def add(self, stage: str, *more: str) -> Popen[bytes]:
        part = f"{stage}{len(self.processes)}"
        command = [sys.executable, "-m", "tests.streams.stage_process", stage, self.kafka]
        command += [str(self.folder / part), str(self.city), part, *more]
        log = self.folder / f"{part}.log"
        self.logs.append(log)
        self.processes.append(start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)}))
        return self.processes[-1]

    def log(self, number: int) -> str:
        """Return what a process has written."""
        return self.logs[number].read_text(encoding="utf-8")

    def give(self, records: list[Fed]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        for partition, value, headers in records:
            producer.send(INBOX, value, partition=partition, headers=list(headers))
        producer.flush()
        producer.close()

    def set_clock(self, end_ms: int = START_MS + 4 * 3_600_000) -> None:
        """Have the city clock stand at the data's end, as a replay at full speed does."""
        setting = ClockSetting(at_ms=end_ms, wall_ms=0, speed=0.0, until_ms=end_ms)
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all")
        producer.send(topics.CLOCK, msgspec.json.encode(setting), key=b"small", partition=0)
        producer.flush()
        producer.close()

    def frames(self) -> list[bytes]:
        """Read all metrics, in order."""
        return [one.value for one in records_of(self.kafka, topics.METRICS)]

    def wait(self, done: Callable[[], bool]) -> None:
        until(done, PATIENCE_S, every_s=0.2, said=lambda: "\n".join(map(self.log, range(len(self.logs)))))


def running(folder: Path, cache: Path, city: Path) -> Iterator[Workers]:
    """Run a broker for as long as a fixture lasts."""
    with embedded.running(folder / "kafka", cache) as broker:
        topics.ensure_topics(broker.address)
        made = Workers(broker.address, folder, city)
        try:
            yield made
        finally:
            for process in made.processes:
                stop(process, 5)


def quiet(folder: Path, records: list[Fed]) -> dict[str, str]:
    """Return what `citywall export` writes after a run without Kafka or faults."""

    async def run() -> dict[str, str]:
        stack = Stack(folder, records)
        await stack.start()
        await stack.drain()
        return stack.outcome()["export"]

    return asyncio.run(run())
