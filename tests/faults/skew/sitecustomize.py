"""A wall clock that a test can make jump: on the path of a Python process, its `time.time` adds an offset.

CITYWALL_TEST_CLOCK names a file of eight bytes, the offset in seconds as a double, read anew at every look. Python
imports a module of this name at its start. What asks the kernel itself (the broker, SQLite) keeps the true time, and so
do timers: a wall clock that is set does not move them either.
"""

import mmap
import os
import struct
import time


def _install(path: str) -> None:
    with open(path, "rb") as file:
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    unpack, true_time, true_time_ns = struct.Struct("d").unpack, time.time, time.time_ns

    def skewed_time() -> float:
        return true_time() + unpack(offset[:8])[0]

    def skewed_time_ns() -> int:
        return true_time_ns() + int(unpack(offset[:8])[0] * 1e9)

    time.time, time.time_ns = skewed_time, skewed_time_ns


if os.environ.get("CITYWALL_TEST_CLOCK"):
    _install(os.environ["CITYWALL_TEST_CLOCK"])
