"""Record timestamps are arrivals: what a replay of 2014 sends outlives checks that a stamp of 2014 would not."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.embedded import kafka as embedded
from streams.broker import topics
from streams.feeds.aarhus import prepare
from streams.feeds.replay.running import run_replay
from tests.topic import records_of
from tests.waiting import until

LINKS, STAMPS = 20, 60
FIRST_MS = int(datetime(2014, 8, 20, tzinfo=UTC).timestamp() * 1000)
META = (
    "POINT_1_NAME,POINT_2_NAME,NDT_IN_KMH,POINT_1_POSTAL_CODE,POINT_1_LAT,POINT_1_LNG,"
    "POINT_2_LAT,POINT_2_LNG,ROAD_TYPE,REPORT_ID,DISTANCE_IN_METERS"
)
ROWS = "avgSpeed,TIMESTAMP,vehicleCount,avgMeasuredTime,REPORT_ID"
CHECK_OFTEN = {"log.retention.check.interval.ms": "300", "log.initial.task.delay.ms": "300"}
CANARY = topics.readings("health")
"""A topic with the inbox's retention, in which a record of 2014 shows that a check has passed."""
PASSES = 2
"""A check that began after the replay's end has surely seen all its records."""
PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def broker(tmp_path_factory, cache):
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache, settings=CHECK_OFTEN) as running:
        topics.ensure_topics(running.address)
        yield running.address


@pytest.fixture
def plan(tmp_path):
    """Twenty links, a row each every five minutes for five hours of 2014."""
    links = [f"{i},{i + 1},50,8000,56.1,{10 + i / 100},56.1,{10 + (i + 1) / 100},ROAD,{i},500" for i in range(LINKS)]
    (tmp_path / "meta.csv").write_text("\n".join([META, *links]))
    stamps = [f"2014-08-20T{s // 12:02}:{s % 12 * 5:02}:00" for s in range(STAMPS)]
    rows = [f"{10 + i},{stamp},{s},60,{i}" for i in range(LINKS) for s, stamp in enumerate(stamps)]
    (tmp_path / "traffic.csv").write_text("\n".join([ROWS, *rows]))
    return prepare(tmp_path, tmp_path / "city")


def wait_for_a_check(broker):
    """Put a record stamped 2014 into the canary and wait until retention has taken it."""
    source = TopicPartition(CANARY, 0)
    with (
        closing(KafkaProducer(bootstrap_servers=broker, acks="all")) as producer,
        closing(KafkaConsumer(bootstrap_servers=broker)) as consumer,
    ):
        offset = producer.send(CANARY, b"old", partition=0, timestamp_ms=FIRST_MS).get(30).offset
        until(lambda: consumer.beginning_offsets([source])[source] > offset, PATIENCE_S)


def test_a_replay_of_2014_is_whole_after_retention_checks(broker, plan, tmp_path):
    began_ms = time.time_ns() // 1_000_000
    run_replay(plan, broker, speed=None, data=tmp_path, stop=threading.Event())
    for _ in range(PASSES):
        wait_for_a_check(broker)
    records = records_of(broker, topics.inbox("traffic"))
    rows = [line for record in records for line in (record.value or b"").splitlines() if line]
    assert len(rows) == LINKS * STAMPS
    assert len(set(rows)) == LINKS * STAMPS
    assert all(b"1408" in row for row in rows)  # their event time, epoch ms, is of August 2014
    assert min(record.timestamp for record in records) >= began_ms
