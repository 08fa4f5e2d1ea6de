"""The notifiers: alarms in, messages to people and systems elsewhere; started only where the settings have a route."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from alerts.notifiers.dispatch import Dispatch
from deploy.config.notifying import FromCity, deliver
from streams.alarms.notify_stage import NotifyStage
from streams.city.known import Cities
from streams.engine.run import run_stage

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    cities = Cities(run.city_path)
    setting = FromCity(run, cities)
    routes = {route.name: route for route in run.notifiers.routes}
    stage = NotifyStage(lambda: Dispatch(run.notifiers.routes, setting), partial(deliver, routes, setting), cities)
    run_stage(stage, run.kafka, run.data_path, run.worker_name("notifiers"))
