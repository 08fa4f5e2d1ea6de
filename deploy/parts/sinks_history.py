"""The history sink: final rows, books and alarms to SQLite or InfluxDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.run import run_stage
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink

if TYPE_CHECKING:
    from deploy.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(HistorySink(open_history(run.history)), run.kafka, run.data_path, "sinks_history")
