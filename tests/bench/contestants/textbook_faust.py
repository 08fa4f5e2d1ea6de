"""`textbook_faust`: Faust as its documentation writes it: a Record, an agent, a windowed Table, one event at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.bench.job import FREE_FLOW_KM_H, INBOX, MIN_SPEED_KM_H, MINUTE_MS, PARTITIONS, RESULTS, START_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.place import Place

READINGS = 100_000
"""The job's first minute, as dense: a million would take seven minutes."""

PROCESSES = ("textbook_faust",)
EXPIRES_S = 20 * 365 * 86_400.0
"""Faust drops windows by the wall clock, every half minute: an old day's would go while they are being filled."""


def main(process: str, place: Place) -> None:
    """Run the app until it is stopped."""
    import faust

    class Reading(faust.Record, serializer="json"):
        sensor: str
        at: int
        speed_km_h: float
        flow_veh_h: float
        occupancy_ratio: float

    (place.folder / "faust").mkdir()
    app = faust.App(
        "bench-textbook",
        broker=f"kafka://{place.bootstrap}",
        datadir=str(place.folder / "faust"),
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
    )
    _congestion(app, app.topic(INBOX, value_type=Reading), lambda: place.first_record(process))
    faust.Worker(app, loglevel="ERROR", quiet=True).execute_from_commandline()


def _congestion(app: Any, inbox: Any, begun: Callable[[], None]) -> None:
    """Add the agent: one event at a time into a windowed table of records; the sentinel asks for the results."""
    import faust

    class Minute(faust.Record):
        flow_veh_h: float = 0.0
        flow_by_speed: float = 0.0
        occupancy_ratio: float = 0.0
        count: int = 0

    out = app.topic(RESULTS, value_serializer="raw")
    windowed = app.Table("minutes", default=Minute, partitions=PARTITIONS).tumbling(60.0, expires=EXPIRES_S)
    minutes = windowed.relative_to(lambda event: event.value.at / 1000)
    first_minute = minutes.table.window.current(START_MS / 1000)
    sensors: dict[int, set[str]] = defaultdict(set)

    @app.agent(inbox)  # type: ignore[untyped-decorator]  # Faust's agent
    async def congestion(stream: Any) -> None:
        async for event in stream.events():
            begun()
            reading = event.value
            if reading.at >= START_MS + MINUTE_MS:  # the sentinel
                for sensor in sensors[event.message.partition]:
                    await out.send(value=_result(sensor, minutes[sensor][first_minute]))
                continue
            sensors[event.message.partition].add(reading.sensor)
            minute = minutes[reading.sensor].value()
            minute.flow_veh_h += reading.flow_veh_h
            minute.flow_by_speed += reading.flow_veh_h / max(reading.speed_km_h, MIN_SPEED_KM_H)
            minute.occupancy_ratio = max(minute.occupancy_ratio, reading.occupancy_ratio)
            minute.count += 1
            minutes[reading.sensor] = minute


def _result(sensor: str, minute: Any) -> bytes:
    tti = max(FREE_FLOW_KM_H * minute.flow_by_speed / minute.flow_veh_h, 1.0)
    return json.dumps({"segment": int(sensor[1:]), "at_ms": START_MS, "tti": tti, "count": minute.count}).encode()
