"""Append a changed city folder to `city.cities.v1` as a new version: `python -m deploy.supervision.publish --data DIR`.

A process of its own, started when the folder has changed: what it needs is large, and seldom needed. It ends with 0
when there is a new version, or nothing to do, with 1 when the folder is no city, which it says, and with 2 to be tried
again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.config import run as runs
from streams.city import folder as folders
from streams.city.kept import keep
from streams.errors import CityError, UnreachableError

if TYPE_CHECKING:
    from streams.city.folder import Signature

TRY_AGAIN = 2


def main(argv: list[str]) -> int:
    """Publish once."""
    from deploy.config.rules import in_force
    from streams.city.own_domains import take_in
    from streams.city.publishing import publish

    parser = argparse.ArgumentParser(
        prog="python -m deploy.supervision.publish", description="Publish a changed city folder."
    )
    parser.add_argument("--data", type=Path, required=True)
    run = runs.read(parser.parse_args(argv).data)
    try:
        take_in(run.city_edited_path)  # a rule may be of a domain that comes with it
        found = folders.read_folder(run.city_edited_path)
        number = publish(run.kafka, found, in_force(found, run.components))
        if run.city_edited:
            keep(found, run.city_copies_path)  # what parts begin with that know no versions
    except UnreachableError as error:
        print(f"the city folder was changed: {error}; trying again", flush=True)
        return TRY_AGAIN
    except CityError as error:
        print(f"the city folder was changed and cannot be used, going on with the last good one: {error}", flush=True)
        return 1
    if number is not None:
        print(f"the city folder was changed: version {number} is in force", flush=True)
    return 0


class Publisher:
    """Looks at a folder and starts `main` when it changed. What is half written is no city: it looks twice."""

    def __init__(self, data: Path) -> None:
        self._data = data
        run = runs.read(data)
        self._folder = run.city_edited_path
        self._seen = folders.signature(self._folder)
        self._done: Signature | None = None
        if folders.read_folder(self._folder).digest == folders.read_folder(run.city_path).digest:
            self._done = self._seen  # what the city began with is published
        self._at_work: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Look once; what is said goes to the log of this process."""
        now = folders.signature(self._folder)
        still, self._seen = now == self._seen, now
        ended = None if self._at_work is None else self._at_work.poll()
        if ended == TRY_AGAIN:
            self._at_work, self._done = None, None
        if not still or now == self._done or (self._at_work is not None and ended is None):
            return
        self._done = now
        command = [sys.executable, "-m", "deploy.supervision.publish", "--data", str(self._data)]
        self._at_work = subprocess.Popen(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
