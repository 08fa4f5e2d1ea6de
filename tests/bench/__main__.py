"""`python -m tests.bench [NAME…]`: run contestants alternately on one broker and print what each costs a reading.

`footprint`, `latency`, `live_latency` and `clients` measure the whole running city instead (`tests/bench/system/`).
CPU is user + system time of the contestant's own processes between its first record in user code and its last result
readable in Kafka; broker and harness are not counted. Every run is checked against pandas before its figures count.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import broker, contract, machine, table, targets
from tests.bench.job import WHOLE
from tests.bench.race import race
from tests.bench.system import MEASUREMENTS
from tests.bench.system.figures import take

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_READINGS = 6_000_000
"""Fits into the inbox as `up` makes it; more would be deleted before it is read."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; exit 1 when a contestant is refused or a target is missed."""
    args = _arguments(argv)
    report: dict[str, Any] = {"ratios": {}, "machine": machine.describe(args.kafka)}
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="citywall-bench-") as folder:
        contestants = [contract.load(name) for name in args.names if name not in MEASUREMENTS]
        if contestants:
            with broker.broker(args.kafka, Path(folder)) as bootstrap:
                runs, refused = race(contestants, args.runs, args.readings, bootstrap, Path(folder))
            costs = table.costs_us(runs)
            report["ratios"] = table.ratios(costs)
            report |= {"contestants": table.figures(contestants, runs), "refused": refused}
            print("", *table.lines(contestants, runs), sep="\n")
            missed += targets.missed(report["ratios"], costs) + [f"{name}: {why}" for name, why in refused.items()]
        measurements = [name for name in args.names if name in MEASUREMENTS]
        if measurements:
            report["system"], worse = take(measurements, Path(folder))
            missed += worse
    for line in missed:
        print(f"missed: {line}")
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if missed else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="citywall bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"contestants (default: all), or {', '.join(MEASUREMENTS)}"
    )
    parser.add_argument("--runs", type=int, default=3, help="rounds, contestants alternating")
    parser.add_argument("--readings", type=int, default=WHOLE, help="readings of the job; a slow one gets fewer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="a broker of your own; its topics city… and bench… are remade"
    )
    args = parser.parse_args(argv)
    args.names = list(dict.fromkeys(args.names or contract.names()))
    known = [*contract.names(), *MEASUREMENTS]
    for name in args.names:
        if name not in known:
            parser.error(f"nothing is called {name!r}; there are {', '.join(known)}")
    if not 0 < args.readings <= MOST_READINGS:
        parser.error(f"--readings goes from 1 to {MOST_READINGS}")
    if args.runs < 1:
        parser.error("--runs begins at 1")
    return args


if __name__ == "__main__":
    sys.exit(main())
