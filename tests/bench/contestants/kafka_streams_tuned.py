"""`kafka_streams_tuned`: Kafka Streams by an expert: Processor API, sums on the heap and in a changelog, own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import maven
from tests.bench.job import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("kafka_streams_tuned",)


def command(process: str, place: Place) -> list[str]:
    """Build what is missing → what to run."""
    return maven.command("KafkaStreamsTuned", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    return maven.versions("kafka-streams")
