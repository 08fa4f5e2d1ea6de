"""The parts' log files: bounded without their writers' help, read and followed by `citywall logs`."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_BYTES = 4 * 2**20
KEPT = 2
FOLLOW_EVERY_S = 0.3


def path(data: Path, part: str) -> Path:
    """Return where a part's output goes."""
    return data / "logs" / f"{part}.log"


def bound(log: Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Move what a log holds to `<log>.1` once it is large, and go on with the empty file.

    Its writers have it open for appending, so their next line begins at its new end.
    """
    try:
        if log.stat().st_size < largest_bytes:
            return
        for number in range(KEPT, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    except OSError:  # a full disk: the log goes on growing, the city goes on running
        return


def tail(log: Path, lines: int) -> list[str]:
    """Return the newest lines of a log, those moved away included."""
    found: list[str] = []
    for part in (log, *(log.with_name(f"{log.name}.{number}") for number in range(1, KEPT + 1))):
        if len(found) < lines and part.exists():
            found = part.read_text(encoding="utf-8", errors="replace").splitlines() + found
    return found[-lines:]


def follow(log: Path) -> Iterator[str]:
    """Yield what is appended to a log from now on, for ever."""
    position = log.stat().st_size if log.exists() else 0
    while True:
        size = log.stat().st_size if log.exists() else 0
        if size < position:
            position = 0
        if size > position:
            with log.open("rb") as file:
                file.seek(position)
                text = file.read()
            position += len(text)
            yield text.decode("utf-8", errors="replace")
        else:
            time.sleep(FOLLOW_EVERY_S)
