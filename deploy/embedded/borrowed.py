"""The Kafka of a data folder, for a command that reads: the one that runs, or our own, started for that long."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deploy.config import run as runs
from deploy.config import settings
from deploy.embedded import kafka
from deploy.supervision import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deploy.config.run import Run

FOLDER = "kafka"
"""Where the embedded broker keeps its log, in the data folder."""


@contextmanager
def kafka_of(data: Path, report: Callable[[str], None]) -> Iterator[str]:
    """Give the address of a city's Kafka.

    A broker that we start holds the data folder meanwhile, so there are never two on one log.
    Raises ConfigError where the folder holds no city, UnreachableError when the broker does not start.
    """
    run = runs.read(data)
    if folder.holder(data) is not None or not _is_ours(run, data):
        yield run.kafka
        return
    since = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    lock = folder.take(data, folder.Holder(os.getpid(), f"{run.city_id} (a command that reads its Kafka)", since))
    try:
        with kafka.running(data / FOLDER, settings.cache_home(), report) as broker:
            yield broker.address
    finally:
        lock.release()


def _is_ours(run: Run, data: Path) -> bool:
    """Tell whether the city's Kafka is the embedded one."""
    return (data / FOLDER / "log").is_dir() if run.embedded_kafka is None else run.embedded_kafka
