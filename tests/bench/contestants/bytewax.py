"""`bytewax`: `fold_window` on event time, as its documentation writes it, with msgspec and large batches.

It reads to the end of the topic and stops, because its windows close by their own key's events or at the end: another
key's sentinel does not close them. It has no durable state; recovery is off unless asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench.job import FREE_FLOW_KM_H, INBOX, LATE_MS, MIN_SPEED_KM_H, MINUTE_MS, RESULTS, START_MS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("bytewax",)
DURABLE = False
INEXACT = "its event clock adds the system time that has passed, so on a busy machine late readings are dropped"
BATCH = 5_000
WAIT_MS = 2 * LATE_MS
"""Twice what the job asks for, to be kind to that clock."""


def command(process: str, place: Place) -> list[str]:
    """Run in an environment of its own."""
    from tests.bench import environment

    return environment.command("bytewax", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    from tests.bench import environment

    return environment.versions("bytewax", "confluent-kafka", "msgspec")


def main(process: str, place: Place) -> None:
    """Run the dataflow, then wait to be ended."""
    from bytewax.run import cli_main

    cli_main(_dataflow(place.bootstrap, lambda: place.first_record(process)))
    place.stay()


def _dataflow(bootstrap: str, begun: Callable[[], None]) -> Any:
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    import msgspec
    from bytewax.connectors.kafka import KafkaSinkMessage
    from bytewax.connectors.kafka import operators as kop
    from bytewax.dataflow import Dataflow

    class Reading(msgspec.Struct):
        sensor: str
        at: int
        speed_km_h: float
        flow_veh_h: float
        occupancy_ratio: float

    parse = msgspec.json.Decoder(Reading).decode

    def decode(message: Any) -> Reading:
        begun()
        return parse(message.value)

    clock = win.EventClock(
        lambda reading: datetime.fromtimestamp(reading.at / 1000, UTC),
        wait_for_system_duration=timedelta(milliseconds=WAIT_MS),
    )
    windower = win.TumblingWindower(
        length=timedelta(milliseconds=MINUTE_MS), align_to=datetime.fromtimestamp(START_MS / 1000, UTC)
    )
    flow = Dataflow("bench")
    inbox = kop.input("inbox", flow, brokers=[bootstrap], topics=[INBOX], tail=False, batch_size=BATCH)
    keyed = op.key_on("sensor", op.map("decode", inbox.oks, decode), lambda reading: reading.sensor)
    minutes = win.fold_window("minutes", keyed, clock, windower, Minute, _fold, _merge, ordered=False)
    results = op.map("result", minutes.down, lambda one: KafkaSinkMessage(None, msgspec.json.encode(_result(*one))))
    kop.output("results", results, brokers=[bootstrap], topic=RESULTS)
    return flow


class Minute(NamedTuple):
    """What a minute of a sensor has come to."""

    flow_veh_h: float = 0.0
    flow_by_speed: float = 0.0
    occupancy_ratio: float = 0.0
    readings: int = 0


def _fold(minute: Minute, reading: Any) -> Minute:
    return Minute(
        minute.flow_veh_h + reading.flow_veh_h,
        minute.flow_by_speed + reading.flow_veh_h / max(reading.speed_km_h, MIN_SPEED_KM_H),
        max(minute.occupancy_ratio, reading.occupancy_ratio),
        minute.readings + 1,
    )


def _merge(one: Minute, other: Minute) -> Minute:
    return Minute(
        one.flow_veh_h + other.flow_veh_h,
        one.flow_by_speed + other.flow_by_speed,
        max(one.occupancy_ratio, other.occupancy_ratio),
        one.readings + other.readings,
    )


def _result(sensor: str, found: tuple[int, Minute]) -> dict[str, float]:
    window, minute = found
    tti = max(FREE_FLOW_KM_H * minute.flow_by_speed / minute.flow_veh_h, 1.0)
    return {"segment": int(sensor[1:]), "at_ms": START_MS + window * MINUTE_MS, "tti": tti, "count": minute.readings}
