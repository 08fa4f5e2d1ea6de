"""Child processes that never outlive us: how one is started, how one is stopped, which ports are free."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LOOPBACK = "127.0.0.1"


def start(
    command: Sequence[str], log: Path, *, bind: bool, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, its output appended to `log`, its stdin a pipe from us.

    `bind`: it cannot notice our death by itself, so `deploy.supervision.bound` sees to it. Call this from the main
    thread only: Linux takes the end of the starting thread for the end of the starter.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    bound = [sys.executable, "-m", "deploy.supervision.bound", str(os.getpid())] if bind else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*bound, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else {**os.environ, **env},
            process_group=0,
        )


def stop(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask a child to end, insist after `grace_s`, and sweep up what it left in its group."""
    ask(process)
    end(process, grace_s)


def ask(process: subprocess.Popen[bytes]) -> None:
    """Ask a child to end."""
    if process.poll() is None:
        process.terminate()


def end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Wait for a child that was asked to end, insist after `grace_s`, and sweep up what it left in its group."""
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
    sweep(process)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever a child's process group still holds, and forget the child."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nothing left; macOS says so with EPERM
        pass
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def free_ports(count: int) -> list[int]:
    """Find that many different free loopback ports."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def wait_open(process: subprocess.Popen[bytes], port: int, timeout_s: float) -> bool:
    """Wait until a child listens on a port → False when it ended or took too long."""
    return any(is_open(port) for _ in _while_running(process, timeout_s))


def _while_running(process: subprocess.Popen[bytes], timeout_s: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout_s
    while process.poll() is None and time.monotonic() < deadline:
        yield
        time.sleep(0.05)
