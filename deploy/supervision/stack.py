"""A whole city: which processes it has, how it is started, and when it may be called started."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from deploy import parts
from deploy.embedded import kafka, valkey
from deploy.supervision import logfiles, process, pulses
from deploy.supervision.child import SERVES_WITHIN_S, Plan
from deploy.supervision.reasons import not_at_work
from deploy.supervision.supervisor import Supervisor
from streams.errors import ServerError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from deploy.config.run import Mode, Run
    from deploy.supervision.supervisor import PartState

LIVING_WITHIN_S = 60.0
"""A city that is not living by then, from when its parts may begin, is announced with what it lacks."""
REPLAY_WITHIN_S = 45.0
"""A replay, from when the command began: as soon then as its wall answers."""

BROUGHT_WAIT_S, OWN_WAIT_S = SERVES_WITHIN_S, 10.0
"""How long a server may take to answer: one that we start ourselves, and one that should be there already."""
SLOW_START_S = 30.0
"""A server of ours that takes longer is said to be slow; one that only ends is given up …"""
ENDS_TOO_OFTEN = 4
"""… once it has ended so often."""

SERVER_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
PART_ENVIRONMENT = {
    **SERVER_ENVIRONMENT,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "PYTHONUNBUFFERED": "1",
}
"""Small columns on a small machine: no thread pools, no arenas."""


def choose_port(bind: str, port: int) -> int:
    """Return the wall's port; 0 becomes a free one.

    Raises SettingError when it cannot be had.
    """
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as exc:
            raise SettingError(
                f"port {port} on {bind} cannot be used ({exc.strerror}); choose another with --port N, 0 = any free one"
            ) from exc
        return int(probe.getsockname()[1])


def server_plans(broker: kafka.Kafka | None, redis: valkey.Valkey | None) -> list[Plan]:
    """List the embedded servers among a city's processes."""
    plans = []
    if redis is not None:
        plans.append(_server_plan("redis", redis.command, redis.port, valkey.STOP_S))
    if broker is not None:
        plans.append(_server_plan("broker", broker.command, broker.port, kafka.STOP_S))
    return plans


def _server_plan(name: str, command: list[str], port: int, grace_s: float) -> Plan:
    return Plan(
        name=name,
        command=command,
        bind=True,
        needs_go=False,
        is_ready=lambda: process.is_open(port),
        grace_s=grace_s,
        env=SERVER_ENVIRONMENT,
    )


def part_plans(
    data: Path, supervisor_pid: int, workers: Mapping[str, int], without: Collection[str] = ()
) -> list[Plan]:
    """List the parts among a city's processes, one for each file of `deploy/parts/`, or as many as `workers` says."""
    return [
        _part_plan(name, number, data, supervisor_pid)
        for name in parts.names()
        if name not in without
        for number in range(1, workers.get(name, 1) + 1)
    ]


def _part_plan(part: str, number: int, data: Path, supervisor_pid: int) -> Plan:
    command = [sys.executable, "-m", "deploy.parts", part, "--data", str(data), "--under", str(supervisor_pid)]
    return Plan(
        name=part if number == 1 else f"{part}-{number}",
        command=[*command, "--worker", str(number)],
        env=PART_ENVIRONMENT,
        absorbs=None if part in parts.WITHOUT_STAGE else part,
    )


def tail_plan(data: Path) -> Plan:
    """Describe the supervisor's tail reader."""
    command = [sys.executable, "-m", "deploy.supervision.tail", "--data", str(data)]
    return Plan(name="tail", command=command, bind=True, needs_go=False, env=PART_ENVIRONMENT, grace_s=1.0)


