"""The history sink: final rows, books, alarms and their events to SQLite or InfluxDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import course
from streams.engine.run import run_stage
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import FOLDER_NAME, MIB, Spill

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    spill = Spill(run.data_path / FOLDER_NAME, run.history_spill_mib * MIB)
    keep_all = run.mode == "replay"
    sink = HistorySink(lambda: open_history(run.history, keep_all=keep_all), spill, unsealed=course.link)
    run_stage(sink, run.kafka, run.data_path, run.worker_name("sinks_history"))
