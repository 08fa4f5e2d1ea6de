"""Compile every kernel by calling it once on almost nothing; later starts load the machine code from its cache.

`python -m streams.warming` does it by hand.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from streams.intake.reader import Reader
from streams.kernel import digests, texts
from streams.kernel.compiling import CACHE, kept_in
from streams.transport.wire import WireBatch, framed
from streams.zone.dedup import compiled_judge
from streams.zone.seen import Seen

if TYPE_CHECKING:
    from pathlib import Path

ALL = "all"
"""A file that says, beside machine code, that none is missing there."""
RECORD = bytes([0x12, 0, 0, 0, 1, 6, *b"{}x", 0])
"""As it lies in a batch: size 9, attributes, time and offset deltas 0, null key, three bytes of value, no headers."""


def load() -> None:
    """Load them all, well under a second; where nothing is kept yet, compile them first, some 10 s.

    That is done in a process of its own, with which the compiler's memory goes. Who comes meanwhile waits for it.
    """
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = kept_in(digests.add)
            if not (kept / ALL).exists() and not _adopt(kept):
                command = [sys.executable, "-m", "streams.warming"]
                subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # what fails there is compiled here
    except OSError:  # numba keeps it elsewhere then, or nowhere
        pass
    warm()


def _adopt(kept: Path) -> bool:
    """Take over what was compiled where this tree stood before it was moved or copied → whether there was any.

    It is as good here: all that stands in CACHE is of sources with the same text.
    """
    there = next((path.parent for path in sorted(CACHE.glob(f"*/{ALL}"))), None)
    if there is None:
        return False
    shutil.copytree(there, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns(ALL))
    (kept / ALL).touch()  # last: who is killed before begins anew
    return True


def warm() -> None:
    """Call each of them once: what is not kept yet is compiled."""
    records = framed([WireBatch(RECORD, 1, 0, 0, -1, 0)])
    Reader(("speed_km_h",), texts.sensor_table(["d"])).read(records)
    seen = Seen.empty()
    seen.grow(1)
    judge = compiled_judge()
    at_ms, column = np.ones(1, np.int64), np.ones(1)
    judge(seen, (np.zeros(1, np.intp), at_ms), {"speed_km_h": column}, 0)
    at_ms.flags.writeable = column.flags.writeable = False  # as they come out of a frame: for numba another type
    judge(seen, (np.zeros(1, np.intp), at_ms), {"speed_km_h": column}, 0)


if __name__ == "__main__":
    warm()
    (kept_in(digests.add) / ALL).touch()
