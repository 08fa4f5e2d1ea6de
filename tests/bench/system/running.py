"""A city under measurement: `citywall up` in a process of its own, ended with the block, and what its processes use."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from deploy.config import run as runs
from deploy.supervision import process
from deploy.supervision.supervisor import read_state

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from deploy.config.run import Run

STARTED_WITHIN_S = 180.0
ENDED_WITHIN_S = 60.0
MB = 1e6


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process, or several, use."""

    cpu_s: float
    """User and system time since its start."""
    rss_mb: float
    """Resident, pages that it shares with others included."""
    pss_mb: float
    """Resident, each page divided by the processes that share it."""


@dataclass(frozen=True)
class City:
    """A city that runs."""

    process: subprocess.Popen[bytes]
    data: Path

    @property
    def run(self) -> Run:
        """What the parts were told."""
        return runs.read(self.data)

    def usage(self) -> dict[tuple[str, int], Usage]:
        """Return (part, process id) → what it uses, for every process of the city, the supervisor included."""
        state = read_state(self.data)
        parts = {} if state is None else {part.pid: part.name for part in state.parts}
        found = {}
        root = psutil.Process(self.process.pid)
        for one in (root, *root.children(recursive=True)):
            name = "supervisor" if one.pid == root.pid else parts.get(one.pid, "other")
            try:
                times, memory = one.cpu_times(), one.memory_full_info()
            except psutil.NoSuchProcess:  # a short-lived one, just gone
                continue
            pss = getattr(memory, "pss", memory.rss)
            found[name, one.pid] = Usage(times.user + times.system, memory.rss / MB, pss / MB)
        return found

    def cores(self, over_s: float) -> dict[str, float]:
        """Watch for a time → cores that each part used.

        Raises SystemExit when a process ended meanwhile: its time would be missing.
        """
        before, began = self.usage(), time.monotonic()
        time.sleep(over_s)
        after, took_s = self.usage(), time.monotonic() - began
        gone = {name for name, _ in before.keys() - after.keys()}
        if gone:
            raise SystemExit(f"citywall bench: {', '.join(sorted(gone))} ended during the measurement")
        return {name: (after[name, pid].cpu_s - one.cpu_s) / took_s for (name, pid), one in before.items()}


@contextmanager
def running(folder: Path, *options: str) -> Iterator[City]:
    """Run `citywall up` with these options until its wall is announced, then while the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    data, log = folder / "data", folder / "up.log"
    command = [sys.executable, "-m", "deploy", "up", "--data", str(data), "--port", "0", "--no-open", *options]
    child = process.start(command, log, bind=True)
    try:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while not any(line.startswith("http://") for line in _lines(log)):
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("citywall bench: the city did not start\n" + "\n".join(_lines(log)))
            time.sleep(0.2)
        yield City(child, data)
    finally:
        process.stop(child, ENDED_WITHIN_S)


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
