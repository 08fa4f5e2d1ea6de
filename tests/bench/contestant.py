"""`python -m tests.bench.contestant NAME KAFKA FOLDER CITY PROCESS`: one process of one contestant."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.bench.place import Place

if __name__ == "__main__":
    name, bootstrap, folder, city, process = sys.argv[1:]
    importlib.import_module(f"tests.bench.contestants.{name}").main(process, Place(bootstrap, Path(folder), Path(city)))
