"""`citywall bench`: what a reading costs us and others, on one job, each result verified; and what the city costs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).resolve().parents[2]

SUMMARY = "Measure what a reading costs as ratios between contestants on one job, or the running city"
EPILOG = """\
The contestants are the files of tests/bench/contestants/; docs/bench.md says what is measured and how. The running
city is measured by footprint (memory and processor time; ten minutes), latency (a reading sent until it is seen in
Chromium), live_latency (the same until Redis, at 5,000 readings a second) and clients (fifty browsers); what 20,000
open alarms cost by alarm_engine, alarm_start, alarm_wall and alarms; docs/figures.md says how. Exit code 1 when a
contestant cannot run or is wrong, or a ratio or figure misses its target.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of contestants, and how often."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="contestants, or footprint, latency, live_latency, clients, alarms …; default: all contestants",
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="rounds, contestants alternating (default 3)")
    parser.add_argument(
        "--readings",
        type=int,
        default=1_000_000,
        metavar="N",
        help="readings of the job (default 1000000; slow ones fewer)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write ratios and figures there")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="a broker of your own; its topics city… and bench… are made anew"
    )


def run(args: argparse.Namespace) -> int:
    """Become the benchmark."""
    options = ["--runs", str(args.runs), "--readings", str(args.readings)]
    options += ["--json", str(args.json.resolve())] if args.json is not None else []
    options += ["--kafka", args.kafka] if args.kafka is not None else []
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tests.bench", *args.names, *options])  # noqa: S606 - a list, no shell
