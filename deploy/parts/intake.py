"""Intake: inbox JSON in, checked frames out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.run import run_stage
from streams.intake_stage import IntakeStage

if TYPE_CHECKING:
    from deploy.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(IntakeStage(run.city_path), run.kafka, run.data_path, "intake")
