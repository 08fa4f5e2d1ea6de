"""`python -m tests.bench.contestant NAME KAFKA FOLDER CITY PROCESS`: one process of one contestant in Python."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.bench.place import Place


def command(name: str, process: str, place: Place, python: str = sys.executable) -> list[str]:
    """Say how to run the contestant's `main(process, place)`, with a Python of its own if it has one."""
    return [python, "-m", "tests.bench.contestant", name, *place.arguments, process]


if __name__ == "__main__":
    name, bootstrap, folder, city, process = sys.argv[1:]
    importlib.import_module(f"tests.bench.contestants.{name}").main(process, Place(bootstrap, Path(folder), Path(city)))
