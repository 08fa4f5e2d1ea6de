"""`bare_loop`: what a careful hand writes without any framework: aiokafka's `getmany`, msgspec and numpy, no state."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.bench.job import INBOX, RESULTS, WHOLE

if TYPE_CHECKING:
    from tests.bench.place import Place

READINGS = WHOLE
PROCESSES = ("bare_loop",)
DURABLE = False
FETCH_BYTES = 2 * 2**20
"""A partition and fetch, as ours."""


def main(process: str, place: Place) -> None:
    """Run the loop until the process is ended."""
    asyncio.run(_loop(process, place))


async def _loop(process: str, place: Place) -> None:
    import msgspec
    import numpy as np
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    from tests.bench.batches import send_batches
    from tests.bench.minutes import Minutes

    class Reading(msgspec.Struct):
        sensor: str
        at: int
        speed_km_h: float
        flow_veh_h: float

    decode = msgspec.json.Decoder(Reading).decode
    states: dict[object, Minutes] = defaultdict(Minutes)
    consumer = AIOKafkaConsumer(
        INBOX,
        bootstrap_servers=place.bootstrap,
        group_id=place.group,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    async with AIOKafkaProducer(bootstrap_servers=place.bootstrap) as producer, consumer:
        while True:
            for source, records in (await consumer.getmany(timeout_ms=100)).items():
                place.first_record(process)
                rows = [decode(record.value) for record in records]
                states[source].fold(
                    np.array([row.at for row in rows]),
                    np.array([int(row.sensor[1:]) for row in rows]),
                    np.array([row.speed_km_h for row in rows]),
                    np.array([row.flow_veh_h for row in rows]),
                )
                await send_batches(producer, RESULTS, 0, ((None, value) for value in states[source].close()))
