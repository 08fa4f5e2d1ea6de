"""Input that other processes make before the clock starts: for a contestant that is a later stage."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.contract import ContestantError, load
from tests.bench.job import INBOX, PARTITIONS
from tests.bench.race import LIMIT_S, end, start

if TYPE_CHECKING:
    import subprocess

    from tests.bench.place import Place


def run_to_end(name: str, process: str, group: str, place: Place) -> None:
    """Run a process of another contestant until its group has committed the whole inbox, then end it.

    `preload.run_to_end("intake", "intake", "citywall-intake", place)` leaves all frames in the readings topic.
    """
    child = start(load(name).command(process, place), place, f"{process}.preload")
    try:
        _wait_committed(child, group, place)
    finally:
        end(child)
    (place.folder / f"{process}.first").unlink()


def _wait_committed(child: subprocess.Popen[bytes], group: str, place: Place) -> None:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=place.bootstrap, group_id=group, enable_auto_commit=False)
    try:
        ends = consumer.end_offsets([TopicPartition(INBOX, partition) for partition in range(PARTITIONS)])
        deadline = time.time() + LIMIT_S
        while any((consumer.committed(source) or 0) < offset for source, offset in ends.items()):
            if child.poll() is not None or time.time() > deadline:
                raise ContestantError(f"its input was not prepared: {group} did not read the inbox to its end")
            time.sleep(0.2)
    finally:
        consumer.close()
