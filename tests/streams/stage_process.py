"""A worker of a stage: `python -m tests.streams.stage_process intake|zone|second KAFKA DATA CITY PART [changed|lossy]`.

With `changed` Faust is one that our own transport does not fit; with `lossy` it loses every third fetch besides.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from deploy.config.components import discover
from streams.contract.spec import Hosted
from streams.engine.run import run_stage
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage

if TYPE_CHECKING:
    from streams.contract.stage import Stage


def stage_of(name: str, city: Path) -> Stage:
    """Return the stage with every processor of its level, configured by default."""
    hosted = [Hosted(one, spec, spec.config()) for one, spec in discover().items()]
    if name == "intake":
        return IntakeStage(city)
    if name == "zone":
        return ZoneStage(city, [one for one in hosted if not one.spec.second_level])
    return SecondLevelStage(city, [one for one in hosted if one.spec.second_level])


def update_faust(*, lossy: bool) -> None:
    """Make it one whose fetch takes one thing more."""
    fetch = AIOKafkaConsumerThread._fetch_records
    number = count()

    async def later(self: Any, consumer: Any, active_partitions: Any, *, more: Any = None, **rest: Any) -> Any:
        found = await fetch(self, consumer, active_partitions, **rest)
        return {} if lossy and found and next(number) % 3 == 0 else found

    AIOKafkaConsumerThread._fetch_records = later


if __name__ == "__main__":
    stage, kafka, data, city, part, *changed = sys.argv[1:]
    if changed:
        update_faust(lossy="lossy" in changed)
    run_stage(stage_of(stage, Path(city)), kafka, Path(data), part)
