"""`python -m tests.bench [NAME…]`: run contestants alternately on one broker and print what each costs a reading.

`footprint`, `latency` and `clients` measure the whole running city instead (`tests/bench/system/`).
CPU is user + system time of the contestant's own processes between its first record in user code and its last result
readable in Kafka; broker and harness are not counted. Every run is checked against pandas before its figures count.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.job import MINUTES, PARTITIONS, Job, expected, make_job, messages, write_city
from tests.bench.system import MEASUREMENTS
from tests.bench.system.figures import take

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT = ("textbook_faust", "intake", "one_hop")
TARGETS = {"intake/textbook_faust": 40.0, "one_hop/textbook_faust": 80.0}
"""Ratios that this version must reach: how many times less CPU a reading."""

LIMIT_S = 300.0
TOLERANCE = 1e-6
DENSITY = 100_000
"""Readings a minute of the job."""


@dataclass(frozen=True)
class Run:
    """One verified run."""

    name: str
    cpu_us: float
    wall_us: float
    rss_mb: float


def main() -> int:
    """Run and print; exit 1 when a result is wrong or a target is missed."""
    parser = argparse.ArgumentParser(prog="citywall bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"contestants, or {', '.join(MEASUREMENTS)}; default: {' '.join(DEFAULT)}",
    )
    parser.add_argument("--runs", type=int, default=3, help="rounds, contestants alternating")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="a broker of your own; its topics city.* and bench.* are remade"
    )
    args = parser.parse_args()
    names = list(dict.fromkeys(args.names or DEFAULT))
    known = [*_contestants(), *MEASUREMENTS]
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"nothing is called {unknown[0]!r}; there are {', '.join(known)}")
    contestants = [name for name in names if name not in MEASUREMENTS]
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    report: dict[str, Any] = {"ratios": {}, "machine": machine}
    missed = []
    with tempfile.TemporaryDirectory(prefix="citywall-bench-") as folder:
        if contestants:
            missed += _compare(contestants, _race(contestants, args.runs, args.kafka, Path(folder)), report)
        if len(contestants) < len(names):
            report["system"], worse = take([name for name in names if name in MEASUREMENTS], Path(folder))
            missed += worse
    for line in missed:
        print(f"missed: {line}")
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 1 if missed else 0


def _race(names: list[str], rounds: int, kafka: str | None, folder: Path) -> list[Run]:
    with _broker(kafka, folder) as bootstrap:
        return [_run(name, bootstrap, folder / f"{turn}-{name}") for turn in range(rounds) for name in names]


def _contestants() -> list[str]:
    return sorted(file.stem for file in (Path(__file__).parent / "contestants").glob("[a-z]*.py"))


@contextmanager
def _broker(address: str | None, folder: Path) -> Iterator[str]:
    """Yield the broker's address: a given one, or an embedded one that ends with the block."""
    if address is not None:
        yield address
        return
    from deploy.embedded.kafka import running
    from deploy.settings import cache_home

    with running(folder / "kafka", cache_home()) as broker:
        yield f"127.0.0.1:{broker.port}"


