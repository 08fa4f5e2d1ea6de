"""The alarm engine: detections and commands in, journal and alarms out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.engine import Engine
from streams.alarms.alarm_stage import AlarmStage
from streams.engine.run import run_stage

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(AlarmStage(Engine), run.kafka, run.data_path, run.worker_name("alarms"))
