"""Every feed passes the same suite on a real broker; a new one joins by its file name."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from deploy.embedded import kafka as embedded
from streams.broker import topics
from streams.city.clock import read_clock
from streams.city.registry import load_city
from streams.contract.stage import Record, TopicPartition
from streams.domains.schema import all_domains
from tests.streams.feeds import promises
from tests.streams.feeds.promises import Lives, Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streams.city.clock import CityClock
    from streams.city.registry import City

ROOT = Path(__file__).resolve().parents[3]
PARTITIONS = {"traffic": 3, "weather": 2}
KILLS = 3
FEW_RECORDS = 40
"""A life that is cut short sends some more than these, marks included."""
WITHIN_S = 120.0
pytestmark = pytest.mark.timeout(600)


def feeds() -> list[str]:
    """The modules that say that they write to the inbox."""
    folder = ROOT / "streams" / "feeds"
    found = {path.stem: path for path in folder.glob("[a-z]*.py")}
    found |= {path.parent.name: path for path in folder.glob("[a-z]*/__init__.py")}
    texts = {name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for name, path in found.items()}
    return [name for name, text in sorted(texts.items()) if "\nout     city.inbox" in text]


def lives_of(name: str) -> Lives:
    """What the feed's own test says."""
    return importlib.import_module(f"tests.streams.feeds.test_{name}").LIVES


class Run(NamedTuple):
    """What one run of a feed sent."""

    log: Log
    city: City
    clock: CityClock


class Broker:
    """A broker, and what stands in its inboxes and its clock."""

    def __init__(self, address: str) -> None:
        from kafka import KafkaConsumer

        self.address = address
        counts = topics.partition_counts(address)
        names = [*map(topics.inbox, all_domains()), topics.CLOCK]
        self.logs: Log = {TopicPartition(name, number): [] for name in names for number in range(counts[name])}
        self._consumer = KafkaConsumer(bootstrap_servers=address, group_id=None, enable_auto_commit=False)
        self._consumer.assign([self._kafkas(source) for source in self.logs])
        self._consumer.seek_to_beginning()

    def _kafkas(self, source: TopicPartition) -> object:
        from kafka import TopicPartition as KafkaTopicPartition

        return KafkaTopicPartition(*source)

    def sizes(self) -> dict[TopicPartition, int]:
        """Read to the present end → how many records each partition has had."""
        ends = self._consumer.end_offsets([self._kafkas(source) for source in self.logs])
        deadline_s = time.monotonic() + WITHIN_S
        while any(self._consumer.position(source) < end for source, end in ends.items()):
            assert time.monotonic() < deadline_s, "the broker does not hand out its records"
            for source, records in self._consumer.poll(timeout_ms=200).items():
                self.logs[TopicPartition(*source)] += [
                    Record(one.offset, one.key, one.value, one.timestamp, tuple(one.headers)) for one in records
                ]
        return {source: len(log) for source, log in self.logs.items()}

    def since(self, before: Mapping[TopicPartition, int]) -> Log:
        """Return the records that came since, of the partitions that got any."""
        self.sizes()
        return {source: log[before[source] :] for source, log in self.logs.items() if len(log) > before[source]}

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Broker]:
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        topics.ensure_topics(running.address, PARTITIONS)
        found = Broker(running.address)
        yield found
        found.close()


