"""The second level: processors that read metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.config.hosting import hosted
from streams.engine.run import run_stage
from streams.second.second_stage import SecondLevelStage

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    part = run.worker_name("processors_second")
    stage = SecondLevelStage(run.city_path, hosted(run, second_level=True), data=run.data_path, part=part)
    run_stage(stage, run.kafka, run.data_path, part)
