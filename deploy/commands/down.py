"""`citywall down`: stop a city from elsewhere."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

SUMMARY = "Stop the city of --data"
WITHIN_S = 40.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: --data says which city."""


def run(args: argparse.Namespace) -> int:
    """Ask its supervisor to stop and wait until everything has ended."""
    from deploy.supervision import folder
    from deploy.terminal.reading import data_of
    from streams.errors import ConfigError

    data = data_of(args)
    holder = folder.holder(data)
    if holder is None:
        print(f"nothing runs in {data}")
        return 0
    if not holder.pid:
        raise ConfigError(f"{data} is held by a process that has not said yet which it is; try again in a moment")
    _signal(holder.pid, signal.SIGTERM)
    if not _released(data, WITHIN_S):
        _signal(holder.pid, signal.SIGKILL)  # its children are bound to it
        _released(data, 5.0)
    print(f"{holder.city} in {data} is stopped")
    return 0


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _released(data: Path, within_s: float) -> bool:
    from deploy.supervision import folder

    deadline = time.monotonic() + within_s
    while folder.holder(data) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
