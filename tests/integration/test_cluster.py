"""Three brokers, three copies: one is killed while readings flow, nothing is lost and nothing waits long for it."""

import asyncio
import sys
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from deploy.config.components import discover
from deploy.embedded.cluster import running_cluster
from deploy.supervision.process import start, stop
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.contract.metric_frames import decode_metrics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.engine.app import SESSION_S
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.faults import day
from tests.faults.feeder import Feeder
from tests.runs import run_of

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("intake", "processors", "processors_second")
MINUTES, KILLED_AT = 32, 12
MINUTE_S = 0.5
"""A minute of the day goes out every so often."""
LOOK_EVERY_S = 1.0
BUSY = 2.5
"""The machine is shared: waits may be that much longer than on one of our own."""
PATIENCE_S = 120.0
pytestmark = pytest.mark.timeout(400)


def newest(frames):
    """Identity → revision and numbers of the newest revision of each row."""
    rows = {}
    for value in filter(None, frames):
        found = decode_metrics(value).rows
        for i in range(len(found)):
            identity = (found.entity[i], found.metric[i], int(found.at_ms[i]), int(found.window_s[i]))
            numbers = (int(found.numerator[i]), int(found.denominator[i]), int(found.count[i]), str(found.value[i]))
            rows[identity] = max(rows.get(identity, (-1,)), (int(found.revision[i]), *numbers), key=lambda one: one[0])
    return rows


async def in_memory(city_folder):
    """What the stages make of the day on topics in memory, where no broker can be lost."""
    bus = FakeBus({topics.inbox("traffic"): 2, topics.readings("traffic"): 2}, FakeClock(day.end_ms(MINUTES)))
    for items, marks in day.minutes(MINUTES):
        for one in (*items, *marks):
            bus.put(Message(one.topic, b"", one.value, one.partition, one.headers))
    hosted = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
    first = [one for one in hosted if not one.spec.second_level]
    second = [one for one in hosted if one.spec.second_level]
    for stage in (IntakeStage(city_folder), ZoneStage(city_folder, first), SecondLevelStage(city_folder, second)):
        host = FakeHost(stage, bus)
        await host.start()
        await host.drain()
    return newest(record.value for record in bus.log(topics.METRICS))


@pytest.fixture
def cluster(tmp_path, cache):
    with running_cluster(tmp_path / "kafka", cache) as brokers:
        topics.ensure_topics(brokers.address, replication=3)
        yield brokers


@pytest.fixture
def parts(tmp_path, cluster):
    """Intake, zone stage and second level as processes on the cluster; their city folder."""
    city = day.write_city(tmp_path / "city")
    components = {name: {} for name in discover()}
    run = run_of(tmp_path, kafka=cluster.address, components=components)
    run.write()
    running = [
        start([sys.executable, "-m", "deploy.parts", name, "--data", run.data], tmp_path / f"{name}.log", bind=True,
              env={"PYTHONPATH": str(ROOT)})
        for name in PARTS
    ]  # fmt: skip
    yield city
    ended = [process.poll() for process in running]
    for process in running:
        stop(process, 5)
    assert ended == [None] * len(PARTS), [log.read_text() for log in tmp_path.glob("*.log")]


def leader(cluster, topic):
    with closing(KafkaAdminClient(bootstrap_servers=cluster.address.split(","))) as admin:
        (found,) = admin.describe_topics([topic])
    (partition,) = found["partitions"]
    assert sorted(partition["replica_nodes"]) == [1, 2, 3]
    return partition["leader_id"]


def test_one_broker_of_three_may_die_and_nothing_is_lost_or_waits_long(cluster, parts):
    victim = leader(cluster, topics.METRICS)
    feeder = Feeder(cluster.address, MINUTES, lambda _: time.sleep(MINUTE_S))
    expected = asyncio.run(in_memory(parts))
    assert len(expected) > 1000
    survivors = ",".join(broker.address for broker in cluster.brokers if broker.node != victim)
    feeder.start()
    records, until, killed_ms = [], time.monotonic() + PATIENCE_S, None
    while newest(record.value for record in records) != expected:
        assert feeder.error is None
        assert time.monotonic() < until, f"{len(records)} frames, minute {feeder.minute}"
        if killed_ms is None and feeder.minute >= KILLED_AT and records:
            cluster.kill(victim)
            killed_ms = time.time_ns() // 1_000_000
        time.sleep(LOOK_EVERY_S)
        records = asyncio.run(KafkaBus(survivors).read_all(topics.METRICS, 0))
    sent_ms = [record.timestamp for record in records]
    feeder.join(PATIENCE_S)
    assert not feeder.is_alive()
    assert feeder.error is None
    assert killed_ms is not None
    assert sent_ms[0] < killed_ms < sent_ms[-1]
    longest_ms = max(later - earlier for earlier, later in pairwise(sent_ms) if later > killed_ms)
    print(f"after the end of broker {victim} no metrics came for {longest_ms / 1000:.1f} s at most")
    assert longest_ms <= SESSION_S * BUSY * 1000
