"""The compiled kernel: Kafka's record batches become numpy columns without a Python object per record or reading.

An accelerator and nothing more: what it does not take, it leaves to `streams.intake.decode`, and without it everything
runs as before. `wire` frames records, `rows` reads their JSON, `repeats` judges repeats; numba compiles them once and
keeps the machine code beside the files, or in its own cache where those cannot be written.

Rules of the folder: no function reads outside the bounds it was given, whatever the bytes; a record is taken whole or
not at all; and what is taken is what the slow decoder would have said (`tests/streams/kernel`).
"""

from __future__ import annotations

from importlib.util import find_spec


def available() -> bool:
    """Tell whether numba is installed here."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None
