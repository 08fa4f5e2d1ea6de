"""How hard a process tries: time that it worked, or waited for a processor, is no proof that it stands still."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import psutil

WORKING_SHARE = 0.9
"""So much of the time that it worked is an excuse: who turns in circles is found as well, after ten times the limit."""


class Work(NamedTuple):
    """What a process has used since it began."""

    cpu_s: float
    waited_s: float
    """Ready to run while others had the processors: what a loaded machine costs. 0 where the system does not say."""


def work_of(pid: int) -> Work | None:
    """Return what a process has used so far, None when it is not there."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return Work(times.user + times.system, _waited_s(pid))


def _waited_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Effort:
    """Tells from look to look how much of the time between is excused."""

    def __init__(self) -> None:
        self._before: dict[int, Work] = {}

    def since_s(self, pid: int | None = None) -> float:
        """Return the seconds since the last look at a process that are no standstill; 0 at the first."""
        pid = os.getpid() if pid is None else pid
        now, before = work_of(pid), self._before.get(pid)
        if now is None:
            return 0.0
        self._before[pid] = now
        return 0.0 if before is None else excused_s(before, now)


def excused_s(before: Work, now: Work) -> float:
    """Weigh the work between two looks.

    >>> excused_s(Work(1.0, 2.0), Work(2.0, 6.0))
    4.9
    """
    return WORKING_SHARE * (now.cpu_s - before.cpu_s) + now.waited_s - before.waited_s
