"""A move is published with the minute from which it holds: by the city clock, to a real Kafka."""

import time

import msgspec
import pytest
from kafka import KafkaProducer

from deploy.embedded import kafka as embedded
from streams.broker import topics
from streams.city import versions
from streams.city.clock import ClockSetting
from streams.city.folder import read_folder
from streams.city.publishing import publish
from tests.city_edits import properties
from tests.small_city import write_small_city
from tests.topic import records_of

AT_MS = 1_600_000_000_000
"""What the city clock says; it stands still."""


@pytest.fixture
def address(tmp_path_factory, cache):
    """A Kafka of its own: what other tests send must not meet this clock."""
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        topics.ensure_topics(running.address)
        yield running.address


def test_a_published_move_holds_from_the_city_clocks_time_on(address, tmp_path):
    producer = KafkaProducer(bootstrap_servers=address)
    setting = ClockSetting(at_ms=AT_MS, wall_ms=time.time_ns() // 1_000_000, speed=0.0)
    producer.send(topics.CLOCK, msgspec.json.encode(setting), b"small").get(30)
    producer.close()
    folder = write_small_city(tmp_path)
    first = publish(address, read_folder(folder), {})
    properties("segments", 1, zone="z0")(folder)
    second = publish(address, read_folder(folder), {})
    assert (first, second) == (1, 2)
    [move] = versions.stored(records_of(address, topics.CITIES))[2].open().moves.moves
    assert (move.sensor, move.zone, move.segment) == ("d1", "z1", "s1")
    assert move.until_ms == -(-(AT_MS + 300_000) // 60_000) * 60_000
