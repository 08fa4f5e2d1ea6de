"""The supervisor's own look at the brokers, written to `<data>/tail.json` every 2 s; it publishes a changed city, too.

`python -m deploy.supervision.tail --data DIR` runs it.

It is a process of its own, so that no Kafka client runs inside the supervisor. What it writes is compared with what the
parts say they have absorbed (`deploy/supervision/watch.py`).
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.config import run as runs
from deploy.supervision import refused_city
from deploy.supervision.child import now_ms
from deploy.supervision.folder import write_json
from deploy.supervision.publisher import COMMAND, Publisher
from streams.broker.ends import EndsReader, Extent
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from deploy.config.run import Run
    from streams.contract.stage import TopicPartition

FILE = "tail.json"
EVERY_S = 2.0

log = logging.getLogger("citywall")


class PartitionExtent(msgspec.Struct, frozen=True):
    """The offsets that one partition holds."""

    topic: str
    partition: int
    begin: int
    end: int


class Tail(msgspec.Struct, frozen=True):
    """What the brokers said at a time."""

    at_ms: int
    answers: bool
    """Whether they answered for every partition."""
    partitions: list[PartitionExtent] = []
    answer_s: float = 0.0
    """How long they took to answer one small question."""

    def extents(self) -> dict[TopicPartition, Extent]:
        """Return the extent of each partition."""
        from streams.contract.stage import TopicPartition

        return {TopicPartition(one.topic, one.partition): Extent(one.begin, one.end) for one in self.partitions}


def read(data: Path) -> Tail | None:
    """Read what was last written."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=Tail)
    except (OSError, msgspec.DecodeError):
        return None


def main(argv: list[str]) -> int:
    """Look, for ever."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.supervision.tail", description="Watch where the partitions end."
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run = runs.read(args.data)
    reader = EndsReader(run.kafka)
    publisher = publisher_of(run)
    answered = True
    while True:
        began_s = time.monotonic()
        tail = _look(reader, answered)
        answered = tail.answers
        if answered:
            publisher.look()
        try:
            write_json(args.data / FILE, tail)
        except OSError as exc:  # a full disk: nobody judges by an old file
            log.warning("%s cannot be written: %s", FILE, exc)
        time.sleep(max(began_s + EVERY_S - time.monotonic(), EVERY_S / 4))


def publisher_of(run: Run) -> Publisher:
    """Prepare to look at the run's city folder: what stood there refused when nobody looked may be mended by now."""
    publisher = Publisher(run.city_edited_path, [*COMMAND, "--data", run.data], run.city_path)
    if publisher.in_force:
        refused_city.forget(run.data_path)
    return publisher


def _look(reader: EndsReader, answered: bool) -> Tail:
    try:
        found = reader.read()
    except UnreachableError as exc:
        if answered:
            log.warning("%s; waiting for it", exc)
        return Tail(now_ms(), False)
    if not answered:
        log.warning("Kafka is back")
    partitions = [PartitionExtent(*partition, *extent) for partition, extent in sorted(found.items())]
    return Tail(now_ms(), True, partitions, reader.answer_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
