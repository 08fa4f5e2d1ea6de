"""Java of the peers that need one: where it is, and the heap that each of them gets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.bench.contract import ContestantError

HEAP = (
    "-Xms1g",  # the heap does not grow while it is timed, and 1 GB is more than any of them fills
    "-Xmx1g",
    "-XX:+UseParallelGC",  # least CPU of the collectors; on two cores Java would choose G1
)


def program(name: str) -> str:
    """Find `java` or `mvn`."""
    found = shutil.which(name)
    if found is None:
        raise ContestantError(f"{name} is not on the PATH; the JVM peers need a JDK, 17 or later, and Maven 3.8")
    return found


def home() -> str:
    """Return the folder of Java (`JAVA_HOME`, else the one on the PATH), for what loads it into its own process."""
    return os.environ.get("JAVA_HOME") or str(Path(program("java")).resolve().parents[1])
