"""`limit_duckdb`: the limit: DuckDB parses the same bytes from a file and works the job out, without any Kafka."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.bench.job import (
    FREE_FLOW_KM_H,
    MIN_SPEED_KM_H,
    MINUTE_MS,
    PARTITIONS,
    RESULTS,
    WHOLE,
    records,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.job import Job
    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("limit_duckdb",)
DURABLE = False
FILE = "readings.ndjson"
MESSAGE_BYTES = 30_000_000

QUERY = """
SELECT CAST(substr(sensor, 2) AS INTEGER), "at" // $minute_ms * $minute_ms AS minute,
    greatest($free_flow * sum(flow_veh_h / greatest(speed_km_h, $min_speed)) / sum(flow_veh_h), 1), count(*)
FROM read_json($file, format = 'newline_delimited', columns = {
    'sensor': 'VARCHAR', 'at': 'BIGINT', 'speed_km_h': 'DOUBLE', 'flow_veh_h': 'DOUBLE', 'occupancy_ratio': 'DOUBLE'
})
GROUP BY sensor, minute
"""


def prepare(place: Place, job: Job) -> None:
    """Write the records into a file, a line each."""
    with (place.folder / FILE).open("wb") as file:
        for partition in range(PARTITIONS):
            file.writelines(value + b"\n" for _, value in records(job, partition))


def command(process: str, place: Place) -> list[str]:
    """Run in an environment of its own."""
    from tests.bench import environment

    return environment.command("limit_duckdb", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    from tests.bench import environment

    return environment.versions("limit_duckdb", "duckdb")


def main(process: str, place: Place) -> None:
    """Read the file, send all results in one record, wait to be ended."""
    import duckdb
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=place.bootstrap, max_request_size=MESSAGE_BYTES)
    connection = duckdb.connect()
    place.first_record(process)
    terms = {"minute_ms": MINUTE_MS, "free_flow": FREE_FLOW_KM_H, "min_speed": MIN_SPEED_KM_H}
    rows = connection.execute(QUERY, terms | {"file": str(place.folder / FILE)}).fetchall()
    producer.send(RESULTS, json.dumps(rows).encode())
    producer.flush()
    place.stay()


def results(value: bytes) -> Iterator[tuple[int, int, float, int]]:
    """Read all results."""
    yield from json.loads(value)
