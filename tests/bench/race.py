"""The race: contestants one after the other, round after round, each run measured and compared with pandas."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from kafka import KafkaConsumer, TopicPartition

from tests.bench import broker
from tests.bench.contract import ContestantError
from tests.bench.job import Job, expected, make_job, minutes_of, write_city
from tests.bench.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.contract import Contestant

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600.0
"""The most that a run may take from its processes' start to its last result."""

END_S = 10.0
TOLERANCE = 1e-6

Window = tuple[int, int]
"""Segment, start in ms."""
Values = tuple[float, int]
"""Travel time index, number of readings."""


@dataclass(frozen=True)
class Run:
    """One run; a reading's cost in µs."""

    name: str
    readings: int
    cpu_us: float
    wall_us: float
    rss_mb: float
    wrong_windows: int = 0
    peak_mb: Mapping[str, float] = field(default_factory=dict)
    """Process → the most that it held, where the system tells."""


def race(
    contestants: Sequence[Contestant], rounds: int, readings: int, bootstrap: str, folder: Path
) -> tuple[list[Run], dict[str, str]]:
    """Run each contestant once a round → the runs, and why a contestant was refused: its runs do not count."""
    runs: list[Run] = []
    refused: dict[str, str] = {}
    for turn in range(rounds):
        for one in contestants:
            if one.name in refused:
                continue
            try:
                runs.append(_run(one, one.readings(readings), Place(bootstrap, folder / f"{turn}-{one.name}", folder)))
            except ContestantError as error:
                refused[one.name] = str(error)
                print(f"  {one.name:20s} refused: {error}", flush=True)
    return [run for run in runs if run.name not in refused], refused


@lru_cache(maxsize=2)
def _job(readings: int) -> tuple[Job, dict[Window, Values]]:
    job = make_job(readings, minutes_of(readings))
    rows = expected(job).itertuples()
    return job, {(row.segment, row.at_ms): (row.tti_ratio, row.count) for row in rows}


def _run(one: Contestant, readings: int, place: Place) -> Run:
    job, wanted = _job(readings)
    place.folder.mkdir()
    place.city = write_city(place.folder / "city")
    commands = {process: one.command(process, place) for process in one.processes}
    broker.fill(place.bootstrap, job)
    if one.prepare is not None:
        one.prepare(place, job)
    processes = {process: start(commands[process], place, process) for process in one.processes}
    try:
        with closing(KafkaConsumer(bootstrap_servers=place.bootstrap, fetch_max_wait_ms=20)) as consumer:
            found = _collect(consumer, one, place, processes, wanted)
            run = _measure(one.name, place, processes, readings)
    finally:
        for child in processes.values():
            end(child)
    wrong = wrong_windows(found, wanted)
    if wrong and not one.inexact:
        raise ContestantError(f"{wrong} windows differ from pandas")
    note = f", {wrong} of {len(wanted)} windows wrong: {one.inexact}" if wrong else ""
    figures = f"{run.cpu_us:8.2f} µs CPU a reading, {run.wall_us:8.2f} µs wall, {run.rss_mb:5.0f} MB"
    print(f"  {one.name:20s} {figures}{note}", flush=True)
    return replace(run, wrong_windows=wrong)


def start(command: Sequence[str], place: Place, process: str) -> subprocess.Popen[bytes]:
    """Start a contestant's process; what it prints goes into its log."""
    with (place.folder / f"{process}.log").open("wb") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, so that it leaves its group; then make it."""
    child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _collect(
    consumer: KafkaConsumer,
    one: Contestant,
    place: Place,
    processes: Mapping[str, subprocess.Popen[bytes]],
    wanted: Mapping[Window, Values],
) -> dict[Window, Values]:
    """Read results until every window that is wanted has one."""
    source = TopicPartition(one.topic, 0)
    consumer.assign([source])
    consumer.seek_to_beginning(source)
    found: dict[Window, Values] = {}
    missing = set(wanted)
    deadline = time.time() + LIMIT_S
    while missing:
        for record in consumer.poll(100).get(source, ()):
            for segment, at_ms, tti, count in one.results(record.value):
                found[segment, at_ms] = (tti, count)
                missing.discard((segment, at_ms))
        dead = [name for name, child in processes.items() if child.poll() is not None]
        if missing and (dead or time.time() > deadline):
            have = f"{len(wanted) - len(missing)} of {len(wanted)} results"
            why = f"{dead[0]} ended with {have}" if dead else f"{have} after {LIMIT_S:.0f} s"
            raise ContestantError(f"{why}\n{_logs(place.folder)}".strip())
    return found


def _logs(folder: Path) -> str:
    return "".join(file.read_text(errors="replace")[-2000:] for file in sorted(folder.glob("*.log")))


def _measure(name: str, place: Place, processes: Mapping[str, subprocess.Popen[bytes]], readings: int) -> Run:
    cpu_s = rss = 0.0
    peak_mb = {}
    ended = started = time.time()
    for process, child in processes.items():
        mark = place.folder / f"{process}.first"
        if not mark.exists():
            raise ContestantError(f"{process} left no mark at its first record")
        first = json.loads(mark.read_text(encoding="utf-8"))
        parent = psutil.Process(child.pid)
        peak_mb[process] = _peak_mb(child.pid)
        for each in (parent, *parent.children(recursive=True)):
            times = each.cpu_times()
            cpu_s += times.user + times.system
            rss += each.memory_info().rss
        cpu_s -= first["cpu_s"]
        started = min(started, first["wall"])
    return Run(name, readings, cpu_s / readings * 1e6, (ended - started) / readings * 1e6, rss / 2**20, 0, peak_mb)


def _peak_mb(pid: int) -> float:
    """Return the most memory that a process has held in MB, NaN where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), float("nan"))


def wrong_windows(found: Mapping[Window, Values], wanted: Mapping[Window, Values]) -> int:
    """Count the windows that differ: another value, another count, missing, or not of the job (sentinels' excepted)."""
    last_ms = max(at_ms for _, at_ms in wanted)
    wrong = sum(at_ms <= last_ms for _, at_ms in found.keys() - wanted.keys())
    for window, (tti, count) in wanted.items():
        have = found.get(window)
        wrong += have is None or have[1] != count or abs(have[0] / tti - 1) > TOLERANCE
    return wrong
