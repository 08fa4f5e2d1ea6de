"""`intake`: the shipped path whole, without kernel: inbox JSON → checks → frames → de-duplication → final metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.job import WHOLE
from tests.bench.watched import run_watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("intake", "processors")
TOPIC = "city.metrics.v1"


def main(process: str, place: Place) -> None:
    """Run one of the two parts, as `up` runs them with `kernel = false`."""
    run(process, place, kernel=False)


def run(process: str, place: Place, *, kernel: bool) -> None:
    """Run intake, or the zone stage with the one processor of the job; what follows a dash tells workers apart."""
    from processors import congestion
    from streams.contract.spec import Hosted
    from streams.contract.stage import Stage
    from streams.intake.intake_stage import IntakeStage
    from streams.zone.zone_stage import ZoneStage

    if kernel:
        from streams.warming import warm

        warm()
    hosted = [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]
    stage: Stage
    part = process.partition("-")[0]
    if part == "intake":
        stage = IntakeStage(place.city, kernel=kernel)
    else:
        stage = ZoneStage(place.city, hosted, kernel=kernel)
    run_watched(stage, process, place, framed=kernel and part == "intake")


def results(value: bytes) -> Iterator[tuple[int, int, float, int]]:
    """Read the travel time indices of a metrics frame."""
    from streams.contract.metric_frames import decode_metrics

    rows = decode_metrics(value).rows
    for i in range(len(rows)):
        if rows.metric[i] == "tti_ratio" and rows.window_s[i] == 60 and rows.count[i]:
            yield int(rows.entity[i][1:]), int(rows.at_ms[i]), float(rows.value[i]), int(rows.count[i])