def _run(name: str, bootstrap: str, folder: Path) -> Run:
    contestant = importlib.import_module(f"tests.bench.contestants.{name}")
    job = make_job(contestant.READINGS, max(contestant.READINGS // DENSITY, 1))
    folder.mkdir()
    city = write_city(folder / "city")
    _load(bootstrap, job)
    command = [sys.executable, "-m", "tests.bench.contestant", name, bootstrap, str(folder), str(city)]
    processes = {}
    for process in contestant.PROCESSES:
        with (folder / f"{process}.log").open("wb") as log:
            processes[process] = subprocess.Popen([*command, process], stdout=log, stderr=subprocess.STDOUT)
    try:
        found, ended = _collect(contestant, bootstrap, job, processes, folder)
        run = _measure(name, folder, processes, ended, len(job))
    finally:
        for child in processes.values():
            child.kill()
            child.wait()
    _verify(name, job, found)
    print(
        f"  {name:16s} {run.cpu_us:8.2f} µs CPU a reading, {run.wall_us:8.2f} µs wall, {run.rss_mb:5.0f} MB", flush=True
    )
    return run


def _load(bootstrap: str, job: Job) -> None:
    """Make all topics anew and fill the inbox."""
    from kafka import KafkaAdminClient, KafkaProducer

    from streams.topics import ensure_topics

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    old = [name for name in admin.list_topics() if name.startswith(("city.", "bench"))]
    if old:
        admin.delete_topics(old)
    while set(admin.list_topics()) & set(old):
        time.sleep(0.2)
    for group in [one["group_id"] if isinstance(one, dict) else one[0] for one in admin.list_groups()]:
        admin.delete_groups([group])
    ensure_topics(bootstrap, {"traffic": PARTITIONS})
    admin.create_topics({"bench.results": {"num_partitions": 1, "replication_factor": 1}})
    admin.close()
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=2**18)
    for partition in range(PARTITIONS):
        for value in messages(job, partition):
            producer.send("city.inbox.v1.traffic", value, partition=partition)
    producer.flush()
    producer.close()


def _collect(
    contestant: Any, bootstrap: str, job: Job, processes: dict[str, Any], folder: Path
) -> tuple[dict[Any, Any], float]:
    """Read results until all are there → (segment, at_ms) → (tti, count), and when the last one was readable."""
    from kafka import KafkaConsumer, TopicPartition

    wanted = len(expected(job))
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=20)
    source = TopicPartition(contestant.TOPIC, 0)
    consumer.assign([source])
    consumer.seek_to_beginning(source)
    found: dict[Any, Any] = {}
    deadline = time.time() + LIMIT_S
    while len(found) < wanted:
        for records in consumer.poll(100).values():
            for record in records:
                for segment, at_ms, tti, count in contestant.results(record.value):
                    found[segment, at_ms] = (tti, count)
        dead = [name for name, child in processes.items() if child.poll() is not None]
        if dead or time.time() > deadline:
            why = f"{dead[0]} ended" if dead else f"{len(found)} of {wanted} results after {LIMIT_S:.0f} s"
            log = "".join(file.read_text(errors="replace")[-2000:] for file in folder.glob("*.log"))
            raise SystemExit(f"citywall bench: {contestant.__name__}: {why}\n{log}")
    return found, time.time()


def _measure(name: str, folder: Path, processes: dict[str, Any], ended: float, readings: int) -> Run:
    import psutil

    cpu_s = rss = 0.0
    started = ended
    for process, child in processes.items():
        first = json.loads((folder / f"{process}.first").read_text(encoding="utf-8"))
        times = psutil.Process(child.pid).cpu_times()
        cpu_s += times.user + times.system - first["cpu_s"]
        rss += psutil.Process(child.pid).memory_info().rss
        started = min(started, first["wall"])
    return Run(name, cpu_s / readings * 1e6, (ended - started) / readings * 1e6, rss / 2**20)


def _verify(name: str, job: Job, found: dict[Any, Any]) -> None:
    wrong = 0
    for row in expected(job).itertuples():
        tti, count = found.get((row.segment, row.at_ms), (None, None))
        wrong += count != row.count or tti is None or abs(tti / row.tti_ratio - 1) > TOLERANCE
    if wrong:
        raise SystemExit(f"citywall bench: {name}: {wrong} results differ from pandas")


def _compare(names: list[str], runs: list[Run], report: dict[str, Any]) -> list[str]:
    """Print the table of ratios and put it into the report → what missed its target."""
    cpu = {name: statistics.median(run.cpu_us for run in runs if run.name == name) for name in names}
    print(
        f"\n{'contestant':18s}{'CPU µs':>9s}{'wall µs':>9s}{'MB':>7s}"
        + "".join(f"{'x ' + other:>20s}" for other in names)
    )
    for name in names:
        mine = [run for run in runs if run.name == name]
        wall, rss = statistics.median(run.wall_us for run in mine), max(run.rss_mb for run in mine)
        ratios = "".join(f"{cpu[other] / cpu[name]:20.1f}" for other in names)
        print(f"{name:18s}{cpu[name]:9.2f}{wall:9.2f}{rss:7.0f}{ratios}")
    ratios_of = {f"{a}/{b}": round(cpu[b] / cpu[a], 3) for a in names for b in names if a != b}
    report["ratios"] = ratios_of
    report["cpu_us"] = {name: [run.cpu_us for run in runs if run.name == name] for name in names}
    report["minutes"] = MINUTES
    return [
        f"{pair} is {ratios_of[pair]:.1f}, the target {target:.0f}"
        for pair, target in TARGETS.items()
        if pair in ratios_of and ratios_of[pair] < target
    ]


if __name__ == "__main__":
    sys.exit(main())
