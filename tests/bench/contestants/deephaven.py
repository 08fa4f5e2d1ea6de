"""`deephaven`: a table that ticks: sums by segment and minute over a blink table, minutes published as they close.

A partition's minute is closed once its readings are 5 s past it. No line of Python runs for a reading, so its clock
starts when the first record is asked for; the formulas were compiled before, on an empty table. Tables are in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.job import FREE_FLOW_KM_H, INBOX, LATE_MS, MIN_SPEED_KM_H, MINUTE_MS, RESULTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("deephaven",)
DURABLE = False
RESULT = ("segment", "at_ms", "tti", "count")


def command(process: str, place: Place) -> list[str]:
    """Run in an environment of its own."""
    from tests.bench import environment, java

    home = java.home()  # asked before anything is installed
    return ["env", f"JAVA_HOME={home}", *environment.command("deephaven", process, place)]


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    from tests.bench import environment

    return environment.versions("deephaven", "deephaven-server", "deephaven-core")


def main(process: str, place: Place) -> None:
    """Start the server in this process, publish closed minutes until the process is ended."""
    from deephaven_server import Server

    from tests.bench import java

    Server(port=0, jvm_args=["-XX:-UseG1GC", *java.HEAP]).start()  # G1 is what it chooses by itself

    from deephaven import dtypes, new_table
    from deephaven.column import double_col, int_col, long_col, string_col
    from deephaven.execution_context import get_exec_ctx
    from deephaven.json import jackson
    from deephaven.stream.kafka import consumer, producer
    from deephaven.update_graph import exclusive_lock

    none: list[Any] = []
    numbers = [double_col("speed_km_h", none), double_col("flow_veh_h", none)]
    _closed(new_table([int_col("KafkaPartition", none), string_col("sensor", none), long_col("at", none), *numbers]))
    columns = {"sensor": str, "at": dtypes.int64, "speed_km_h": dtypes.double, "flow_veh_h": dtypes.double}
    kafka = {"bootstrap.servers": place.bootstrap}
    place.first_record(process)
    with exclusive_lock(get_exec_ctx()):  # else a cycle may pass, and its rows with it, before they are added up
        readings = consumer.consume(
            kafka,
            INBOX,
            offsets=consumer.ALL_PARTITIONS_SEEK_TO_BEGINNING,
            key_spec=consumer.KeyValueSpec.IGNORE,
            value_spec=consumer.object_processor_spec(jackson.provider(columns)),
            table_type=consumer.TableType.blink(),
        )
        results = producer.json_spec(list(RESULT))
        kept = producer.produce(_closed(readings), kafka, RESULTS, producer.KeyValueSpec.IGNORE, results)
    place.stay()
    kept()


def _closed(readings: Any) -> Any:
    """Return the results of closed minutes: rows are added, none changes."""
    from deephaven import agg

    minutes = readings.update_view(
        [
            "segment = Integer.parseInt(sensor.substring(1))",
            f"at_ms = at - at % {MINUTE_MS}",
            f"flow_by_speed = flow_veh_h / Math.max(speed_km_h, {MIN_SPEED_KM_H})",
        ]
    ).agg_by(
        [agg.sum_(["flow_veh_h", "flow_by_speed"]), agg.count_("count")],
        by=["KafkaPartition", "segment", "at_ms"],
    )
    marks = readings.agg_by(agg.max_("mark = at"), by=["KafkaPartition"])
    ends = minutes.select_distinct(["KafkaPartition", "at_ms"]).natural_join(marks, on="KafkaPartition")
    over = ends.where(f"at_ms + {MINUTE_MS + LATE_MS} <= mark")
    return (
        minutes.where_in(over, ["KafkaPartition", "at_ms"])
        .view(["segment", "at_ms", "count", f"tti = Math.max({FREE_FLOW_KM_H} * flow_by_speed / flow_veh_h, 1.0)"])
        .view(list(RESULT))
    )
