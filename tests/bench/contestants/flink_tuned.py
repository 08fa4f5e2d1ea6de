"""`flink_tuned`: Flink by an expert: DataStream API on one slot, object reuse, parser by hand, large fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import maven
from tests.bench.job import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("flink_tuned",)


def command(process: str, place: Place) -> list[str]:
    """Build what is missing → what to run."""
    return maven.command("FlinkTuned", process, place)


def versions() -> Mapping[str, str]:
    """Name what it is made of."""
    return maven.versions("flink-clients", "flink-connector-kafka")
