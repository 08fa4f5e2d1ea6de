"""The fault suite by hand: `python -m tests.faults [--long] [--seed N] [--folder DIR]`; 1 when anything differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import schedule, trial

MINUTES, LONG_MINUTES = 120, 600


def main(argv: list[str]) -> int:
    """Run a trial."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Run a city's day with faults.")
    parser.add_argument("--long", action="store_true", help="more than 100 kills, stops of 30 s; half an hour")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the faults; printed")
    parser.add_argument("--folder", type=Path, help="keep the cities there")
    args = parser.parse_args(argv)
    faults = schedule.draw(args.seed, schedule.LONG if args.long else schedule.SHORT)
    minutes = LONG_MINUTES if args.long else MINUTES
    with tempfile.TemporaryDirectory() as temporary:
        found = trial.compare(args.folder or Path(temporary), minutes, args.seed, faults)
    for line in found:
        print(line)
    print(f"seed {args.seed}: {'equal' if not found else f'{len(found)} lines of differences'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
