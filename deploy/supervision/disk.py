"""Room on the disk of a data folder: when there is too little of it, and the sentence that says so."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from streams.contract.name import Name
from streams.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOW_BYTES = 512 * 2**20
"""Below it the city is degraded: a few hours of a small city's log, time enough to do something."""
NONE_BYTES = 64 * 2**20
"""Below it a start is pointless: Kafka could not lay out its partitions."""


def free_bytes(folder: Path) -> int | None:
    """Return the room left where a folder lies, None where that cannot be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def trouble(folder: Path, free: int | None) -> list[Name]:
    """Say that the disk is full, or nearly."""
    if free is None or free >= LOW_BYTES:
        return []
    room = f"{free / 2**20:,.0f} MiB ({free:,} bytes)"
    full = free < NONE_BYTES
    return [
        Name(
            f"{folder} 所在磁盘{'已满' if full else '将满'}：剩余 {room}；请腾出空间，或用 --data DIR 换到更大的磁盘",
            f"the disk of {folder} is {'full' if full else 'nearly full'}: {room} are left; make room, or move the "
            "city to a larger disk with --data DIR",
        )
    ]


def refuse_full(folder: Path, free: int | None, say: Callable[[str], None]) -> None:
    """Say that there is little room.

    Raises ConfigError when there is too little to start at all.
    """
    for reason in trouble(folder, free):
        if free is not None and free < NONE_BYTES:
            raise ConfigError(reason.en)
        say(reason.en)
