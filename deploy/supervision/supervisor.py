"""The supervisor: starts a city's processes, keeps them running and ends them all; nothing of the city runs inside it.

Whatever ends it, Ctrl-C, SIGTERM, an error or SIGKILL, leaves no process and no port behind.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from deploy.supervision import folder, logfiles
from deploy.supervision.child import Child, now_ms
from deploy.supervision.standing import Standing
from deploy.supervision.watch import Still

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from deploy.supervision.child import Plan

STATE_FILE = "supervisor.json"
TICK_S = 0.1
LOOK_EVERY_S = 1.0
BOUND_LOGS_EVERY_S = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class End(msgspec.Struct):
    """A process ended by itself."""

    at_ms: int
    code: int
    """Exit code; below 0: the signal that killed it."""
    why: str = ""
    """Its last words, or why it was killed."""
    still: bool = False
    """It stood still: its own watchdog ended it, or the supervisor's watch killed it."""


class PartState(msgspec.Struct, kw_only=True):
    """A supervised process, as `status` shows it."""

    name: str
    state: str
    pid: int | None
    restarts: int
    ends: list[End] = []
    """The last times that it ended by itself, oldest first."""
    absorbs: bool = False
    """It reads partitions and has a pulse."""


class SupervisorState(msgspec.Struct, kw_only=True):
    """What the supervisor knows, in `<data>/supervisor.json`."""

    pid: int
    phase: str
    """`starting`, `running` or `stopping`."""
    at_ms: int
    parts: list[PartState]
    stills: list[Still] = []
    """What stands still, as the watch sees it."""


class Supervisor:
    """The processes of one city. Use from the main thread: children are bound to it."""

    def __init__(
        self,
        data: Path,
        servers: Sequence[Plan],
        parts: Sequence[Plan],
        say: Callable[[str], None] = print,
        tail: Plan | None = None,
    ) -> None:
        self._data = data
        self._say = say
        self._servers = [Child(plan, logfiles.path(data, plan.name)) for plan in servers]
        self._parts = [Child(plan, logfiles.path(data, plan.name)) for plan in parts]
        self._wake = threading.Event()
        self._stopping = False
        self._may_go = False
        self._phase = "starting"
        self._standing = Standing(data, None if tail is None else Child(tail, logfiles.path(data, tail.name)))
        self._stills: list[Still] = []
        self._looked_at = self._logs_bounded_at = 0.0

    @property
    def stopping(self) -> bool:
        """Whether someone asked it to end."""
        return self._stopping

    def request_stop(self) -> None:
        """Ask it to end; may be called from a signal handler or another thread."""
        self._stopping = True
        self._wake.set()

    def start(self) -> None:
        """Start everything at once; parts import what they need while the servers come up."""
        for child in (*self._servers, *self._parts):
            child.start()
        self._write()

    def brings(self, name: str) -> bool:
        """Tell whether a server is among its processes."""
        return any(child.plan.name == name for child in self._servers)

    def servers(self) -> list[PartState]:
        """Tell of the servers as they are."""
        return [_part_state(child) for child in self._servers]

    def servers_ready(self) -> bool:
        """Tell whether every server serves."""
        return all(child.state == "running" for child in self._servers)

    def let_parts_go(self) -> None:
        """Tell the parts, and each that is started again, to begin."""
        self._may_go = True
        self._phase = "running"
        self._standing.start()

    def pid_of(self, name: str) -> int | None:
        """Return the process id of one, None while it has none."""
        return next(child.pid for child in (*self._servers, *self._parts) if child.plan.name == name)

    def tick(self) -> None:
        """Look after every process once."""
        changed = [child for child in (*self._servers, *self._parts) if child.watch(may_go=self._may_go)]
        for child in changed:
            self._tell(child)
        if self._may_go and time.monotonic() - self._looked_at > LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            before, self._stills = self._stills, self._standing.look(self._parts)
            changed += [child for child in self._parts if before != self._stills]
        if changed:
            self._write()
        if time.monotonic() - self._logs_bounded_at > BOUND_LOGS_EVERY_S:
            self._logs_bounded_at = time.monotonic()
            for child in (*self._servers, *self._parts):
                logfiles.bound(child.log)

    def run_until(self, done: Callable[[], bool]) -> bool:
        """Look after everything until `done` or until asked to stop → whether it was done."""
        while not self._stopping:
            self.tick()
            if done():
                return True
            self._wake.wait(TICK_S)
        return False

    def stop(self) -> None:
        """End every process: the parts together, then the servers they use."""
        self._phase = "stopping"
        self._standing.stop()
        for group in (self._parts, self._servers):
            for child in group:
                child.ask()
            self._write()
            for child in group:
                child.end()
        self._write()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take Ctrl-C and the like as a request to stop."""
        before = {number: signal.signal(number, lambda *_: self.request_stop()) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _tell(self, child: Child) -> None:
        """Say that a process ended: the first time, and then ever more rarely."""
        often = len(child.ended)
        if child.state == "waiting" and often & (often - 1) == 0:
            end = child.ended[-1]
            self._say(f"{child.plan.name} ended with code {end.code} and is started again: {end.why}")

    def state(self) -> SupervisorState:
        """Return what it knows."""
        return SupervisorState(
            pid=os.getpid(),
            phase=self._phase,
            at_ms=now_ms(),
            parts=[_part_state(child) for child in (*self._servers, *self._parts)],
            stills=self._stills,
        )

    def _write(self) -> None:
        with suppress(OSError):  # a full disk: what runs goes on running
            folder.write_json(self._data / STATE_FILE, self.state())


def read_state(data: Path) -> SupervisorState | None:
    """Read what the supervisor of a folder last wrote."""
    try:
        return msgspec.json.decode((data / STATE_FILE).read_bytes(), type=SupervisorState)
    except (OSError, msgspec.DecodeError):
        return None


def _part_state(child: Child) -> PartState:
    return PartState(
        name=child.plan.name,
        state=child.state,
        pid=child.pid,
        restarts=child.restarts,
        ends=[End(*end) for end in child.ended],
        absorbs=child.plan.absorbs is not None,
    )
