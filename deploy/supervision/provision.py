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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.config import run as runs
from deploy.config.compose import run_from_settings
from deploy.supervision import logfiles
from deploy.supervision.process import is_open
from deploy.supervision.publish import publish_alone
from streams.broker import topics
from streams.city.folder import read_folder
from streams.errors import CityError, UnreachableError
from streams.sinks.history.opening import open_history
from streams.sinks.history.spill import FOLDER_NAME

if TYPE_CHECKING:
    from deploy.config.run import Run

WAIT_S = 60.0
RETRY_S = 0.5


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
        made = ready_kafka(run, args.wait_s)
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


def ready_kafka(run: Run, wait_s: float) -> tuple[str, ...]:
    """Create the topics and publish the city → the topics that were made.

    Our own broker may be slow, and is started again where it ends: it is asked for as long as there is time.
    Raises UnreachableError when it does not answer by then.
    """
    until = time.monotonic() + wait_s
    while True:
        left_s = max(until - time.monotonic(), 1.0)
        try:
            prepare = topics.begin_replay if run.mode == "replay" else topics.refuse_replays_kafka
            prepare(run.kafka, left_s)
            made = topics.ensure_topics(run.kafka, timeout_s=left_s)
            publish_alone(run, read_folder(run.city_path))
        except UnreachableError as exc:
            if not run.embedded_kafka:
                raise
            if time.monotonic() >= until:
                log = logfiles.path(run.data_path, "broker")
                raise UnreachableError(
                    f"the embedded Kafka at {run.kafka} did not answer within {wait_s:.0f} s ({exc.__cause__ or exc}): "
                    f"has the machine too much to do? Start again; what Kafka holds is kept. Its log: {log}"
                ) from exc
            time.sleep(RETRY_S)
        else:
            return made


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
