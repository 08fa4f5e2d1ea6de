"""A real broker takes a batch that inflates to more than we do; a consumer with our fetch gets past it, either way."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.structs import TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from streams.transport import chunks, fetching
from streams.transport.inflate import MOST_BYTES

GOOD = b'{"sensor":"d1","at":1}'


async def send(bootstrap, topic):
    size = MOST_BYTES + 1000
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="zstd", max_request_size=2 * size)
    await producer.start()
    for value in (GOOD, b"\0" * size, GOOD):
        await producer.send_and_wait(topic, value, partition=0)
    await producer.stop()


async def receive(bootstrap, topic):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", check_crcs=True)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    found = []
    while len(found) < 3:
        fetched = await consumer.getmany(timeout_ms=1000)
        found += [record for batch in fetched.values() for run in chunks.runs(batch) for record in run]
    await consumer.stop()
    return [(record.offset, len(record.value)) for record in found]


@pytest.mark.parametrize("framed", [True, False])
def test_a_bomb_in_a_topic_stops_no_consumer(kafka, unique, monkeypatch, framed):
    monkeypatch.setattr(fetcher, "PartitionRecords", fetching.PartitionRecords)  # put back at the end
    monkeypatch.setattr(fetcher, "MemoryRecords", fetching.MemoryRecords)
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 1, 1)])
    admin.close()
    asyncio.run(send(kafka.address, unique))
    fetching.install([unique] if framed else [])
    (first, bomb, last) = asyncio.run(receive(kafka.address, unique))
    assert (first, last) == ((0, len(GOOD)), (2, len(GOOD)))
    assert bomb[0] == 1
    assert bomb[1] < 100_000
