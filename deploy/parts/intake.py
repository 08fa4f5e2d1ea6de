"""Intake: inbox JSON in, checked frames out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.config.hosting import prepare, uses_kernel
from streams.engine.run import run_stage
from streams.intake.intake_stage import IntakeStage

if TYPE_CHECKING:
    from deploy.config.run import Run

__all__ = ["main", "prepare"]


def main(run: Run) -> None:
    """Run it until told to end."""
    kernel = uses_kernel(run)
    stage = IntakeStage(run.city_path, kernel=kernel)
    run_stage(stage, run.kafka, run.data_path, run.worker_name("intake"), framed=kernel)
