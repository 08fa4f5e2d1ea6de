"""Append a changed city folder to `city.cities.v1` as a new version: `python -m deploy.supervision.publish --data DIR`.

A process of its own, started when the folder has changed: what it needs is large, and seldom needed. It ends with 0
when there is a new version, or nothing to do, with 1 when the folder is no city, which it says, and with 2 to be tried
again. Under a supervisor its tail reader looks at the folder; where there is none, `--from-settings --follow` does,
for ever. Whoever publishes holds `<data>/city.lock` meanwhile: there is one writer at a time.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.config import run as runs
from deploy.config.compose import run_from_settings
from deploy.supervision import refused_city
from deploy.supervision.publisher import COMMAND, TRY_AGAIN, Publisher
from streams.city import folder as folders
from streams.city.kept import keep
from streams.errors import CityError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.config.run import Run
    from streams.city.folder import Folder

LOOK_EVERY_S = 2.0
LOCK_FILE = "city.lock"


def main(argv: list[str]) -> int:
    """Publish once, or whenever the folder changes."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.supervision.publish", description="Publish a changed city folder."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path)
    where.add_argument("--from-settings", action="store_true")
    parser.add_argument("--follow", action="store_true", help="look at the folder for ever, publish each change")
    args = parser.parse_args(argv)
    try:
        run = run_from_settings() if args.from_settings else runs.read(args.data)
    except CityError as error:
        print(f"the city folder cannot be published: {error}", flush=True)
        return 1
    if not args.follow:
        return publish_once(run)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    once = ["--from-settings"] if args.from_settings else ["--data", str(args.data)]
    publisher = Publisher(run.city_edited_path, [*COMMAND, *once])
    while True:
        publisher.look()
        time.sleep(LOOK_EVERY_S)


def publish_once(run: Run) -> int:
    """Publish the folder that people edit as it is now → the exit code."""
    from streams.city.own_domains import take_in

    try:
        take_in(run.city_edited_path)  # a rule may be of a domain that comes with it
        found = folders.read_folder(run.city_edited_path)
        number = publish_alone(run, found)
        if run.city_edited:
            keep(found, run.city_copies_path)  # what parts begin with that know no versions
    except UnreachableError as error:
        print(f"the city folder was changed: {error}; trying again", flush=True)
        return TRY_AGAIN
    except CityError as error:
        print(f"the city folder was changed and cannot be used, going on with the last good one: {error}", flush=True)
        refused_city.note(run.data_path, str(error))
        return 1
    refused_city.forget(run.data_path)
    if number is not None:
        print(f"the city folder was changed: version {number} is in force", flush=True)
    return 0


def publish_alone(run: Run, found: Folder) -> int | None:
    """Append a folder as a version while nobody else does → its number, None where it is the newest already.

    Raises CityFileError, UnreachableError.
    """
    from deploy.config.rules import in_force
    from streams.city.publishing import publish

    with _alone(run.data_path):
        return publish(run.kafka, found, in_force(found, run.components, run.own_rules))


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the city's lock; wait for it."""
    with (data / LOCK_FILE).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
