"""Compile every kernel by calling it once on almost nothing; later starts load the machine code from its cache.

`python -m streams.warming` does it by hand.
"""

from __future__ import annotations

import numpy as np

from streams.intake.reader import Reader
from streams.kernel import texts
from streams.transport.wire import WireBatch, framed
from streams.zone.dedup import Seen, compiled_judge

RECORD = bytes([0x12, 0, 0, 0, 1, 6, *b"{}x", 0])
"""As it lies in a batch: size 9, attributes, time and offset deltas 0, null key, three bytes of value, no headers."""


def warm() -> None:
    """Compile or load them all: some 10 s the first time, well under a second later."""
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
