"""The alarm engine: detections and commands in, journal and alarms out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from alerts.engine import Engine
from deploy.config.command_key import command_key
from streams.alarms.alarm_stage import AlarmStage
from streams.engine.run import run_stage

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    run_stage(AlarmStage(partial(Engine, command_key(run))), run.kafka, run.data_path, run.worker_name("alarms"))
