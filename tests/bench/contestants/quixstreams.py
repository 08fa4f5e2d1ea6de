"""`quixstreams`: a tumbling window with `reduce` and `final`, as its documentation writes it.

Its state is in RocksDB with a changelog topic, its JSON by orjson: both its defaults. Windows close by partition.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.bench.job import FREE_FLOW_KM_H, INBOX, LATE_MS, MIN_SPEED_KM_H, MINUTE_MS, RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = 300_000
"""Three minutes, as dense."""

PROCESSES = ("quixstreams",)


def command(process: str, place: Place) -> list[str]:
    """Run in an environment of its own."""
    from tests.bench import environment

    return environment.command("quixstreams", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    from tests.bench import environment

    return environment.versions("quixstreams", "confluent-kafka", "orjson", "rocksdict")


def main(process: str, place: Place) -> None:
    """Run the application until the process is ended."""
    from quixstreams import Application

    app = Application(
        broker_address=place.bootstrap,
        consumer_group=place.group,
        auto_offset_reset="earliest",
        state_dir=place.folder / "state",
        loglevel="WARNING",
    )

    def event_time_ms(value: Any, headers: Any, timestamp_ms: float, kind: Any) -> int:
        place.first_record(process)
        return int(value["at"])

    readings = app.dataframe(app.topic(INBOX, timestamp_extractor=event_time_ms))
    minutes = readings.tumbling_window(timedelta(milliseconds=MINUTE_MS), timedelta(milliseconds=LATE_MS))
    closed = minutes.reduce(reducer=_add, initializer=_begin).final(closing_strategy="partition")
    closed.apply(_result).to_topic(app.topic(RESULTS))
    app.run()


def _begin(reading: dict[str, Any]) -> dict[str, Any]:
    flow = reading["flow_veh_h"]
    return {
        "sensor": reading["sensor"],
        "flow_veh_h": flow,
        "flow_by_speed": flow / max(reading["speed_km_h"], MIN_SPEED_KM_H),
        "occupancy_ratio": reading["occupancy_ratio"],
        "count": 1,
    }


def _add(minute: dict[str, Any], reading: dict[str, Any]) -> dict[str, Any]:
    flow = reading["flow_veh_h"]
    minute["flow_veh_h"] += flow
    minute["flow_by_speed"] += flow / max(reading["speed_km_h"], MIN_SPEED_KM_H)
    minute["occupancy_ratio"] = max(minute["occupancy_ratio"], reading["occupancy_ratio"])
    minute["count"] += 1
    return minute


def _result(window: dict[str, Any]) -> dict[str, Any]:
    minute = window["value"]
    tti = max(FREE_FLOW_KM_H * minute["flow_by_speed"] / minute["flow_veh_h"], 1.0)
    return {"segment": int(minute["sensor"][1:]), "at_ms": window["start"], "tti": tti, "count": minute["count"]}
