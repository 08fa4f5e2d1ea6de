"""The zone stage with every first-level processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.hosting import hosted
from streams.engine.run import run_stage
from streams.zone_stage import ZoneStage

if TYPE_CHECKING:
    from deploy.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(ZoneStage(run.city_path, hosted(run, second_level=False)), run.kafka, run.data_path, "processors")
