"""Compile every kernel by calling it once on almost nothing; later starts load the machine code from its cache.

`python -m streams.warming` does it by hand.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys

import numpy as np

from streams.intake.reader import Reader
from streams.kernel import texts
from streams.kernel.compiling import CACHE
from streams.transport.wire import WireBatch, framed
from streams.zone.dedup import compiled_judge
from streams.zone.seen import Seen

KEPT = CACHE / "all"
"""Says that none is missing there."""
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
            if not KEPT.exists():
                command = [sys.executable, "-m", "streams.warming"]
                subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # what fails there is compiled here
    except OSError:  # numba keeps it elsewhere then, or nowhere
        pass
    warm()


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
    KEPT.touch()
