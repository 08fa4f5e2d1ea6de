"""The bus on a real broker."""

import asyncio
from collections import Counter

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from streams.engine.bus import KafkaBus
from streams.engine.stage import Message


@pytest.mark.timeout(180)
def test_every_read_of_a_partition_is_whole(kafka, unique: str):
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 1, 1)])
    admin.close()

    async def lengths() -> Counter[int]:
        bus = KafkaBus(kafka.address)
        await bus.start()
        await bus.send([Message(unique, b"k", b"v", 0)] * 3)
        read = Counter()
        for _ in range(10):
            read.update(len(found) for found in await asyncio.gather(*[bus.read_all(unique, 0) for _ in range(4)]))
        await bus.stop()
        return read

    assert asyncio.run(lengths()) == {3: 40}
