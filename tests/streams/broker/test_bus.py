"""The bus on a real broker."""

import asyncio
from collections import Counter

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.supervision.process import LOOPBACK, free_ports
from streams.broker.bus import KafkaBus
from streams.contract.stage import Message


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


@pytest.mark.timeout(180)
def test_messages_for_one_partition_keep_their_order_whatever_their_size(kafka, unique: str):
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 2, 1)])
    admin.close()
    sizes = [10, 300_000, 0, 200_000, 100_000, 7, 600_000, 5]
    sent = [
        Message(
            unique, b"%d" % number, None if size == 0 else bytes([number]) * size, number % 2, (("n", b"%d" % number),)
        )
        for number, size in enumerate(sizes * 3)
    ]

    async def read() -> list[list[Message]]:
        bus = KafkaBus(kafka.address)
        await bus.start()
        await bus.send(sent)
        found = [
            [
                Message(unique, one.key or b"", one.value, partition, one.headers)
                for one in await bus.read_all(unique, partition)
            ]
            for partition in (0, 1)
        ]
        bits = await bit_by_bit(bus, unique)
        await bus.stop()
        return [*found, bits]

    assert asyncio.run(read()) == [sent[0::2], sent[1::2], list(range(len(sent) // 2))]


async def bit_by_bit(bus: KafkaBus, topic: str) -> list[int]:
    """Read a partition with a reader that lets go of its connection half-way → the offsets."""
    reader = bus.reader(topic, 0, 0)
    offsets = [one.offset for one in await reader.read()]
    await reader.stop()
    while found := await reader.read():
        offsets += [one.offset for one in found]
    await reader.stop()
    return offsets


@pytest.mark.timeout(180)
def test_what_was_acknowledged_and_what_was_read_is_counted(kafka, unique: str):
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 1, 1)])
    admin.close()
    bus = KafkaBus(kafka.address)

    async def story() -> None:
        await bus.start()
        await bus.send([Message(unique, b"a", b"1234", 0), Message(unique, b"b", None, 0), Message(unique, b"c", b"5")])
        await bus.read_all(unique, 0)
        await bus.stop()

    asyncio.run(story())
    assert (dict(bus.traffic.sent_records), dict(bus.traffic.sent_bytes)) == ({unique: 3}, {unique: 5})
    assert (bus.traffic.read_records, bus.traffic.read_bytes) == (3, 5)


def test_reading_waits_while_no_broker_answers():
    (port,) = free_ports(1)
    bus = KafkaBus(f"{LOOPBACK}:{port}")
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(bus.read_all("t", 0), 2.0))
