"""`python -m tests.bench.scale [NAME …]`: how cost and memory go with the size of a city; `--help` says the names.

Prints a table and with `--json FILE` writes the figures, the machine and its load; exit code 1 when one misses its
target, a ValueError or ContestantError when a run is wrong. `docs/scaling.md` says what is measured.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.supervision.stack import PART_ENVIRONMENT
from tests.bench import machine
from tests.bench.scale import costs, memory, rebuild, second, turns, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = (*costs.AXES, "memory", "rebuild", "second", "turns", "workers")
ALONE = {"memory": memory.run, "rebuild": rebuild.run, "second": second.run, "turns": turns.run}
TARGETS = {
    **{f"{axis}_off_middle_ratio": costs.FLAT_RATIO for axis in costs.JUDGED},
    "memory_rss_ratio": memory.FLAT_RATIO,
    "memory_zone_state_ratio": memory.FLAT_RATIO,
    "memory_second_state_ratio": memory.FLAT_RATIO,
    "rebuild_wall_s": rebuild.MOST_S,
    "rebuild_lag_most_ms": rebuild.MOST_LAG_MS,
    "second_mean_cpu_s": second.MOST_CPU_S,
    "turns_saving_p999_ms": turns.MOST_MS,
    "workers_cpu_ratio": workers.MOST_RATIO,
    **{f"workers_{part}_peak_mb": workers.MOST_PEAK_MB for part in workers.PARTS},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (default: all)")
    parser.add_argument("--repeats", type=int, default=costs.REPEATS, help="of each point of an axis")
    parser.add_argument("--hours", type=int, default=memory.HOURS, help=f"of memory (default {memory.HOURS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    args = parser.parse_args(argv)
    names = list(dict.fromkeys(args.names or NAMES))
    for name in names:
        if name not in NAMES:
            parser.error(f"nothing is called {name!r}; there are {', '.join(NAMES)}")
    found: dict[str, float] = {}
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="citywall-scale-") as folder:
        for name in names:
            print(f"{name}: load {os.getloadavg()[0]:.1f}", flush=True)
            mine = _measure(name, Path(folder), args)
            for key, value in mine.items():
                print(
                    f"  {key:36s}{value:14.3f}" + (f"   at most {TARGETS[key]:g}" if key in TARGETS else ""), flush=True
                )
            found |= mine
    if args.json is not None:
        load = [round(before, 1), round(os.getloadavg()[0], 1)]
        report = {"figures": {key: round(value, 4) for key, value in found.items()}, "load": load}
        args.json.write_text(json.dumps(report | {"machine": machine.describe(None)}, indent=1), encoding="utf-8")
    missed = [key for key, most in TARGETS.items() if found.get(key, 0.0) > most]
    for key in missed:
        print(f"missed: {key} is {found[key]:.3f}, the target {TARGETS[key]:g}")
    return 1 if missed else 0


def _measure(name: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    if name in ALONE:  # in a process of its own: what others left in this one's heap would hide growth
        run = partial(memory.run, hours=args.hours) if name == "memory" else ALONE[name]
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(run, folder).result()
    if name == "workers":
        return workers.measure(folder / "workers")
    return costs.measure(name, folder, args.repeats)


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in PART_ENVIRONMENT.items()):
        os.environ.update(PART_ENVIRONMENT)  # the allocator reads it when a process begins
        os.execv(sys.executable, [sys.executable, "-m", "tests.bench.scale", *sys.argv[1:]])  # noqa: S606 - a list, no shell
    sys.exit(main())
