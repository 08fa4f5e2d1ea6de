"""`citywall test`: everything CI checks, as one pytest run, so that its summary tells all of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).resolve().parents[2]

SUMMARY = "Check everything that CI checks: format, lint, types, import contracts and all tests"
AT_A_TIME = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two files: a test that starts servers mostly waits. They begin in the order of `tests/conftest.py`."""

EPILOG = """\
Format, lint, strict types and import contracts are tests too (tests/architecture), so pytest's summary tells all.
Without Redis, InfluxDB or Chromium their tests are skipped and listed; with CITYWALL_CI=1 or CI=true each is a failure.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add pytest's choice of tests."""
    parser.add_argument("-k", metavar="EXPR", help="only the checks whose names match, as pytest's own -k")
    parser.add_argument("-x", action="store_true", help="stop at the first failure")


def run(args: argparse.Namespace) -> int:
    """Become pytest."""
    os.chdir(ROOT)
    chosen = [] if args.k is None else ["-k", args.k]
    stop = ["-x"] if args.x else []
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *AT_A_TIME, *chosen, *stop])  # noqa: S606 - a list, no shell
