"""`intake`: the shipped path whole, without kernel: inbox JSON → checks → frames → de-duplication → final metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.place import Place

READINGS = 1_000_000
PROCESSES = ("intake", "processors")
TOPIC = "city.metrics.v1"


def main(process: str, place: Place) -> None:
    """Run one of the two parts, as `up` runs them."""
    from processors import congestion
    from streams.engine.run import run_stage
    from streams.intake_stage import IntakeStage
    from streams.zone import Hosted
    from streams.zone_stage import ZoneStage

    hosted = [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]
    stage = IntakeStage(place.city) if process == "intake" else ZoneStage(place.city, hosted)
    run_stage(Watched(stage, process, place), place.bootstrap, place.folder)


def results(value: bytes) -> Iterator[tuple[int, int, float, int]]:
    """Read the travel time indices of a metrics frame."""
    from streams.metric_codec import decode_metrics

    rows = decode_metrics(value).rows
    for i in range(len(rows)):
        if rows.metric[i] == "tti_ratio" and rows.window_s[i] == 60 and rows.count[i]:
            yield int(rows.entity[i][1:]), int(rows.at_ms[i]), float(rows.value[i]), int(rows.count[i])
