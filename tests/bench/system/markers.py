"""Marker sensors: each the only sensor of a road segment, so that what the segment shows came from it."""

from __future__ import annotations

import csv
import json
import shutil
import time
from typing import TYPE_CHECKING

from deploy.config.run import SAMPLE_CITY
from streams.broker.topics import inbox
from streams.city.registry import SENSOR_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DOMAIN = "traffic"
DETECTOR = "det-"
SPEED_KM_H, FLOW_VEH_H = 40.0, 600.0


def city_with_markers(folder: Path, count: int) -> dict[str, str]:
    """Copy the sample city; on some segments a marker takes the detectors' place → marker → segment.

    The markers' kind is none that the simulation knows, so its feed leaves them alone.
    """
    shutil.copytree(SAMPLE_CITY, folder)
    path = folder / "sensors.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    watched = sorted({row["segment"] for row in rows if row["sensor"].startswith(DETECTOR)})
    chosen = watched[:: len(watched) // count][:count]
    markers: dict[str, str] = {}
    for row in rows:
        if row["segment"] in chosen and row["segment"] not in markers.values():
            row |= {"sensor": f"marker-{len(markers):02d}", "domain": DOMAIN, "interval_s": "5"}
            markers[row["sensor"]] = row["segment"]
    kept = [row for row in rows if row["sensor"] in markers or row["segment"] not in chosen]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, SENSOR_COLUMNS)
        writer.writeheader()
        writer.writerows(kept)
    return markers


def send(kafka: str, markers: Mapping[str, str], per_s: float, over_s: float) -> Iterator[tuple[str, int]]:
    """Send readings of the markers in turn, evenly, at the city's time → (segment, event time ms) of each."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka, acks=1, linger_ms=0)
    try:
        began = time.monotonic()
        for number in range(int(per_s * over_s)):
            time.sleep(max(began + number / per_s - time.monotonic(), 0.0))
            sensor = list(markers)[number % len(markers)]
            at_ms = time.time_ns() // 1_000_000
            reading = {"sensor": sensor, "at": at_ms, "speed_km_h": SPEED_KM_H, "flow_veh_h": FLOW_VEH_H}
            producer.send(inbox(DOMAIN), key=sensor.encode(), value=json.dumps(reading).encode())
            producer.flush()
            yield markers[sensor], at_ms
    finally:
        producer.close()
