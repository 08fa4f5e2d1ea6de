"""Does to a city what a schedule says, while a feeder gives it its day."""

from __future__ import annotations

import resource
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import redis

from deploy.supervision import logfiles, process
from tests.faults.running import second_worker
from tests.faults.schedule import PART_OF

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

    from tests.faults.feeder import Feeder
    from tests.faults.running import City
    from tests.faults.schedule import Fault

FULL_AT_BYTES = 16 * 1024
"""No file may grow beyond it while the disk is `full`: the history's is larger from the start, a pulse is not."""
BACK_WITHIN_S = 180.0
"""A broker that was killed recovers its logs first, on a busy machine for a minute."""
LOOK_EVERY_S = 0.1
LEAVE_WITHIN_S = 20.0
KEPT_SHARE = 0.1
"""Of the day, for failpoints that nobody has come to when all faults were inflicted: where parts start slowly, …"""
REACHED_WITHIN_S = 120.0
"""… they are killed again before; then they have this long."""


class Pace:
    """Lets a feeder go as far as it is told."""

    def __init__(self) -> None:
        self._allowed = 0.0
        self._changed = threading.Condition()

    def __call__(self, minute: int) -> None:
        """Block until the minute may go out."""
        with self._changed:
            self._changed.wait_for(lambda: minute <= self._allowed)

    def allow(self, minute: float) -> None:
        """Let all minutes up to this one go out."""
        with self._changed:
            self._allowed = minute
            self._changed.notify_all()


class Inflicting:
    """One schedule under way. Use it from the main thread: second workers are bound to it."""

    def __init__(self, city: City, faults: Sequence[Fault], feeder: Feeder, say: Callable[[str], None]) -> None:
        self.done: Counter[str] = Counter()
        """Kind → how often it was inflicted; `gap reached`: how many failpoints were come to."""
        self._city, self._faults, self._feeder, self._say = city, faults, feeder, say
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._second: dict[str, subprocess.Popen[bytes]] = {}
        self._armed: dict[str, tuple[str, int]] = {}
        """Place → its specification, and how often its part's log told of it before."""
        self._began_at = 0.0
        self._do: dict[str, Callable[[Fault], None]] = {
            "kill": lambda fault: self._signal(fault.target, signal.SIGKILL),
            "end": lambda fault: self._signal(fault.target, signal.SIGTERM),
            "stop": self._stop,
            "join": lambda fault: self._second.update({fault.target: second_worker(city, fault.target)}),
            "leave": self._leave,
            "flush": lambda _: _flush(city),
            "full": self._fill,
            "clock": lambda fault: city.set_clock(fault.amount),
            "gap": self._arm,
        }

    def run(self, pace: Pace, minutes: int) -> None:
        """Inflict everything in order, the day going on beside it, to the last failpoint; then take back what lasts."""
        self._began_at = time.monotonic()
        whole_s, passed_s = sum(fault.after_s for fault in self._faults), 0.0
        kept = minutes * KEPT_SHARE
        going = minutes - kept
        try:
            for fault in self._faults:
                self._pause(fault.after_s, lambda s, so_far=passed_s: pace.allow(going * (so_far + s) / whole_s))
                passed_s += fault.after_s
                self._tell(str(fault))
                self._do[fault.kind](fault)
                self.done[fault.kind] += 1
            self._pause(
                REACHED_WITHIN_S,
                lambda s: pace.allow(going + kept * s / REACHED_WITHIN_S),
                enough=lambda: not self._armed,
            )
        finally:
            self._take_back()
        pace.allow(minutes)

    def _pause(
        self, seconds: float, passed: Callable[[float], None], enough: Callable[[], bool] = lambda: False
    ) -> None:
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds and not enough():
            passed(now)
            self._look()
            time.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        if self._feeder.error is not None:
            raise self._feeder.error
        due = [one for one in self._later if one[0] <= time.monotonic()]
        self._later = [one for one in self._later if one not in due]
        for _, work in due:
            work()
        reached = [place for place, (_, before) in self._armed.items() if self._reached(place) > before]
        for place in reached:
            del self._armed[place]
            self.done["gap reached"] += 1
            self._tell(f"  {place} was reached")
        if reached:
            self._write_failpoints()

    def _tell(self, line: str) -> None:
        self._say(f"{time.monotonic() - self._began_at:6.1f} s, minute {self._feeder.minute}: {line}")

    def _running(self, name: str) -> psutil.Process:
        """Wait for a part or server that is being started again.

        Raises TimeoutError when it does not come.
        """
        until = time.monotonic() + BACK_WITHIN_S
        while time.monotonic() < until:
            found = self._city.process(name)
            if found is not None and self._city.is_up(name):
                return found
            self._look()
            time.sleep(LOOK_EVERY_S)
        raise TimeoutError(f"{name} is not started again")

    def _signal(self, name: str, number: signal.Signals) -> None:
        found = self._running(name)
        try:
            found.send_signal(number)
        except psutil.NoSuchProcess:
            self._tell("  it has ended by itself just now")

    def _stop(self, fault: Fault) -> None:
        found = self._running(fault.target)
        try:
            found.suspend()
        except psutil.NoSuchProcess:
            return
        self._later.append((time.monotonic() + fault.amount, lambda: _resume(found)))

    def _leave(self, fault: Fault) -> None:
        worker = self._second.pop(fault.target)
        if worker.poll() is not None:
            self._tell(f"  the second {fault.target} has ended by itself: {worker.returncode}")
        if fault.amount:
            worker.kill()
        process.stop(worker, LEAVE_WITHIN_S)

    def _fill(self, fault: Fault) -> None:
        found = self._running(fault.target)
        _limit(found, FULL_AT_BYTES)
        self._later.append((time.monotonic() + fault.amount, lambda: _limit(found, resource.RLIM_INFINITY)))

    def _arm(self, fault: Fault) -> None:
        """Have the part's next process, or the one after it, be killed in the gap."""
        self._armed[fault.target] = (f"{fault.target}=kill@{fault.amount:g}", self._reached(fault.target))
        self._write_failpoints()
        self._signal(PART_OF[fault.target.split(":")[0]], signal.SIGKILL)

    def _reached(self, place: str) -> int:
        log = logfiles.path(self._city.data, PART_OF[place.split(":")[0]])
        return log.read_text(encoding="utf-8", errors="replace").count(f"failpoint {place}")

    def _write_failpoints(self) -> None:
        self._city.failpoints.write_text(",".join(spec for spec, _ in self._armed.values()), encoding="utf-8")

    def _take_back(self) -> None:
        for _, work in self._later:
            work()
        self._armed.clear()
        self._write_failpoints()
        self._city.set_clock(0.0)
        for worker in self._second.values():
            process.stop(worker, LEAVE_WITHIN_S)
        self._later, self._second = [], {}


def _resume(found: psutil.Process) -> None:
    try:
        found.resume()
    except psutil.NoSuchProcess:
        return


def _limit(found: psutil.Process, size_bytes: int) -> None:
    try:
        found.rlimit(psutil.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))
    except psutil.NoSuchProcess:
        return


def _flush(city: City) -> None:
    with redis.Redis.from_url(city.run.redis) as client:
        try:
            client.flushall()
        except redis.RedisError:  # it is being started again, and empty
            return
