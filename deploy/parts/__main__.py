"""Run one part of a city: `python -m deploy.parts NAME --data DIR`, or `--from-settings` in a container.

NAME is a module of `deploy/parts/` with `main(run: Run) -> None` and, if it likes, `prepare(run: Run) -> None`. Under
the supervisor (`--under PID`) it imports and prepares at once, begins when it reads `go` on standard input, and ends
when that input, or the supervisor, does.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy import parts
from deploy.config import run as runs
from deploy.config import settings
from deploy.config.compose import run_from_settings
from deploy.supervision import memory
from deploy.supervision.bound import die_with_parent
from deploy.supervision.child import GO
from streams.engine import failpoints
from streams.errors import CityError

if TYPE_CHECKING:
    from deploy.config.run import Run

EXIT_REFUSED = 69
"""A server, file or setting that it needs cannot be used; the supervisor tries again."""


def main(argv: list[str]) -> int:
    """Run the part."""
    parser = argparse.ArgumentParser(prog="python -m deploy.parts", description="Run one part of a city.")
    parser.add_argument("name", choices=parts.names())
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="the data folder of a city that `citywall up` started")
    where.add_argument("--from-settings", action="store_true", help="take everything from the settings")
    parser.add_argument("--under", type=int, metavar="PID", help="the supervisor that started it")
    parser.add_argument("--worker", type=int, metavar="N", help="which of the part's processes it is, from 1")
    args = parser.parse_args(argv)
    if args.under is not None:
        die_with_parent(args.under)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("faust", "mode"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for client in ("kafka", "aiokafka"):  # hundreds of lines while a broker is away; who uses them says one
        logging.getLogger(client).setLevel(logging.CRITICAL)
    memory.keep_small()
    part = importlib.import_module(f"deploy.parts.{args.name}")
    try:
        failpoints.arm(settings.failpoints())
        run = _run(args)
        getattr(part, "prepare", _nothing)(run)
        if args.under is not None:
            _wait_for_go()
        memory.give_back_freed()
        part.main(run)
    except CityError as error:
        print(f"{args.name}: {error}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    return 0


def _nothing(_: Run) -> None:
    """Stand for a part that has nothing to prepare."""


def _run(args: argparse.Namespace) -> Run:
    run = run_from_settings() if args.from_settings else runs.read(args.data)
    return msgspec.structs.replace(run, worker=args.worker)


def _wait_for_go() -> None:
    """Wait for the supervisor's word, then end with it."""
    if os.read(0, len(GO)) != GO:
        raise SystemExit(0)
    threading.Thread(target=_end_with_input, name="supervisor", daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
