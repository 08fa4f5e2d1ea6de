"""One and two workers of intake and zones on a real broker: CPU a reading, and how much sooner two are done.

The bench's job and its `kernel` contestant; two workers are two processes of each part in one group, and share the
four partitions. Every run is verified against pandas.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench import broker, contract
from tests.bench.race import race

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.race import Run

READINGS = 4_000_000
ROUNDS = 2
MOST_RATIO = 1.15
MOST_PEAK_MB = 400.0
"""Of a worker's memory, with all of the job's readings behind it."""

PARTS = ("intake", "processors")
ONE, TWO = "one_worker", "two_workers"


def measure(folder: Path, rounds: int = ROUNDS, readings: int = READINGS) -> dict[str, float]:
    """Run both alternately.

    Raises ContestantError when a run does not end or is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kernel = contract.load("kernel")
    one = replace(kernel, name=ONE)
    two = replace(kernel, name=TWO, processes=tuple(f"{part}{no}" for part in kernel.processes for no in ("", "-2")))
    with broker.broker(None, folder) as bootstrap:
        runs, refused = race([one, two], rounds, readings, bootstrap, folder)
    if refused:
        raise contract.ContestantError("; ".join(refused.values()))
    return figures(runs)


def figures(runs: list[Run]) -> dict[str, float]:
    """Take each side's calmest run."""
    cpu = {name: min(run.cpu_us for run in runs if run.name == name) for name in (ONE, TWO)}
    wall = {name: min(run.wall_us for run in runs if run.name == name) for name in (ONE, TWO)}
    peaks = [run.peak_mb for run in runs if run.name == ONE]
    return {
        "workers_1_cpu_us": cpu[ONE],
        "workers_2_cpu_us": cpu[TWO],
        "workers_cpu_ratio": cpu[TWO] / cpu[ONE],
        "workers_wall_speedup": wall[ONE] / wall[TWO],
        **{f"workers_{part}_peak_mb": max(one[part] for one in peaks) for part in PARTS},
    }
