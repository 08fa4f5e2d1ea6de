"""Make ready what the parts rely on: wait for the servers and create the topics.

`python -m deploy.supervision.provision --data DIR` (or `--from-settings`) ends with 0 when the parts may begin;
else its last line says what is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from deploy.config import run as runs
from deploy.config.compose import run_from_settings
from deploy.supervision.process import is_open
from deploy.supervision.publish import publish_alone
from streams.broker import topics
from streams.city.folder import read_folder
from streams.errors import CityError, UnreachableError
from streams.sinks.history.opening import open_history
from streams.sinks.history.spill import FOLDER_NAME

WAIT_S = 60.0


def main(argv: list[str]) -> int:
    """Wait, create, answer."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.supervision.provision", description="Create the topics of a city."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path)
    where.add_argument("--from-settings", action="store_true")
    parser.add_argument("--wait-s", type=float, default=WAIT_S, help="how long to wait for a server")
    args = parser.parse_args(argv)
    try:
        run = run_from_settings() if args.from_settings else runs.read(args.data)
        prepare = topics.begin_replay if run.mode == "replay" else topics.refuse_replays_kafka
        prepare(run.kafka, args.wait_s)
        made = topics.ensure_topics(run.kafka, timeout_s=args.wait_s)
        publish_alone(run, read_folder(run.city_path))
        _reach(run.redis, "Redis", "--redis HOST:PORT", args.wait_s)
        if run.history.startswith("http"):
            _reach(run.history, "InfluxDB", "--influx URL", args.wait_s)
        history = open_history(run.history)
        if run.mode == "replay":
            history.clear()
            shutil.rmtree(run.data_path / FOLDER_NAME, ignore_errors=True)
        history.close()
    except CityError as error:
        print(error, flush=True)
        return 1
    print(f"{len(made)} topics created")
    return 0


def _reach(address: str, server: str, option: str, wait_s: float) -> None:
    """Wait until something listens at an address."""
    parts = urlsplit(address)
    deadline = time.monotonic() + wait_s
    while not is_open(parts.port or (443 if parts.scheme == "https" else 6379), parts.hostname or ""):
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"no {server} answers at {parts.hostname}:{parts.port}; start it, or give the right {option}"
            )
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
