"""The zone stage with every first-level processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.config.hosting import hosted, prepare, uses_kernel
from streams.engine.run import run_stage
from streams.zone.zone_stage import ZoneStage

if TYPE_CHECKING:
    from deploy.config.run import Run

__all__ = ["main", "prepare"]


def main(run: Run) -> None:
    """Run it until told to end."""
    part = run.worker_name("processors")
    mine = hosted(run, second_level=False)
    stage = ZoneStage(run.city_path, mine, kernel=uses_kernel(run), data=run.data_path, part=part)
    run_stage(stage, run.kafka, run.data_path, part)
