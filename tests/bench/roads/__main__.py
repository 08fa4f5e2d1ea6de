"""`python -m tests.bench.roads FOLDER --seed N --days D`: a freeway with known collisions, for `citywall evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.bench.roads.freeway import record
from tests.bench.roads.recorded import write

parser = argparse.ArgumentParser(prog="python -m tests.bench.roads", description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--days", type=int, default=28)
args = parser.parse_args()
write(record(args.seed, args.days), args.folder)
