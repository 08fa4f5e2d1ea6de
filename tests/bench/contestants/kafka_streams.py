"""`kafka_streams`: Kafka Streams as its documentation writes it: DSL, Jackson, windows in RocksDB, suppress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import maven
from tests.bench.job import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("kafka_streams",)


def command(process: str, place: Place) -> list[str]:
    """Build what is missing → what to run."""
    return maven.command("KafkaStreamsDsl", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    return maven.versions("kafka-streams", "jackson-databind")
