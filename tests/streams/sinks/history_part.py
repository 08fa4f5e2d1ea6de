"""The history sink in its run loop, with little room: `python -m tests.streams.sinks.history_part KAFKA FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from alerts import course
from streams.engine.run import run_stage
from streams.sinks.history import sink, sqlite_file
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill

SPILL_BYTES = 60_000

if __name__ == "__main__":
    kafka, folder = sys.argv[1], Path(sys.argv[2])
    sink.BATCH_ROWS = 50
    sqlite_file.WAIT_S = 0.1
    spill = Spill(folder / "spill", SPILL_BYTES)
    made = HistorySink(lambda: open_history(folder / "history.sqlite"), spill, unsealed=course.link)
    run_stage(made, kafka, folder, "sinks_history")
