"""`pathway`: `windowby` with `exactly_once_behavior`, as its documentation writes it; its own reader parses the JSON.

Its event clock is one for a whole table, and partitions are not read evenly: readings of the partition that is behind
would be dropped. So each partition has a table and a clock of its own. No line of Python runs for a reading: what is
measured begins when the graph stands and the engine starts. It has no durable state: persistence is off by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.job import FREE_FLOW_KM_H, INBOX, LATE_MS, MIN_SPEED_KM_H, MINUTE_MS, PARTITIONS, RESULTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("pathway",)
DURABLE = False
END = 9
"""Behind the last digit of each sensor's name."""


def command(process: str, place: Place) -> list[str]:
    """Run in an environment of its own."""
    from tests.bench import environment

    return environment.command("pathway", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    from tests.bench import environment

    return environment.versions("pathway")


def main(process: str, place: Place) -> None:
    """Build the graph, then run it until the process is ended."""
    import pathway as pw

    class Reading(pw.Schema):
        sensor: str
        at: int
        speed_km_h: float
        flow_veh_h: float

    kafka = {"bootstrap.servers": place.bootstrap, "group.id": place.group, "auto.offset.reset": "earliest"}
    readings = pw.io.kafka.read(kafka, INBOX, schema=Reading, format="json", with_metadata=True)
    speed_km_h = pw.if_else(pw.this.speed_km_h < MIN_SPEED_KM_H, MIN_SPEED_KM_H, pw.this.speed_km_h)
    weighed = readings.select(
        pw.this.sensor,
        pw.this.at,
        pw.this.flow_veh_h,
        flow_by_speed=pw.this.flow_veh_h / speed_km_h,
        partition=pw.this._metadata["partition"].as_int(),
    )
    closed = [_closed(weighed.filter(pw.this.partition == partition)) for partition in range(PARTITIONS)]
    minutes = pw.Table.concat_reindex(*closed)
    tti = FREE_FLOW_KM_H * pw.this.flow_by_speed / pw.this.flow_veh_h
    results = minutes.select(
        pw.this.at_ms,
        pw.this.count,
        segment=pw.this.sensor.str.slice(1, END).str.parse_int(),
        tti=pw.if_else(tti < 1.0, 1.0, tti),
    )
    pw.io.kafka.write(results, kafka, RESULTS, format="json")
    place.first_record(process)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


def _closed(readings: Any) -> Any:
    """Return what closed minutes of a partition have come to."""
    import pathway as pw

    minutes = readings.windowby(
        readings.at,
        window=pw.temporal.tumbling(duration=MINUTE_MS),
        instance=readings.sensor,
        behavior=pw.temporal.exactly_once_behavior(shift=LATE_MS),
    )
    return minutes.reduce(
        sensor=pw.this._pw_instance,
        at_ms=pw.this._pw_window_start,
        flow_veh_h=pw.reducers.sum(pw.this.flow_veh_h),
        flow_by_speed=pw.reducers.sum(pw.this.flow_by_speed),
        count=pw.reducers.count(),
    )
