"""The live sink: newest values to Redis, for the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.vitals import sensor_metrics
from deploy.config.components import discover
from streams.city.known import Cities
from streams.contract.spec import all_metrics
from streams.engine.run import run_stage
from streams.sinks.live import LiveSink
from streams.sinks.live_redis import LiveRedis

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    specs = discover().values()
    methods = {metric.name: metric.method for spec in specs for metric in all_metrics(spec)}
    methods |= {metric.name: metric.method for spec in specs for metric in spec.metrics}
    about = {"mode": run.mode, "speed": 0.0 if run.speed == "max" else run.speed}
    redis = LiveRedis(run.redis, run.city_id, str(run.started_ms))
    stage = LiveSink(Cities(run.city_path), redis, about, methods, sensor_metrics())
    run_stage(stage, run.kafka, run.data_path, run.worker_name("sinks_live"))
