"""One supervised process: started, watched, started again with a growing pause when it ends by itself."""

from __future__ import annotations

import signal
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from deploy.supervision import logfiles, process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0
"""A process that ran so long is taken for well: the next pause is the first one again."""
STEADY_AFTER_STILL_S = 300.0
"""The same for one that ended because it stood still, which takes longer to show."""
SERVES_WITHIN_S = 300.0
"""A server that serves nobody by then hangs, as a broker may that was asked to end while it started."""
EXIT_STILL = 75
"""The code with which a worker's own watchdog ends it."""
LONGEST_REASON = 300

State = Literal["starting", "running", "waiting", "stopping", "stopped"]

GO = b"go\n"
"""What a part reads on its standard input once the servers and topics are there."""


def now_ms() -> int:
    """Return the wall clock, epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a child is run."""

    name: str
    command: Sequence[str]
    bind: bool = False
    """It cannot notice our death by itself."""
    needs_go: bool = True
    """It is a part: it waits for GO."""
    is_ready: Callable[[], bool] | None = None
    """Whether it serves; None = as soon as it runs."""
    grace_s: float = 5.0
    env: Mapping[str, str] | None = None
    """Added to our own environment."""
    absorbs: str | None = None
    """The part whose partitions it shares with the other workers of it; None = it reads none."""


class Ended(NamedTuple):
    """An end that was not asked for."""

    at_ms: int
    """Wall clock."""
    code: int
    why: str
    still: bool


@dataclass
class Child:
    """A plan under way. Invariant: at most one process of it exists."""

    plan: Plan
    log: Path
    now: Callable[[], float] = time.monotonic
    running: subprocess.Popen[bytes] | None = None
    state: State = "stopped"
    restarts: int = 0
    ended: deque[Ended] = field(default_factory=lambda: deque(maxlen=20))
    """Its ends, oldest first."""
    _begun_at: float = 0.0
    _pause_s: float = FIRST_PAUSE_S
    _gone: bool = False
    _condemned: str | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is none."""
        return None if self.running is None else self.running.pid

    def start(self) -> None:
        """Start it for the first time."""
        self.state = "starting"
        self._begun_at = self.now()
        self._gone = False
        self.running = process.start(self.plan.command, self.log, bind=self.plan.bind, env=self.plan.env)

    def go(self) -> None:
        """Tell it, once, that the servers are there."""
        if self._gone or self.running is None or not self.plan.needs_go:
            return
        self._gone = True
        if self.running.stdin is not None:
            try:
                self.running.stdin.write(GO)
                self.running.stdin.flush()
            except BrokenPipeError:  # it has just ended; `watch` will see it
                return

    def watch(self, *, may_go: bool) -> bool:
        """Look after it: note its end, start it again when its pause is over → whether its state changed."""
        before = (self.state, self.pid)
        if self.running is not None and self.running.poll() is not None:
            self._note_end(self.running)
        if self.state == "waiting" and self.now() >= self._begun_at:
            self.restarts += 1
            self.start()
        if may_go:
            self.go()
        if self.state == "starting" and (self._gone or not self.plan.needs_go):
            if self.plan.is_ready is None or self.plan.is_ready():
                self.state = "running"
            elif self.now() - self._begun_at > SERVES_WITHIN_S:
                self.condemn(f"it did not serve within {SERVES_WITHIN_S:.0f} s of its start")
        return before != (self.state, self.pid)

    def condemn(self, why: str) -> None:
        """Kill it and remember why; `watch` starts it again. Even a stopped process dies of it."""
        if self.running is not None and self._condemned is None:
            self._condemned = why
            self.running.kill()

    def ask(self) -> None:
        """Ask it to end for good, without waiting."""
        self.state = "stopping"
        if self.running is not None:
            process.ask(self.running)

    def end(self) -> None:
        """Wait until it has ended, and insist."""
        if self.running is not None:
            process.end(self.running, self.plan.grace_s)
        self.running, self.state = None, "stopped"

    def _note_end(self, ended: subprocess.Popen[bytes]) -> None:
        process.sweep(ended)
        self.running, self.state = None, "waiting"
        now = self.now()
        still = self._condemned is not None or ended.returncode == EXIT_STILL
        if now - self._begun_at > (STEADY_AFTER_STILL_S if still else STEADY_S):
            self._pause_s = FIRST_PAUSE_S
        why = self._condemned or self._last_words(ended.returncode)
        self.ended.append(Ended(now_ms(), ended.returncode, why, still))
        self._condemned = None
        self._begun_at = now + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _last_words(self, code: int) -> str:
        """Return its last line, or the signal that killed it."""
        if code < 0:
            return signal.Signals(-code).name
        return "".join(logfiles.tail(self.log, 1))[:LONGEST_REASON] or "it said nothing"