class Health:
    """Asks the wall, in a thread, until it shows enough or `end` is called."""

    def __init__(self, host: str, port: int, mode: Mode) -> None:
        self._address = (host, port)
        self._mode = mode
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True, name="health")
        self.enough = self.answers = False
        self.reasons: list[str] = []

    def begin(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()

    def _ask(self) -> None:
        while not self._ended.wait(0.25):
            found = ask_health(*self._address)
            if found is not None:
                self.reasons = [str(reason) for reason in found.get("reasons", [])]
                self.answers, self.enough = True, shows_enough(found, self._mode)
                if self.enough:
                    return


def shows_enough(health: Mapping[str, Any], mode: Mode) -> bool:
    """Tell whether a wall's city may be announced: a living one; of a replay, one that shows any value of this start.

    A replay at full speed comes in bursts and may be over before the wall is open: its feeds are late then, and all is
    as it should be.
    """
    if health.get("status") == "ok":
        return True
    domains = health.get("domains", {}).values()
    return mode == "replay" and any(domain.get("state") != "unheard" for domain in domains)


def ask_health(host: str, port: int, timeout_s: float = 2.0) -> dict[str, Any] | None:
    """Return what the wall says of itself, None when it does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        found = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


class SlowStart:
    """Looks at the servers that we start: says once that one takes long, and gives up what only ends."""

    def __init__(self, data: Path, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._say = say
        self._clock = clock
        self._begun_s = clock()
        self._told = False

    def look(self, servers: Sequence[PartState]) -> None:
        """Raise ServerError, with what it said last, for a server that cannot run."""
        if self._clock() - self._begun_s < SLOW_START_S:
            return
        for one in servers:
            log = logfiles.path(self._data, one.name)
            if one.state != "running" and len(one.ends) >= ENDS_TOO_OFTEN:
                raise ServerError(f"{one.name} ended {len(one.ends)} times in its start: {one.ends[-1].why}; see {log}")
            if one.state != "running" and not self._told:
                self._told = True
                self._say(f"{one.name} takes long to start: the machine has much else to do, or {log} says why")


class Stack:
    """One start of a city."""

    def __init__(self, run: Run, supervisor: Supervisor, say: Callable[[str], None], begun_s: float) -> None:
        self._run = run
        self._begun_s = begun_s
        self._supervisor = supervisor
        self._say = say
        self._health = Health(run.bind, run.port, run.mode)

    def start(self) -> bool:
        """Start everything → False when asked to stop meanwhile.

        Raises ServerError with the reason when a server cannot be used.
        """
        self._supervisor.start()
        log = logfiles.path(self._run.data_path, "provision")
        log.unlink(missing_ok=True)
        wait_s = str(BROUGHT_WAIT_S if self._supervisor.brings("broker") else OWN_WAIT_S)
        command = [sys.executable, "-m", "deploy.supervision.provision", "--data", self._run.data, "--wait-s", wait_s]
        provision = process.start(command, log, bind=True)
        slow = SlowStart(self._run.data_path, self._say)

        def ready_or_lost() -> bool:
            slow.look(self._supervisor.servers())
            return provision.poll() is not None

        try:
            ready = self._supervisor.run_until(ready_or_lost)
        finally:
            process.stop(provision, 1.0)
        if not ready:
            return False
        if provision.returncode != 0:
            raise ServerError(_last_line(log) or f"the topics could not be created; {log} says why")
        self._say(f"Kafka at {self._run.kafka}, topics are there; waiting for the first data on the wall")
        self._supervisor.let_parts_go()
        self._health.begin()
        return True

    def run(self, over: Callable[[], bool], announced: Callable[[], None]) -> bool:
        """Print the wall's address once the city lives; run until `over` or asked to stop → whether it was over."""
        until = time.monotonic() + LIVING_WITHIN_S
        told = False

        def look() -> bool:
            nonlocal told
            if not told:
                lacks = self._lacks()
                if not lacks or time.monotonic() > until or self._may_wait_no_longer():
                    told = True
                    self._announce(lacks)
                    announced()
            return over()

        try:
            return self._supervisor.run_until(look)
        finally:
            self._health.end()

    def _may_wait_no_longer(self) -> bool:
        overdue = self._run.mode == "replay" and time.monotonic() - self._begun_s > REPLAY_WITHIN_S
        return overdue and self._health.answers

    def _lacks(self) -> list[str]:
        """Say what a living city does not have yet: a wall with data, or a part at work."""
        if not self._health.enough:
            return self._health.reasons or ["the wall does not answer yet"]
        if self._run.mode == "replay":
            return []
        idle = not_at_work(self._supervisor.state(), pulses.read(self._run.data_path))
        return [reason.en for reason in idle.values()]

    def _announce(self, lacks: Sequence[str]) -> None:
        if lacks:
            self._say(f"the city is not living yet: {'; '.join(lacks)}; `citywall status` tells more")
        self._say(self._run.wall)


def open_browser(address: str) -> None:
    """Show the wall, where a browser can be found."""
    code = "import sys, webbrowser; webbrowser.open(sys.argv[1])"
    subprocess.Popen(
        [sys.executable, "-c", code, address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
