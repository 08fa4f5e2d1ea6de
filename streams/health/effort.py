"""What excuses a process: time that it worked, or waited for a processor or for slow brokers, is no standstill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORKING_SHARE = 0.9
"""So much of the time that it worked is an excuse: who turns in circles is found as well, after ten times the limit."""
QUICK_S = 0.1
"""Brokers that answer so soon are no excuse; on a machine with nothing else to do it takes them some milliseconds."""
PROC = Path("/proc")


class Work(NamedTuple):
    """What a process has used so far."""

    cpu_s: float
    waited_s: Mapping[int, float]
    """Thread → ready to run while others had the processors: what a loaded machine costs. Empty where the system does
    not say."""


def work_of(pid: int, proc: Path = PROC) -> Work | None:
    """Return what a process has used so far, None when it is not there."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return Work(times.user + times.system, waited_s(pid, proc))


def waited_s(pid: int, proc: Path = PROC) -> dict[int, float]:
    """Return how long each thread of a process has waited for a processor: `/proc/PID/schedstat` is its first one's."""
    try:
        threads = os.listdir(proc / str(pid) / "task")
    except OSError:
        return {}
    return {int(thread): _thread_waited_s(proc / str(pid) / "task" / thread / "schedstat") for thread in threads}


def _thread_waited_s(file: Path) -> float:
    try:
        return int(file.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):  # it has just ended, or the system does not say
        return 0.0


class Effort:
    """Tells from look to look how much of the time between is excused."""

    def __init__(self, work: Callable[[int], Work | None] = work_of) -> None:
        self._work = work
        self._before: dict[int, Work] = {}

    def since_s(self, pid: int | None = None) -> float:
        """Return the seconds since the last look at a process that are no standstill; 0 at the first."""
        pid = os.getpid() if pid is None else pid
        now, before = self._work(pid), self._before.pop(pid, None)
        if now is None:
            return 0.0
        self._before[pid] = now
        return 0.0 if before is None else excused_s(before, now)


def excused_s(before: Work, now: Work) -> float:
    """Weigh the work between two looks, of all threads; one that has ended meanwhile takes its last wait along.

    >>> excused_s(Work(1.0, {7: 2.0, 8: 30.0}), Work(2.0, {7: 5.0, 9: 1.0}))
    4.9
    """
    known = before.waited_s
    waited = sum(max(waited_s - known.get(thread, 0.0), 0.0) for thread, waited_s in now.waited_s.items())
    return WORKING_SHARE * (now.cpu_s - before.cpu_s) + waited


def beyond_s(since_s: float, tried_s: float, answer_s: float) -> float:
    """Return how much of a time is excused: what it tried, and of the rest what slow brokers cost.

    Whoever waits for ten of their answers waits longer by as much as they are slower. `answer_s`: how long one takes.

    >>> beyond_s(10.0, 4.0, 0.01), beyond_s(10.0, 4.0, 0.6), beyond_s(10.0, 12.0, 0.6)
    (4.0, 9.0, 12.0)
    """
    return tried_s + max(since_s - tried_s, 0.0) * (1 - QUICK_S / max(answer_s, QUICK_S))