def start(lives: Lives, folder: Path, kafka: str, speed: float | None) -> subprocess.Popen[bytes]:
    (folder / "stdin").write_text(lives.stdin, encoding="utf-8")
    words = [sys.executable, *lives.command(folder, kafka, speed)]
    with (folder / "stdin").open("rb") as stdin, (folder / "log").open("ab") as log:
        return subprocess.Popen(words, stdin=stdin, stderr=log, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def marked(log: Log, until_ms: int) -> bool:
    """Whether every partition that was written to has a mark at that time."""
    newest = [
        max((int(dict(one.headers)["mark"]) for one in records if not one.value), default=0) for records in log.values()
    ]
    return bool(newest) and min(newest) >= until_ms


def live(lives: Lives, folder: Path, broker: Broker, speed: float | None, kills: int = 0) -> Log:
    """Run a feed to its end, or to the time that is enough; kill it on the way → what it sent, and its clock."""
    before = broker.sizes()
    while watch(lives, start(lives, folder, broker.address, speed), broker, before, kills > 0):
        kills -= 1
    return broker.since(before)


def watch(
    lives: Lives, feed: subprocess.Popen[bytes], broker: Broker, before: Mapping[TopicPartition, int], kill: bool
) -> bool:
    """Wait until a feed is done, or kill it when it has sent some more → whether it was killed too early."""
    at_start = sum(broker.sizes().values())
    deadline_s = time.monotonic() + WITHIN_S
    try:
        while time.monotonic() < deadline_s:
            try:
                assert feed.wait(0.2) == 0, "the feed has failed"
            except subprocess.TimeoutExpired:
                pass
            else:
                return False
            if kill and sum(broker.sizes().values()) > at_start + FEW_RECORDS:
                return True
            if lives.until_ms is not None and marked(inboxes(broker.since(before)), lives.until_ms):
                return False
        raise AssertionError("the feed did not come to its end in time")
    finally:
        feed.kill()
        feed.wait()


def inboxes(log: Log) -> Log:
    return {source: records for source, records in log.items() if source.topic != topics.CLOCK}


@pytest.fixture(scope="module", params=feeds())
def lives(request: pytest.FixtureRequest) -> Lives:
    return lives_of(request.param)


@pytest.fixture(scope="module")
def run(lives: Lives, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Run the feed at one of its speeds, unless it ran so before: `run(0)`, `run(0, again=True)`, `run(1, kills=3)`."""

    @cache
    def once(index: int, again: bool = False, kills: int = 0) -> Run:
        folder = tmp_path_factory.mktemp("feed")
        city = load_city(lives.prepare(folder))
        found = live(lives, folder, broker, lives.speeds[index], kills)
        clock = read_clock(found.get(TopicPartition(topics.CLOCK, 0), []))
        return Run(inboxes(found), city, clock)

    return once


def test_intake_takes_every_reading(lives: Lives, run):
    found = run(0)
    promises.are_understood(found.log, found.city, found.clock, lives.planned)


@pytest.mark.parametrize("how", [{}, {"kills": KILLS}], ids=["one life", "killed"])
def test_marks_and_partitions_are_kept(lives: Lives, run, how: dict[str, int]):
    log = run(1, **how).log
    promises.marks_never_run_backwards(log)
    promises.marks_are_kept(log, promises.PLANNED_SHARE if lives.planned else 0.0)
    promises.a_sensor_stays_in_its_partition(log)
    if lives.exact:
        promises.repeats_carry_the_same(log)


def what(lives: Lives, city: City) -> Callable[[Log], set[object]]:
    """What has to be the same in two runs at one speed."""
    if lives.exact:
        return promises.lines
    faulty = lives.faulty(city)
    return lambda log: promises.times(log, lives.until_ms, faulty)


def test_a_second_run_sends_the_same(lives: Lives, run):
    first, second = run(0), run(0, again=True)
    promises.nothing_is_missing_or_new(first.log, second.log, what(lives, first.city))
    if lives.exact:
        promises.the_same_bytes(first.log, second.log)


def test_another_speed_sends_the_same(lives: Lives, run):
    first, second = run(0), run(1)
    same = what(lives, first.city)
    if lives.each_minute:
        faulty = lives.faulty(first.city)
        often = {one.id for one in first.city.sensors if one.interval_s <= 60}

        def same(log: Log) -> set[object]:
            return promises.minutes(log, lives.until_ms, faulty, often)

    promises.nothing_is_missing_or_new(first.log, second.log, same)


def test_kills_leave_no_gap_and_nothing_new(lives: Lives, run):
    whole, killed = run(1), run(1, kills=KILLS)
    promises.nothing_is_missing_or_new(whole.log, killed.log, what(lives, whole.city))


def test_the_feeds_of_ours_are_found():
    assert {"aarhus", "sample_city"} <= set(feeds())
