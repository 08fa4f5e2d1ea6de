"""The broker of a race: started or given, and before each run its topics made anew and its inbox filled."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench.batches import send_batches
from tests.bench.job import INBOX, RESULTS, clock_value, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.job import Job

OURS = ("city.", "bench", "changelog__bench", "repartition__bench")
"""Beginnings of the topics that are remade; Quix Streams puts its own word before a name."""

GROUPS = ("citywall-", "bench")
BATCH_BYTES = 2**18
"""As large as a gateway's producer makes them when it lingers."""


@contextmanager
def broker(address: str | None, folder: Path) -> Iterator[str]:
    """Yield the broker's address: a given one, or an embedded one that ends with the block."""
    if address is not None:
        yield address
        return
    from deploy.config.settings import cache_home
    from deploy.embedded.kafka import running

    with running(folder / "kafka", cache_home()) as kafka:
        yield kafka.address


def fill(bootstrap: str, job: Job) -> None:
    """Make all topics anew, set the city clock and put the job into the inbox."""
    from kafka import KafkaAdminClient

    from streams.broker.topics import ensure_topics

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    old = [name for name in admin.list_topics() if name.startswith(OURS)]
    if old:
        admin.delete_topics(old)
    while set(admin.list_topics()) & set(old):
        time.sleep(0.2)
    groups = [one["group_id"] if isinstance(one, dict) else one[0] for one in admin.list_groups()]
    for group in groups:
        if group.startswith(GROUPS):
            admin.delete_groups([group])
    ensure_topics(bootstrap, {"traffic": job.shape.partitions})
    kept = {"retention.ms": "-1"}  # some peers stamp results with event time, and Kafka would delete them at once
    admin.create_topics({RESULTS: {"num_partitions": 1, "replication_factor": 1, "configs": kept}})
    admin.close()
    asyncio.run(_send(bootstrap, job))


async def _send(bootstrap: str, job: Job) -> None:
    from aiokafka import AIOKafkaProducer

    from streams.broker.topics import CLOCK

    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of topics that have only just been made
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(CLOCK, clock_value(job), b"bench", partition=0)
        for partition in range(job.shape.partitions):
            await send_batches(producer, INBOX, partition, records(job, partition))
    finally:
        await producer.stop()
