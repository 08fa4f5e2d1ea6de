"""The feed of official signals: CAP documents in, findings out; started only where the settings have a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.city.known import Cities
from streams.engine.run import run_stage
from streams.feeds.signals.stage import NAME, SignalStage

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(SignalStage(run.signals.sources, Cities(run.city_path)), run.kafka, run.data_path, run.worker_name(NAME))
